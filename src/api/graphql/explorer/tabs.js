import { withoutSecrets } from './secrets.js';
import { prepared, steps } from './steps.js';
import { store, stored } from './storage.js';

/**
 * Tells GraphiQL which tabs to open: those of the last visit, else the steps; and for a link, another one.
 * It opens the last tab that has the query and the variables which it finds stored by themselves.
 *
 * @param link what the page's address asks for: `{ query, variables, operationName }`
 */
export function openTabs(link) {
  const { tabs, activeTabIndex } = keptTabs() ?? { tabs: steps.map(tabOf), activeTabIndex: 0 };
  const all = tabs.map((tab) => ({ ...tab, variables: prepared(tab) }));
  const active = link ? (all.find((tab) => isSame(tab, link)) ?? tabOf(link)) : (all[activeTabIndex] ?? all[0]);
  if (!all.includes(active)) all.push(active);
  store('tabState', { tabs: all, activeTabIndex: all.indexOf(active) });
  store('query', active.query ?? '');
  store('variables', active.variables ?? '');
}

/** What an address like `?query={viewer{sid}}&variables={}&operationName=` asks for; undefined without a query. */
export function linkIn(search) {
  const parameters = new URLSearchParams(search);
  const query = parameters.get('query');
  return query ? { query, variables: parameters.get('variables') ?? '', operationName: parameters.get('operationName') } : undefined;
}

function keptTabs() {
  const kept = stored('tabState');
  return kept?.tabs?.length > 0 ? kept : undefined;
}

function isSame(tab, link) {
  const [one, other] = [tab, link].map(withoutSecrets);
  return one.query === other.query && (one.variables ?? '') === other.variables;
}

function tabOf({ query, variables, operationName = null }) {
  const title = operationName || /^\s*(?:query|mutation|subscription)\s+(\w+)/m.exec(query)?.[1];
  const id = [...crypto.getRandomValues(new Uint8Array(8))].join('-');
  return { id, title: title ?? '<untitled>', query, variables, operationName: title ?? null, headers: null, response: null };
}
