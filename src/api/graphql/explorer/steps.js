import { store, stored } from './storage.js';

/**
 * The tabs that the page opens with. Whoever runs them from left to right does what the README does, on accounts of their own: the names
 * in braces stand for what `values` has, so that nothing has to be filled in.
 */
export const steps = [
  {
    query: `
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
`,
  },
  {
    query: `
# Makes an organization. For the Super Admin.
# If you run it again, it makes another one.
mutation CreateOrganization($input: CreateOrganizationInput!) {
  createOrganization(input: $input) {
    organization {
      sid
      domainName
      status
    }
  }
}
`,
    variables: { input: { domainName: '{domainName}' } },
  },
  {
    query: `
# Creates an account below yours or, with a
# "parentSid", below that one. The next tabs
# get its SID.
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
    variables: {
      input: { emailAddress: '{emailAddress}', password: '{password}', role: 'ADMINISTRATOR', friendlyName: "Jane's shop" },
    },
  },
  {
    query: `
# Suspends it, and everything below it.
# With "ACTIVE" it works again.
mutation Suspend($input: SetAccountStatusInput!) {
  setAccountStatus(input: $input) {
    reachedCount
    account {
      emailAddress
      status
    }
  }
}
`,
    variables: { input: { sid: '{sid}', status: 'SUSPENDED', dryRun: false } },
  },
  {
    query: `
# Who is switched off right now?
query WhoIsOff {
  viewer {
    descendants(filter: { status: SUSPENDED }) {
      nodes {
        friendlyName
        emailAddress
        statusChangedAt
        statusAuthor {
          emailAddress
        }
      }
    }
  }
}
`,
  },
  {
    query: `
# What would moving the account to the other
# organization reach? A dry run changes nothing.
mutation DryRun($input: MigrateAccountInput!) {
  migrateAccount(input: $input) {
    dryRun
    reachedCount
    account {
      organization {
        domainName
      }
    }
  }
}
`,
    variables: { input: { sid: '{sid}', organization: { domainName: '{domainName}' }, dryRun: true } },
  },
  {
    query: `
# Moves it.
mutation Migrate($input: MigrateAccountInput!) {
  migrateAccount(input: $input) {
    reachedCount
    account {
      organization {
        domainName
      }
    }
  }
}
`,
    variables: { input: { sid: '{sid}', organization: { domainName: '{domainName}' }, dryRun: false } },
  },
  {
    query: `
# What was done to the account, and by whom.
query History($sid: ID!) {
  account(by: { sid: $sid }) {
    history {
      nodes {
        date
        operation
        actorSid
      }
    }
  }
}
`,
    variables: { sid: '{sid}' },
  },
  {
    query: `
# What happens to the account and everything below
# it, as it happens. Press Stop to end it.
subscription Events($accountSid: ID!) {
  accountEvents(accountSid: $accountSid) {
    id
    type
    timestamp
    data {
      account {
        sid
      }
      before
      after
      reached
    }
  }
}
`,
    variables: { accountSid: '{sid}' },
  },
].map(({ query, variables }) => ({ query: query.trimStart(), variables: variables ? JSON.stringify(variables, null, 2) : '' }));

/** What the names in braces stand for. The password is for one visit: nothing that is kept has one. */
const values = { ...(stored('steps') ?? { ...newNames(), sid: '', isOrganizationMade: false, accounts: 0 }), password: newPassword() };

/** The variables of a tab with today's values filled in, if it is a step whose variables nobody has edited; else as they are. */
export function prepared({ query, variables }) {
  const step = steps.find((one) => one.query === query);
  return step !== undefined && isAsDelivered(variables ?? '', step) ? filledIn(step) : variables;
}

/** Chooses other names if the ones in a step's variables are used up, since it is about to run. */
export function renewNames(query) {
  if (/^mutation CreateOrganization\b/m.test(query) && values.isOrganizationMade) {
    Object.assign(values, newNames(), { sid: '', isOrganizationMade: false, accounts: 0 });
  } else if (/^mutation CreateAccount\b/m.test(query) && values.sid !== '') {
    values.emailAddress = values.emailAddress.replace(/^jane[^@]*/, `jane+${values.accounts + 1}`);
    values.sid = '';
  }
}

/** Forgets the password that the steps gave to accounts: whoever signs in next did not make them. */
export function forgetPassword() {
  values.password = newPassword();
}

/** Learns from the answer to a request what the steps after it need. */
export function learn({ variables }, { data }) {
  const input = variables?.input;
  if (data?.createOrganization && input?.domainName === values.domainName) values.isOrganizationMade = true;
  if (data?.createAccount?.account?.sid && input?.emailAddress === values.emailAddress) {
    values.sid = data.createAccount.account.sid;
    values.accounts += 1;
  }
  const { password: _, ...kept } = values;
  store('steps', kept);
}

function filledIn({ variables }) {
  return variables.replace(placeholders, (_, name) => values[name]);
}

/** Whether variables are those of the step with anything in place of the names. */
function isAsDelivered(variables, step) {
  const parts = step.variables.split(placeholders).map((part, index) => (index % 2 === 0 ? part.replace(/[^\w\s]/g, '\\$&') : '[^"]*'));
  return new RegExp(`^${parts.join('')}$`).test(variables);
}
const placeholders = /\{(\w+)\}/g;

/** Names that nobody has: the gateway may have run these steps before, from another browser. */
function newNames() {
  const domainName = `shop-${[...random(6)].map((byte) => (byte % 36).toString(36)).join('')}.example`;
  return { domainName, emailAddress: `jane@${domainName}` };
}

/** Nobody should run a step with a password that stands in a public source. */
function newPassword() {
  return btoa(String.fromCodePoint(...random(15)));
}

function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}
