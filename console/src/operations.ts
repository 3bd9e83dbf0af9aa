/*
 * Every GraphQL document of the console, with what it brings. A test validates each against schema.graphql. Nothing here is known to the
 * gateway: what the console reads, any client can.
 */

/** A document, and the types of its data and variables. */
export interface Operation<_Data, _Variables extends object = Record<string, never>> {
  readonly text: string;
}

/** @param texts the document and its fragments */
export function operation<Data, Variables extends object = Record<string, never>>(...texts: string[]): Operation<Data, Variables> {
  return { text: texts.join('\n') };
}

export type Status = 'UNINITIALIZED' | 'ACTIVE' | 'SUSPENDED' | 'CLOSED';
export type Role = 'ADMINISTRATOR' | 'DEVELOPER' | 'PROVISIONING_AGENT';
export type AccountType = 'FULL' | 'TRIAL';

/** What names an account. */
export interface Named {
  sid: string;
  friendlyName: string;
  emailAddress: string;
}

/** An account in a list. */
export interface Row extends Named {
  status: Status;
  role: Role;
  statusChangedAt: string | null;
  /** `above` where the account that did it is out of sight. */
  statusChangedBy: string | null;
  statusAuthor: Named | null;
}

const rowFragment = `
  fragment Row on Account {
    sid friendlyName emailAddress status role statusChangedAt statusChangedBy
    statusAuthor { sid friendlyName emailAddress }
  }`;

/** A page of a list. */
export interface Page<Node> {
  nodes: Node[];
  pageInfo: { hasNextPage: boolean; endCursor: string | null };
}

export interface Viewer extends Row {
  isSuperAdmin: boolean;
}

export const viewerQuery = operation<{ viewer: Viewer }>('query Viewer { viewer { ...Row isSuperAdmin } }', rowFragment);

/** A row of the tree: one sub-account is enough to know that there are some. */
export interface TreeRow extends Row {
  subAccounts: { nodes: { sid: string }[] };
}

export const childrenQuery = operation<{ account: { subAccounts: Page<TreeRow> } | null }, { sid: string; after: string | null }>(
  `query Children($sid: ID!, $after: String) {
    account(by: { sid: $sid }) {
      subAccounts(first: 100, after: $after, orderBy: { field: FRIENDLY_NAME }) {
        nodes { ...Row subAccounts(first: 1) { nodes { sid } } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`,
  rowFragment,
);

export const treeRowsQuery = operation<{ nodes: (TreeRow | null)[] }, { ids: string[] }>(
  'query TreeRows($ids: [ID!]!) { nodes(ids: $ids) { ... on Account { ...Row subAccounts(first: 1) { nodes { sid } } } } }',
  rowFragment,
);

export const createdRowQuery = operation<{ account: (TreeRow & { parent: { sid: string } | null }) | null }, { sid: string }>(
  `query CreatedRow($sid: ID!) {
    account(by: { sid: $sid }) { ...Row parent { sid } subAccounts(first: 1) { nodes { sid } } }
  }`,
  rowFragment,
);

/** A list of which the length is read alone. */
export interface Counted {
  totalCount: number;
}

export const countsQuery = operation<{ viewer: Record<'active' | 'suspended' | 'uninitialized' | 'closed', Counted> }>(
  `query Counts {
    viewer {
      active: descendants(first: 1, filter: { status: ACTIVE }) { totalCount }
      suspended: descendants(first: 1, filter: { status: SUSPENDED }) { totalCount }
      uninitialized: descendants(first: 1, filter: { status: UNINITIALIZED }) { totalCount }
      closed: descendants(first: 1, filter: { status: CLOSED }) { totalCount }
    }
  }`,
);

export interface StatusRow extends Row {
  parent: { sid: string; friendlyName: string; status: Status } | null;
}

export const byStatusQuery = operation<{ viewer: { descendants: Page<StatusRow> } }, { status: Status; after: string | null }>(
  `query ByStatus($status: AccountStatus!, $after: String) {
    viewer {
      descendants(first: 50, after: $after, filter: { status: $status }) {
        nodes { ...Row parent { sid friendlyName status } }
        pageInfo { hasNextPage endCursor }
      }
    }
  }`,
  rowFragment,
);

/** How many accounts below each have the status, and where the list of all goes on behind them. */
export const belowQuery = operation<
  { nodes: ({ sid: string; descendants: Counted & { pageInfo: { endCursor: string | null } } } | null)[] },
  { ids: string[]; status: Status }
>(
  `query Below($ids: [ID!]!, $status: AccountStatus!) {
    nodes(ids: $ids) {
      ... on Account { sid descendants(last: 1, filter: { status: $status }) { totalCount pageInfo { endCursor } } }
    }
  }`,
);

export const searchQuery = operation<{ viewer: { descendants: Page<StatusRow> } }, { text: string }>(
  `query Search($text: String!) {
    viewer {
      descendants(first: 20, filter: { text: $text }) { nodes { ...Row parent { sid friendlyName status } } pageInfo { hasNextPage endCursor } }
    }
  }`,
  rowFragment,
);

export const bySidQuery = operation<{ account: StatusRow | null }, { sid: string }>(
  'query BySid($sid: ID!) { account(by: { sid: $sid }) { ...Row parent { sid friendlyName status } } }',
  rowFragment,
);

export interface Permissions {
  update: boolean;
  changeRole: boolean;
  changeEmailAddress: boolean;
  setStatus: boolean;
  close: boolean;
  createSubAccount: boolean;
  migrate: boolean;
  useAuthToken: boolean;
  createPasswordResetToken: boolean;
}

export interface Organization {
  sid: string;
  domainName: string;
  status: 'ACTIVE' | 'CLOSED';
  dateCreated: string;
}

export interface Removal {
  subresource: string;
  state: 'PENDING' | 'DONE' | 'UNSUPPORTED' | 'FAILED';
  since: string;
  changedAt: string;
  failures: number;
  lastFailure: string | null;
}

/** An account on its page. What only administrators may read is left out for others. */
export interface Account extends Row {
  type: AccountType;
  dateCreated: string;
  dateUpdated: string;
  version: number;
  uri: string;
  isSuperAdmin: boolean;
  organizationSid: string;
  organization?: Organization | null;
  ancestors: { sid: string; friendlyName: string; isSuperAdmin: boolean }[];
  capabilities: { restApi: boolean; voiceAndSms: boolean; clientRegistration: boolean };
  subresources: { name: string; uri: string; isServed: boolean }[];
  profile: { sid: string; dateUpdated: string };
  profileSource: string | null;
  viewerCan: Permissions;
  descendantCount?: number;
  resourceRemoval?: Removal[] | null;
}

/** Whether an account is directly below the root, as far as the viewer sees: only the Super Admin can know. */
export function isTopLevel({ ancestors }: Pick<Account, 'ancestors'>): boolean {
  return ancestors.length === 1 && ancestors[0]!.isSuperAdmin;
}

const accountFragment = `
  fragment Account on Account {
    ...Row
    type dateCreated dateUpdated version uri isSuperAdmin organizationSid
    ancestors { sid friendlyName isSuperAdmin }
    capabilities { restApi voiceAndSms clientRegistration }
    subresources { name uri isServed }
    profile { sid dateUpdated }
    profileSource
    viewerCan { update changeRole changeEmailAddress setStatus close createSubAccount migrate useAuthToken createPasswordResetToken }
  }`;

export const accountQuery = operation<{ account: Account | null }, { sid: string; manages: boolean }>(
  `query Account($sid: ID!, $manages: Boolean!) {
    account(by: { sid: $sid }) {
      ...Account
      ... @include(if: $manages) {
        organization { sid domainName status dateCreated }
        descendantCount
        resourceRemoval { subresource state since changedAt failures lastFailure }
      }
    }
  }`,
  accountFragment,
  rowFragment,
);

export const profileDocumentQuery = operation<{ account: { profile: { document: object } } | null }, { sid: string }>(
  'query ProfileDocument($sid: ID!) { account(by: { sid: $sid }) { profile { document } } }',
);

/** An entry of the history. `before` and `after` have the values as REST spells them. */
export interface Entry {
  position: number;
  date: string;
  operation: string;
  subjectSid: string;
  requestId: string | null;
  actor: Named | null;
  account: { sid: string; friendlyName: string } | null;
  before: Record<string, unknown> | null;
  after: Record<string, unknown> | null;
}

export const historyQuery = operation<
  {
    account: { history: { nodes: Entry[]; pageInfo: { hasPreviousPage: boolean; startCursor: string | null } } } | null;
  },
  { sid: string; below: boolean; before: string | null }
>(
  `query History($sid: ID!, $below: Boolean!, $before: String) {
    account(by: { sid: $sid }) {
      history(last: 20, before: $before, includeDescendants: $below) {
        nodes {
          position date operation subjectSid requestId before after
          actor { sid friendlyName emailAddress }
          account { sid friendlyName }
        }
        pageInfo { hasPreviousPage startCursor }
      }
    }
  }`,
);

/** What the stream tells: enough to know what to read again. */
export interface StreamedEvent {
  id: string;
  type: string;
  data: { account: { sid: string } | null };
}

export const eventsSubscription = operation<{ accountEvents: StreamedEvent }, { accountSid: string; after?: string }>(
  `subscription Events($accountSid: ID!, $after: ID) {
    accountEvents(accountSid: $accountSid, after: $after) { id type data { account { sid } } }
  }`,
);
