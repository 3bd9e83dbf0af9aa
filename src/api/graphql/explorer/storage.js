import { withoutSecrets } from './secrets.js';

/** What GraphiQL may keep as it is. All else that it would keep, it keeps until the page is left: nobody has looked whether it is secret. */
const harmless = ['theme', 'docExplorerFlex', 'editorFlex', 'secondaryEditorFlex', 'steps'].map(keyOf);
const tabs = keyOf('tabState');
const histories = ['queries', 'favorites'].map(keyOf);

const items = new Map();
for (const key of [tabs, ...histories, ...harmless]) restore(key);

/**
 * The storage that GraphiQL is given. It forgets nothing while the page is open. In the browser it leaves the tabs and the history, without
 * answers, headers and secrets, and the settings.
 */
export const storage = {
  getItem: (key) => items.get(key) ?? null,
  setItem(key, value) {
    // GraphiQL stores tabs as they were half a second ago. The page stores them at once, and nothing older must come after that.
    if (key !== tabs) write(key, value);
  },
  removeItem(key) {
    items.delete(key);
    inBrowser((browser) => browser.removeItem(key));
  },
  clear: () => [...items.keys()].forEach(storage.removeItem),
  get length() {
    return items.size;
  },
};

/** What is stored under one of GraphiQL's names, parsed; undefined if there is nothing, or nothing readable. */
export function stored(name) {
  try {
    return JSON.parse(storage.getItem(keyOf(name))) ?? undefined;
  } catch {
    return undefined;
  }
}

/** Stores under one of GraphiQL's names. */
export function store(name, value) {
  write(keyOf(name), typeof value === 'string' ? value : JSON.stringify(value));
}

function write(key, value) {
  items.set(key, value);
  const kept = lastingFormOf(key, value);
  if (kept !== undefined) inBrowser((browser) => browser.setItem(key, kept));
}

/** Forgets what is not kept: answers, and secrets in tabs and history. */
export function forget() {
  items.clear();
  for (const key of [tabs, ...histories, ...harmless]) restore(key);
}

/** What of a value is kept in the browser; undefined if nothing is. */
function lastingFormOf(key, value) {
  if (harmless.includes(key)) return value;
  if (key !== tabs && !histories.includes(key)) return undefined;
  const lasting = ({ headers: _headers, response: _response, hash: _hash, ...tab }) => ({
    ...tab,
    ...withoutSecrets(tab),
    headers: null,
    response: null,
  });
  return JSON.stringify(JSON.parse(value), (_name, part) => (Array.isArray(part) ? part.map(lasting) : part));
}

function restore(key) {
  inBrowser((browser) => {
    const value = browser.getItem(key);
    if (value !== null) items.set(key, value);
  });
}

/** A browser may refuse to store, or have no room: then this visit is the only one. */
function inBrowser(use) {
  try {
    use(localStorage);
  } catch {
    // The page works without it.
  }
}

function keyOf(name) {
  return `graphiql:${name}`;
}
