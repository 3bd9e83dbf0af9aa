/* global React, ReactDOM, GraphiQL, GraphiQLPluginExplorer -- the scripts that the page loads before this one */

import { handleKeys } from './keyboard.js';
import { consistent, endSubscription, isSubscription, send, subscribe } from './requests.js';
import { forgetPassword, learn, prepared, renewNames } from './steps.js';
import { forget, storage, store } from './storage.js';
import { linkIn, openTabs } from './tabs.js';

const element = (id) => document.getElementById(id);
const plugins = [GraphiQLPluginExplorer.explorerPlugin()];
const link = linkIn(location.search);

/** The signed-in account's Authorization header. It lives here and nowhere else, and goes with the page. */
let authorization;

// GraphiQL's dialogs and menus stop the page from scrolling by a <style> of their own, which the Content-Security-Policy
// refuses and reports. A <template> may carry the same text in peace; explorer.css does what it would have done.
const createElement = document.createElement.bind(document);
document.createElement = (name, options) => createElement(name === 'style' ? 'template' : name, options);

element('sign-in').addEventListener('submit', async (event) => {
  event.preventDefault();
  const candidate = basic(element('user').value.trim(), element('secret').value);
  element('alert').textContent = '';
  element('sign-in').inert = true;
  const viewer = await viewerOf(candidate).catch((error) => error);
  element('sign-in').inert = false;
  if (viewer instanceof Error) {
    element('alert').textContent = viewer.message;
    element('secret').focus();
    element('secret').select();
    return;
  }
  authorization = candidate;
  element('sign-in').reset();
  show(viewer);
  explore();
  document.querySelector('.graphiql-query-editor textarea')?.focus();
});

element('sign-out').addEventListener('click', () => {
  authorization = undefined;
  endSubscription();
  ReactDOM.unmountComponentAtNode(element('explorer')); // no answer outlives the one who asked; the questions may stay
  forget();
  forgetPassword();
  openTabs();
  explore();
  show(null);
  element('user').focus();
});

openTabs(link);
explore();
if (link) {
  history.replaceState(null, '', location.pathname); // the tab has it now, and the address may hold a secret
  element('note').textContent = 'A link opened this tab. Read it before you run it.';
  selectOperation(link.operationName);
}
handleKeys((tabLeaves) => {
  element('note').textContent = tabLeaves ? 'Tab leaves the editors now.' : 'Tab indents in the editors again.';
});

// A step that runs once more takes other names. GraphiQL reads the variables after this.
element('explorer').addEventListener('click', ({ target }) => target.closest('[aria-label^="Execute"]') && beforeRun(), true);
element('explorer').addEventListener(
  'keydown',
  ({ key, ctrlKey, metaKey }) => {
    if (key === 'Enter' && (ctrlKey || metaKey)) beforeRun();
  },
  true,
);

/**
 * Shows GraphiQL for whoever is signed in now. A new fetcher makes it read the schema again.
 *
 * It is rendered as React 17 did it, each change at once: a root of React 18 may apply the opening of a tab twice, the second time with the
 * editors of that tab already, and so empty the one before (ADR 61).
 */
function explore() {
  const sentAs = authorization;
  ReactDOM.render(
    React.createElement(GraphiQL, {
      fetcher: (asked) => {
        const request = consistent(asked);
        if (isSubscription(request)) return subscribe(request, sentAs);
        return send(request, sentAs).then((answer) => (learn(request, answer), answer));
      },
      storage,
      plugins,
      defaultQuery: '',
      onTabChange,
      defaultEditorToolsVisibility: 'variables',
      isHeadersEditorEnabled: false, // credentials are the bar's business
      shouldPersistHeaders: false,
      inputValueDeprecation: true,
    }),
    element('explorer'),
  );
}

/** GraphiQL calls this with each change of a tab too. */
function onTabChange(state) {
  store('tabState', state);
  queueMicrotask(prepareShownTab);
}

function beforeRun() {
  renewNames(editors().query?.getValue() ?? '');
  prepareShownTab();
}

/** Fills the names that are known by now into the variables of the tab that is shown. */
function prepareShownTab() {
  const { query, variables } = editors();
  if (!query || !variables) return;
  const before = variables.getValue();
  const after = prepared({ query: query.getValue(), variables: before });
  if (after !== before) variables.setValue(after);
}

/** Puts the cursor into an operation: that one runs. */
function selectOperation(name, tries = 50) {
  if (!/^\w+$/.test(name ?? '')) return;
  const { query } = editors();
  if (!query) return void (tries > 0 && setTimeout(selectOperation, 100, name, tries - 1));
  const line = query
    .getValue()
    .split('\n')
    .findIndex((text) => new RegExp(`\\b(query|mutation|subscription)\\s+${name}\\b`).test(text));
  if (line === -1) return;
  query.operationName = name;
  query.setCursor(line, query.getLine(line).length);
}

function editors() {
  const editorIn = (part) => document.querySelector(`${part} .CodeMirror`)?.CodeMirror;
  return { query: editorIn('.graphiql-query-editor'), variables: editorIn('.graphiql-editor-tool') };
}

/** Who the credentials belong to; throws what the user should read when they are not accepted. */
async function viewerOf(candidate) {
  const { data, errors } = await send({ query: '{ viewer { emailAddress role isSuperAdmin } }' }, candidate);
  if (data?.viewer) return data.viewer;
  if (errors?.[0]?.extensions?.code === 'UNAUTHENTICATED') throw new Error('Wrong credentials. Please check both fields.');
  throw new Error(errors?.[0]?.message ?? 'The server does not say whose credentials these are.');
}

/** Basic credentials in UTF-8, which btoa alone cannot do. */
function basic(user, secret) {
  return `Basic ${btoa(String.fromCodePoint(...new TextEncoder().encode(`${user}:${secret}`)))}`;
}

/** Makes the bar say who is signed in, or ask for it. */
function show(viewer) {
  element('alert').textContent = '';
  element('sign-in').hidden = Boolean(viewer);
  element('sign-out').hidden = !viewer;
  element('email').textContent = viewer?.emailAddress ?? '';
  element('role').textContent = viewer?.isSuperAdmin ? 'Super Admin' : (viewer?.role.replaceAll('_', ' ').toLowerCase() ?? '');
}
