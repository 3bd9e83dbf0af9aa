/* global React, ReactDOM, GraphiQL -- the scripts that the page loads before this one */

const element = (id) => document.getElementById(id);
const root = ReactDOM.createRoot(element('explorer'));
const storage = memoryStorage();
let tabs = examples();

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
  ReactDOM.flushSync(() => root.render(null)); // no answer outlives the one who asked; the questions may stay
  storage.clear();
  explore();
  show(null);
  element('user').focus();
});

explore();

/** Shows GraphiQL for whoever is signed in now. A new fetcher makes it read the schema again. */
function explore() {
  const sentAs = authorization;
  root.render(
    React.createElement(GraphiQL, {
      fetcher: (request) => send(request, sentAs),
      storage,
      defaultTabs: tabs,
      defaultQuery: '',
      onTabChange: (state) => {
        tabs = state.tabs.map(({ query, variables }) => ({ query, variables }));
      },
      defaultEditorToolsVisibility: 'variables',
      isHeadersEditorEnabled: false, // credentials are the bar's business
      shouldPersistHeaders: false,
      inputValueDeprecation: true,
    }),
  );
}

/** Sends one GraphQL request, as nobody when there is no authorization, and returns the body of the answer. */
async function send({ query, variables, operationName }, sentAs) {
  const response = await fetch('graphql', {
    method: 'POST',
    credentials: 'omit', // no cookies; and a 401 does not open the browser's own password dialog
    headers: {
      'content-type': 'application/json',
      accept: 'application/graphql-response+json, application/json',
      ...(sentAs && { authorization: sentAs }),
    },
    body: JSON.stringify({ query, variables, operationName }),
  });
  return response.json().catch(() => {
    throw new Error(`The server answered ${response.status} ${response.statusText}, without JSON.`);
  });
}

/** Who the credentials belong to; throws what the user should read when they are not accepted. */
async function viewerOf(candidate) {
  const { data, errors } = await send({ query: '{ viewer { emailAddress role } }' }, candidate);
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
  element('role').textContent = viewer?.role.replaceAll('_', ' ').toLowerCase() ?? '';
}

/** GraphiQL keeps tabs, variables and history in localStorage, unless it is given something that forgets. */
function memoryStorage() {
  const items = new Map();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    removeItem: (key) => void items.delete(key),
    clear: () => items.clear(),
    get length() {
      return items.size;
    },
  };
}

/** The tabs that the page opens with. */
function examples() {
  const tab = (query, variables) => ({
    query: query.trimStart(),
    ...(variables && { variables: JSON.stringify(variables, null, 2) }),
  });
  // Nobody should run an example with a password that stands in a public source.
  const password = btoa(String.fromCodePoint(...crypto.getRandomValues(new Uint8Array(15))));
  return [
    tab(`
# Your account and the tree below it.
# Sign in above, then press Ctrl-Enter.
query Tree {
  viewer {
    sid
    emailAddress
    friendlyName
    role
    status
    organization {
      domainName
    }
    subAccounts(first: 10) {
      totalCount
      nodes {
        sid
        friendlyName
        status
        subAccounts(first: 10) {
          nodes {
            sid
            friendlyName
            status
          }
        }
      }
    }
  }
}
`),
    tab(
      `
# Creates an account below yours or, with a
# "parentSid", below that one. See Variables.
mutation CreateAccount($input: CreateAccountInput!) {
  createAccount(input: $input) {
    account {
      sid
      emailAddress
      status
    }
  }
}
`,
      { input: { emailAddress: 'customer@example.com', password, role: 'ADMINISTRATOR', friendlyName: 'Customer' } },
    ),
    tab(
      `
# What would closing an account reach?
# With "dryRun": false it happens, and for good.
mutation CloseAccount($input: CloseAccountInput!) {
  closeAccount(input: $input) {
    reachedCount
    dryRun
    account {
      sid
      status
    }
  }
}
`,
      { input: { sid: '', dryRun: true } },
    ),
    tab(
      `
# What would it reach to move a top-level account
# to another organization? For the Super Admin.
mutation MigrateAccount($input: MigrateAccountInput!) {
  migrateAccount(input: $input) {
    reachedCount
    dryRun
    account {
      sid
      organization {
        domainName
      }
    }
  }
}
`,
      { input: { sid: '', organization: { domainName: 'example.com' }, dryRun: true } },
    ),
  ];
}
