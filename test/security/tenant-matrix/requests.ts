import type { RestRequest } from '../../support/rest-client.js';
import type { Organizations, Profiles } from './cells.js';

/* What the cells of the matrix send. Each request is named by the row of the tables that it is checked against. */

export interface GraphqlRequest {
  document: string;
  /** Where in the data the answer stands; null there is `null` as an outcome. */
  answer: string;
}

export type Request = GraphqlRequest | RestRequest;

const account = 'sid emailAddress friendlyName type status role version parent { sid emailAddress } ancestors { sid emailAddress }';
const organization = 'sid domainName status';
const cascade = 'reachedCount dryRun';

const taking = (variables: string): string => (variables === '' ? '' : `(${variables})`);
const query = (variables: string, answer: string, selection: string): GraphqlRequest => ({
  document: `query${taking(variables)} { ${selection} }`,
  answer,
});
const accountQuery = (answer: string, selection: string): GraphqlRequest =>
  query('$sid: ID!', answer, `account(by: { sid: $sid }) { sid ${selection} }`);
const mutation = (variables: string, name: string, input: string, selection = `account { ${account} }`): GraphqlRequest => ({
  document: `mutation${taking(variables)} { ${name}(input: { ${input} }) { ${selection} } }`,
  answer: name,
});
const change = (name: string, input = '', selection = ''): GraphqlRequest =>
  mutation('$sid: ID!', name, `sid: $sid, ${input}`, `account { ${account} } ${selection}`);
const migration = (destination: string, input = ''): GraphqlRequest =>
  mutation(
    `$sid: ID!, $${destination}: ID!`,
    'migrateAccount',
    `sid: $sid, organization: { sid: $${destination} }, ${input}`,
    `account { ${account} } ${cascade}`,
  );

const webhook = 'sid status url account { sid emailAddress }';
const webhookMutation = (name: string, input: string, selection = `webhook { ${webhook} }`): GraphqlRequest =>
  mutation('$webhook: ID!', name, `sid: $webhook, ${input}`, selection);

export const requestsOnAccounts: Record<string, GraphqlRequest> = {
  'account(by: sid)': accountQuery('account', `${account} capabilities { restApi } subresources { name } viewerCan { update }`),
  'account(by: emailAddress)': query(
    '$emailAddress: EmailAddress!',
    'account',
    `account(by: { emailAddress: $emailAddress }) { ${account} }`,
  ),
  node: query('$sid: ID!', 'node', `node(id: $sid) { id ... on Account { ${account} } }`),
  nodes: query('$sid: ID!', 'nodes.0', `nodes(ids: [$sid]) { id ... on Account { ${account} } }`),
  authToken: query('$sid: ID!', 'authToken', 'authToken(sid: $sid)'),
  'statusChangedBy of it': accountQuery('account.statusChangedBy', 'statusChangedBy'),
  'statusAuthor of it': accountQuery('account', `statusAuthor { ${account} }`),
  'parent of it': accountQuery('account.parent', `parent { ${account} }`),
  'subAccounts of it': accountQuery('account.subAccounts', `subAccounts { totalCount nodes { ${account} } }`),
  'descendants of it': accountQuery('account.descendants', `descendants { totalCount nodes { ${account} } }`),
  'descendantCount of it': accountQuery('account.descendantCount', 'descendantCount'),
  'organization of it': accountQuery('account.organization', `organization { ${organization} }`),
  'history of it': accountQuery(
    'account.history',
    `history { totalCount nodes { operation subjectSid actor { ${account} } account { ${account} } } }`,
  ),
  'resourceRemoval of it': accountQuery('account.resourceRemoval', 'resourceRemoval { state }'),
  retryResourceRemoval: change('retryResourceRemoval'),
  'events of it': query(
    '$sid: ID!',
    'events',
    'events(accountSid: $sid) { nodes { id type data { account { sid } actor { sid } reached } } }',
  ),
  'webhooks of it': accountQuery('account.webhooks', 'webhooks { totalCount nodes { sid url } }'),
  'createWebhook of it': mutation(
    '$sid: ID!',
    'createWebhook',
    'accountSid: $sid, url: "https://example.com/"',
    `webhook { sid status account { ${account} } }`,
  ),
  'webhook of it': query('$webhook: ID!', 'webhook', `webhook(sid: $webhook) { ${webhook} }`),
  'node of its webhook': query('$webhook: ID!', 'node', `node(id: $webhook) { id ... on Webhook { ${webhook} } }`),
  'updateWebhook of it': webhookMutation('updateWebhook', 'description: "changed"'),
  'deleteWebhook of it': webhookMutation('deleteWebhook', '', 'sid'),
  'rotateWebhookSecret of it': webhookMutation('rotateWebhookSecret', 'overlapSeconds: 60'),
  'testWebhook of it': webhookMutation('testWebhook', '', 'attempt { status failure }'),
  'replayWebhook of it': webhookMutation('replayWebhook', 'from: { date: "2026-01-02T03:04:05Z" }'),
  'skipWebhookEvent of it': webhookMutation('skipWebhookEvent', 'eventId: "00000000-0000-0000-0000-000000000000:1"'),
  'profile of it': accountQuery('account.profile', 'profileSource profile { sid document }'),
  'updateAccount(friendlyName)': change('updateAccount', 'friendlyName: "Renamed"'),
  'updateAccount(password)': change('updateAccount', 'password: "another decent password"'),
  'updateAccount(role)': mutation('$sid: ID!, $otherRole: Role!', 'updateAccount', 'sid: $sid, role: $otherRole'),
  'updateAccount(emailAddress)': change('updateAccount', 'emailAddress: "new@tests.test"'),
  'updateAccount(type)': change('updateAccount', 'type: TRIAL'),
  'updateAccount(friendlyName, role)': mutation(
    '$sid: ID!, $otherRole: Role!',
    'updateAccount',
    'sid: $sid, friendlyName: "Renamed", role: $otherRole',
  ),
  'updateAccount(a whole form)': mutation(
    '$sid: ID!, $role: Role!, $emailAddress: EmailAddress!',
    'updateAccount',
    'sid: $sid, friendlyName: "Renamed", type: FULL, role: $role, emailAddress: $emailAddress',
  ),
  'setAccountStatus(SUSPENDED)': change('setAccountStatus', 'status: SUSPENDED', cascade),
  'setAccountStatus(ACTIVE)': change('setAccountStatus', 'status: ACTIVE', cascade),
  'setAccountStatus(dryRun)': change('setAccountStatus', 'status: SUSPENDED, dryRun: true', cascade),
  closeAccount: change('closeAccount', '', cascade),
  'closeAccount(dryRun)': change('closeAccount', 'dryRun: true', cascade),
  'createAccount below it': mutation('$sid: ID!', 'createAccount', 'parentSid: $sid, emailAddress: "new@tests.test", role: ADMINISTRATOR'),
  migrateAccount: migration('destination'),
  'migrateAccount(dryRun)': migration('destination', 'dryRun: true'),
  'migrateAccount to where it is': migration('itsOrganization'),
  'migrateAccount to nowhere': change('migrateAccount', '', cascade),
  'migrateAccount to a closed one': migration('closed'),
  rotateAuthToken: change('rotateAuthToken', '', 'authToken'),
  createPasswordResetToken: change('createPasswordResetToken', '', 'resetToken'),
  'resetPassword by its token': mutation(
    '$resetToken: String!',
    'resetPassword',
    'token: $resetToken, password: "another decent password"',
    'sid status',
  ),
  'linkProfile to it': mutation(
    '$sid: ID!, $unlinked: ID!',
    'linkProfile',
    'sid: $unlinked, target: { accountSid: $sid }',
    'profile { sid }',
  ),
  'unlinkProfile from it': mutation(
    '$sid: ID!, $linked: ID!',
    'unlinkProfile',
    'sid: $linked, target: { accountSid: $sid }',
    'profile { sid }',
  ),
};

/** The same of the documented API, where it has them; `$sid` and the like stand for the values of the variables. */
const put = (form: Record<string, string>): RestRequest => ({ method: 'PUT', path: '/Accounts/$sid.json', form });
const migrationByPost = (organization?: string): RestRequest => ({
  method: 'POST',
  path: '/Accounts/migrate/$sid.json',
  form: organization === undefined ? {} : { Organization: organization },
});
const linkTo = '<http://anywhere.test/restcomm/2012-04-24/Accounts/$sid>; rel="related"';
export const restOnAccounts: Record<string, RestRequest> = {
  'account(by: sid)': { path: '/Accounts/$sid.json' },
  'account(by: emailAddress)': { path: '/Accounts/$emailAddress.json' },
  'profile of it': { path: '/Accounts.json/$sid' },
  'subresources of it': { path: '/Accounts/$sid/Calls.json' },
  'updateAccount(friendlyName)': put({ FriendlyName: 'Renamed' }),
  'updateAccount(password)': put({ Password: 'another decent password' }),
  'updateAccount(role)': put({ Role: '$otherRole' }),
  'updateAccount(emailAddress)': put({ EmailAddress: 'new@tests.test' }),
  'updateAccount(friendlyName, role)': put({ FriendlyName: 'Renamed', Role: '$otherRole' }),
  'updateAccount(a whole form)': put({
    FriendlyName: 'Renamed',
    Type: 'Full',
    Status: '$status',
    Role: '$roleName',
    EmailAddress: '$emailAddress',
  }),
  'setAccountStatus(SUSPENDED)': put({ Status: 'suspended' }),
  'form with Status=active': put({ Status: 'active' }),
  closeAccount: { method: 'DELETE', path: '/Accounts/$sid.json' },
  'createAccount below it': {
    method: 'POST',
    path: '/Accounts/$sid.json',
    form: { EmailAddress: 'new@tests.test', Password: 'another decent password' },
  },
  migrateAccount: migrationByPost('$destination'),
  'migrateAccount to where it is': migrationByPost('$itsOrganization'),
  'migrateAccount to nowhere': migrationByPost(),
  'migrateAccount to a closed one': migrationByPost('$closed'),
  'linkProfile to it': { method: 'LINK', path: '/Profiles/$unlinked', headers: { link: linkTo } },
  'unlinkProfile from it': {
    method: 'PUT',
    path: '/Profiles/$linked',
    headers: { link: linkTo, 'x-http-method-override': 'UNLINK' },
  },
};

const viewer = (answer: string, selection: string): GraphqlRequest => query('', answer, `viewer { sid ${selection} }`);
const accountsOf = (by: string): GraphqlRequest =>
  query(
    `$named: ${by === 'sid' ? 'ID' : 'DomainName'}!`,
    'accounts',
    `accounts(organization: { ${by}: $named }) { totalCount nodes { ${account} } }`,
  );
const organizationBy = (by: string): GraphqlRequest =>
  query(`$named: ${by === 'sid' ? 'ID' : 'DomainName'}!`, 'organization', `organization(by: { ${by}: $named }) { ${organization} }`);
const organizationNode = query('$named: ID!', 'node', `node(id: $named) { id ... on Organization { ${organization} } }`);
const closeOrganization = mutation('$named: ID!', 'closeOrganization', 'sid: $named', `organization { ${organization} }`);
const newAccount = 'emailAddress: "new@tests.test", role: ADMINISTRATOR';
const createIn = mutation('$named: ID!', 'createAccount', `${newAccount}, organization: { sid: $named }`);

const profileRequest = query('$profile: ID!', 'profile', 'profile(sid: $profile) { sid document }');
const profileNode = query('$profile: ID!', 'node', 'node(id: $profile) { id ... on Profile { document } }');
const updateProfile = mutation('$profile: ID!', 'updateProfile', 'sid: $profile, document: { changed: true }', 'profile { sid }');
const deleteProfile = mutation('$profile: ID!', 'deleteProfile', 'sid: $profile', 'sid');
const linkToOrganization = mutation(
  '$named: ID!, $unlinked: ID!',
  'linkProfile',
  'sid: $unlinked, target: { organizationSid: $named }',
  'profile { sid }',
);

/** What an untargeted request is about: those that name an organization or a profile say which. */
export interface Subject {
  names?: keyof Organizations;
  byName?: true;
  profile?: keyof Profiles;
}

export const untargetedRequests: Record<string, GraphqlRequest & Subject> = {
  viewer: viewer('viewer', account),
  'viewer: parent': viewer('viewer.parent', 'parent { sid }'),
  'viewer: subAccounts': viewer('viewer.subAccounts', `subAccounts { totalCount nodes { ${account} } }`),
  'viewer: descendants': viewer('viewer.descendants', `descendants { totalCount nodes { ${account} } }`),
  'viewer: descendantCount': viewer('viewer.descendantCount', 'descendantCount'),
  'viewer: organization': viewer('viewer.organization', `organization { ${organization} }`),
  accounts: query('', 'accounts', `accounts { totalCount nodes { ${account} } }`),
  'accounts(organization: its own)': { ...accountsOf('sid'), names: 'own' },
  'accounts(organization: its own, by name)': { ...accountsOf('domainName'), names: 'own', byName: true },
  'accounts(organization: another)': { ...accountsOf('sid'), names: 'another' },
  'accounts(organization: an empty one)': { ...accountsOf('sid'), names: 'empty' },
  'accounts(organization: a missing one)': { ...accountsOf('sid'), names: 'missing' },
  'organization(by: its own sid)': { ...organizationBy('sid'), names: 'own' },
  'organization(by: its own name)': { ...organizationBy('domainName'), names: 'own', byName: true },
  "organization(by: another's sid)": { ...organizationBy('sid'), names: 'another' },
  "organization(by: another's name)": { ...organizationBy('domainName'), names: 'another', byName: true },
  'organization(by: a missing sid)': { ...organizationBy('sid'), names: 'missing' },
  'organization(by: a missing name)': { ...organizationBy('domainName'), names: 'missing', byName: true },
  'node(id: its own organization)': { ...organizationNode, names: 'own' },
  'node(id: another organization)': { ...organizationNode, names: 'another' },
  'node(id: a missing organization)': { ...organizationNode, names: 'missing' },
  organizations: query('', 'organizations', `organizations { totalCount nodes { ${organization} } }`),
  createOrganization: mutation('', 'createOrganization', 'domainName: "new.test"', `organization { ${organization} }`),
  'createOrganization with a name in use': {
    ...mutation('$named: DomainName!', 'createOrganization', 'domainName: $named', `organization { ${organization} }`),
    names: 'another',
    byName: true,
  },
  'closeOrganization: its own': { ...closeOrganization, names: 'own' },
  'closeOrganization: another': { ...closeOrganization, names: 'another' },
  'closeOrganization: an empty one': { ...closeOrganization, names: 'empty' },
  'closeOrganization: a closed one': { ...closeOrganization, names: 'closed' },
  'closeOrganization: a missing one': { ...closeOrganization, names: 'missing' },
  createAccount: mutation('', 'createAccount', newAccount),
  'createAccount in its own organization': { ...createIn, names: 'own' },
  'createAccount in another organization': { ...createIn, names: 'another' },
  'createAccount in a closed organization': { ...createIn, names: 'closed' },
  'resetPassword by an unknown token': mutation('', 'resetPassword', 'token: "unknown", password: "another decent password"', 'sid status'),
  'profile: the one in effect': { ...profileRequest, profile: 'linked' },
  "profile: its organization's": { ...profileRequest, profile: 'ofOrganization' },
  'profile: one linked to nothing': { ...profileRequest, profile: 'unlinked' },
  'profile: a missing one': { ...profileRequest, profile: 'missing' },
  'node(id: the profile in effect)': { ...profileNode, profile: 'linked' },
  'node(id: a profile linked to nothing)': { ...profileNode, profile: 'unlinked' },
  'history of its organization': viewer('viewer.organization.history', 'organization { history { totalCount nodes { operation } } }'),
  'profile of its organization': viewer('viewer.organization.profile', 'organization { profile { sid document } }'),
  profiles: query('', 'profiles', 'profiles { totalCount nodes { sid } }'),
  createProfile: mutation('', 'createProfile', 'document: { new: true }', 'profile { sid document }'),
  updateProfile: { ...updateProfile, profile: 'unlinked' },
  'updateProfile: the default one': { ...updateProfile, profile: 'default' },
  'updateProfile: a missing one': { ...updateProfile, profile: 'missing' },
  deleteProfile: { ...deleteProfile, profile: 'linked' },
  'deleteProfile: the default one': { ...deleteProfile, profile: 'default' },
  'deleteProfile: a missing one': { ...deleteProfile, profile: 'missing' },
  'linkProfile to an empty organization': { ...linkToOrganization, names: 'empty' },
  'linkProfile to a closed organization': { ...linkToOrganization, names: 'closed' },
  'linkProfile to a missing organization': { ...linkToOrganization, names: 'missing' },
};

const newByPost = (form: Record<string, string> = {}): RestRequest => ({
  method: 'POST',
  path: '/Accounts.json',
  form: { EmailAddress: 'new@tests.test', Password: 'another decent password', ...form },
});
const putProfile: RestRequest = {
  method: 'PUT',
  path: '/Profiles/$profile',
  body: '{"changed":true}',
  headers: { 'content-type': 'application/json' },
};
const linkOrganization: RestRequest = {
  method: 'LINK',
  path: '/Profiles/$unlinked',
  headers: { link: '</2012-04-24/Organizations/$named>; rel="related"' },
};

/** The same of the documented API, where it has them. Each is about the subject of the request above. */
export const restUntargeted: Record<string, RestRequest> = {
  viewer: { path: '/Accounts/$sid.json' },
  accounts: { path: '/Accounts.json' },
  'accounts(organization: its own)': { path: '/Accounts.json?OrganizationSid=$named' },
  'accounts(organization: its own, by name)': { path: '/Accounts.json?DomainName=$named' },
  'accounts(organization: another)': { path: '/Accounts.json?OrganizationSid=$named&PageSize=10' },
  'accounts(organization: an empty one)': { path: '/Accounts.json?OrganizationSid=$named' },
  'accounts(organization: a missing one)': { path: '/Accounts.json?OrganizationSid=$named' },
  'organization(by: its own sid)': { path: '/Organizations/$named.json' },
  'organization(by: its own name)': { path: '/Organizations/$named.json' },
  "organization(by: another's sid)": { path: '/Organizations/$named.json' },
  "organization(by: another's name)": { path: '/Organizations/$named.json' },
  'organization(by: a missing sid)': { path: '/Organizations/$named.json' },
  'organization(by: a missing name)': { path: '/Organizations/$named.json' },
  organizations: { path: '/Organizations.json' },
  createOrganization: { method: 'PUT', path: '/Organizations/new.test.json' },
  'createOrganization with a name in use': { method: 'PUT', path: '/Organizations/$named.json' },
  createAccount: newByPost(),
  'createAccount in its own organization': newByPost({ OrganizationSid: '$named' }),
  'createAccount in another organization': newByPost({ OrganizationSid: '$named' }),
  'createAccount in a closed organization': newByPost({ OrganizationSid: '$named' }),
  'profile: the one in effect': { path: '/Profiles/$profile' },
  "profile: its organization's": { path: '/Profiles/$profile' },
  'profile: one linked to nothing': { path: '/Profiles/$profile' },
  'profile: a missing one': { path: '/Profiles/$profile' },
  profiles: { path: '/Profiles' },
  createProfile: { ...putProfile, method: 'POST', path: '/Profiles' },
  updateProfile: putProfile,
  'updateProfile: the default one': putProfile,
  'updateProfile: a missing one': putProfile,
  deleteProfile: { method: 'DELETE', path: '/Profiles/$profile' },
  'deleteProfile: the default one': { method: 'DELETE', path: '/Profiles/$profile' },
  'deleteProfile: a missing one': { method: 'DELETE', path: '/Profiles/$profile' },
  'linkProfile to an empty organization': linkOrganization,
  'linkProfile to a closed organization': linkOrganization,
  'linkProfile to a missing organization': linkOrganization,
};
