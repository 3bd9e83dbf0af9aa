import { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import { OrganizationStatus } from '../../src/domain/organization.js';
import type { ErrorCode } from '../../src/errors.js';
import { type GraphqlAnswer, type Login, byExecutor, postGraphql } from './graphql-client.js';
import type { AccountView, Answer, OrganizationView, ProfileTarget, Surface } from './surface.js';

const account = 'sid emailAddress friendlyName type status role organizationSid';
const organization = 'sid domainName status';

/** The conformance cases' way to a gateway through GraphQL over HTTP, queries answered by GraphQL's own executor. */
export function executorSurface(url: string): Surface {
  return graphqlSurface(url, byExecutor);
}

/** The conformance cases' way to a gateway through GraphQL over HTTP. */
export function graphqlSurface(url: string, spelled: (query: string) => string = (query) => query): Surface {
  const ask = async <Value>(login: Login, query: string, variables: object, pick: (data: any) => Value | null): Promise<Answer<Value>> =>
    answerOf(
      await postGraphql(url, login, query.startsWith('mutation') ? query : spelled(query), variables as Record<string, unknown>),
      pick,
    );
  const mutate = (login: Login, mutation: string, input: object): Promise<Answer<AccountView>> =>
    ask(
      login,
      `mutation($input: ${capital(mutation)}Input!) { ${mutation}(input: $input) { account { ${account} } } }`,
      { input },
      (data) => accountView(data[mutation].account),
    );
  const link = (mutation: 'linkProfile' | 'unlinkProfile', login: Login, sid: string, target: ProfileTarget): Promise<Answer<string>> =>
    ask(
      login,
      `mutation($input: ${capital(mutation)}Input!) { ${mutation}(input: $input) { profile { sid } } }`,
      { input: { sid, target: 'account' in target ? { accountSid: target.account } : { organizationSid: target.organization } } },
      (data) => data[mutation].profile.sid,
    );
  /** Mutations name an account by SID; whoever has the e-mail address looks it up first. */
  const sidOf = async (login: Login, target: string): Promise<string> => {
    if (!target.includes('@')) return target;
    const found = await postGraphql(url, login, `query($by: AccountBy!) { account(by: $by) { sid } }`, { by: { emailAddress: target } });
    return found.data?.account?.sid ?? `AC${'0'.repeat(32)}`;
  };

  return {
    name: 'GraphQL',
    namesFields: true,
    byForm: { setStatus: false, close: false },
    read: (login, target) =>
      ask(login, `query($by: AccountBy!) { account(by: $by) { ${account} } }`, { by: accountBy(target) }, (data) =>
        accountView(data.account),
      ),
    create: (login, { parent, status, role, organization: sid, ...rest }) =>
      mutate(login, 'createAccount', {
        ...rest,
        role: nameOf(Role, role),
        ...(parent !== undefined && { parentSid: parent }),
        ...(status !== undefined && { status: nameOf(AccountStatus, status) }),
        ...(sid !== undefined && { organization: { sid } }),
      }),
    update: async (login, target, { role, ...rest }) =>
      mutate(login, 'updateAccount', { sid: await sidOf(login, target), ...rest, ...(role !== undefined && { role: nameOf(Role, role) }) }),
    setStatus: async (login, target, status) =>
      mutate(login, 'setAccountStatus', { sid: await sidOf(login, target), status: nameOf(AccountStatus, status) }),
    close: async (login, target) => mutate(login, 'closeAccount', { sid: await sidOf(login, target) }),
    migrate: async (login, target, destination) =>
      mutate(login, 'migrateAccount', {
        sid: await sidOf(login, target),
        ...(destination !== undefined && { organization: organizationBy(destination) }),
      }),
    list: (login) => ask(login, `{ accounts(first: 100) { nodes { ${account} } } }`, {}, (data) => data.accounts.nodes.map(accountView)),
    listOfOrganization: (login, named) =>
      ask(
        login,
        `query($by: OrganizationBy!) { accounts(first: 100, organization: $by) { nodes { ${account} } } }`,
        { by: organizationBy(named) },
        (data) => data.accounts.nodes.map(accountView),
      ),
    authToken: async (login, target) => {
      const answer = await postGraphql(url, login, `query($sid: ID!) { authToken(sid: $sid) }`, { sid: await sidOf(login, target) });
      const refused = refusalOf(answer);
      return refused ?? { value: answer.data!.authToken as string | null };
    },
    readOrganization: (login, sid) =>
      ask(login, `query($by: OrganizationBy!) { organization(by: $by) { ${organization} } }`, { by: { sid } }, (data) =>
        organizationView(data.organization),
      ),
    listOrganizations: (login, status) =>
      ask(
        login,
        `query($status: OrganizationStatus) { organizations(first: 100, status: $status) { nodes { ${organization} } } }`,
        { status: status && nameOf(OrganizationStatus, status) },
        (data) => data.organizations.nodes.map(organizationView),
      ),
    createOrganization: (login, domainName) =>
      ask(
        login,
        `mutation($input: CreateOrganizationInput!) { createOrganization(input: $input) { organization { ${organization} } } }`,
        { input: { domainName } },
        (data) => organizationView(data.createOrganization.organization),
      ),
    createProfile: (login, document) =>
      ask(
        login,
        `mutation($input: CreateProfileInput!) { createProfile(input: $input) { profile { sid document } } }`,
        { input: { document } },
        (data) => data.createProfile.profile,
      ),
    readProfile: (login, sid) => ask(login, `query($sid: ID!) { profile(sid: $sid) { sid document } }`, { sid }, (data) => data.profile),
    updateProfile: (login, sid, document) =>
      ask(
        login,
        `mutation($input: UpdateProfileInput!) { updateProfile(input: $input) { profile { sid document } } }`,
        { input: { sid, document } },
        (data) => data.updateProfile.profile,
      ),
    deleteProfile: (login, sid) =>
      ask(
        login,
        `mutation($input: DeleteProfileInput!) { deleteProfile(input: $input) { sid } }`,
        { input: { sid } },
        (data) => data.deleteProfile.sid,
      ),
    linkProfile: (login, sid, target) => link('linkProfile', login, sid, target),
    unlinkProfile: (login, sid, target) => link('unlinkProfile', login, sid, target),
    listProfiles: (login) =>
      ask(login, `{ profiles(first: 100) { nodes { sid } } }`, {}, (data) => data.profiles.nodes.map(({ sid }: { sid: string }) => sid)),
    effectiveProfile: (login, target) =>
      'account' in target
        ? ask(
            login,
            `query($by: AccountBy!) { account(by: $by) { profile { sid } } }`,
            { by: accountBy(target.account) },
            (data) => data.account && data.account.profile.sid,
          )
        : ask(
            login,
            `query($sid: ID!) { organization(by: { sid: $sid }) { profile { sid } } }`,
            { sid: target.organization },
            (data) => data.organization && data.organization.profile.sid,
          ),
  };
}

/** A look-up that finds nothing answers null here, and FORBIDDEN everywhere else (SPEC §2); the cases use one word. */
function answerOf<Value>(answer: GraphqlAnswer<any>, pick: (data: any) => Value | null): Answer<Value> {
  const refused = refusalOf(answer);
  if (refused !== undefined) return refused;
  const value = pick(answer.data);
  return value === null ? { refused: 'FORBIDDEN' } : { value };
}

function refusalOf({ errors }: GraphqlAnswer<any>): { refused: ErrorCode; field?: string } | undefined {
  const extensions = errors?.[0]?.extensions;
  if (extensions === undefined) return undefined;
  const refused = extensions.code as ErrorCode;
  return extensions.field === undefined ? { refused } : { refused, field: extensions.field };
}

function accountBy(target: string): object {
  return target.includes('@') ? { emailAddress: target } : { sid: target };
}

function organizationBy(named: string): object {
  return /^OR[0-9a-f]{32}$/.test(named) ? { sid: named } : { domainName: named };
}

function accountView(account: any): AccountView | null {
  if (account === null) return null;
  return {
    ...account,
    type: valueOf(AccountType, account.type),
    status: valueOf(AccountStatus, account.status),
    role: valueOf(Role, account.role),
  };
}

function organizationView(found: any): OrganizationView | null {
  return found === null ? null : { ...found, status: valueOf(OrganizationStatus, found.status) };
}

function nameOf(values: Record<string, string>, value: string): string {
  return Object.entries(values).find(([, other]) => other === value)![0];
}

function valueOf<Value extends string>(values: Record<string, Value>, name: string): Value {
  return values[name]!;
}

function capital(word: string): string {
  return word[0]!.toUpperCase() + word.slice(1);
}
