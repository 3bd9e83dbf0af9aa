import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultProfileSid } from '../../../src/domain/profile.js';
import { newSid, type Sid } from '../../../src/domain/sid.js';
import { type Path, isBelow, pathBelow, topLevelSidOf } from '../../../src/domain/tree.js';
import { newWebhookSecret } from '../../../src/events/webhook-signature.js';
import { Secrets } from '../../../src/service/secrets.js';
import { type TestGateway, admin, testKey } from '../../support/gateway.js';
import { type GraphqlAnswer, type GraphqlError, type Login, byExecutor, postGraphql } from '../../support/graphql-client.js';
import { type RestAnswer, type RestRequest, sendRest } from '../../support/rest-client.js';
import { startWithUpstreams } from '../../support/subresources.js';
import { type TestUpstream, startUpstream } from '../../support/upstream.js';
import {
  type GraphqlRequest,
  type Request,
  type Subject,
  requestsOnAccounts,
  restOnAccounts,
  restUntargeted,
  untargetedRequests,
} from './requests.js';
import {
  type Caller,
  type Outcome,
  type Place,
  type State,
  type SurfaceName,
  callers,
  expectedOf,
  expectedOn,
  placesOf,
  sees,
  seesOrganization,
  stateBelow,
  states,
} from './tables.js';

/*
 * Every operation × every place of its target in the tree × every kind of caller × every state of the target, over HTTP,
 * against the declared tables. Besides the outcome, each cell holds that
 * - a request that is refused, finds nothing or only asks changes nothing in the database;
 * - a change changes something, and nothing outside the target's tree;
 * - no answer shows an account or organization that is out of the caller's sight;
 * - a query is answered the same by its plan and by GraphQL's executor.
 */

/** Organizations, from the caller's point of view. */
export interface Organizations {
  own: Sid;
  another: Sid;
  empty: Sid;
  closed: Sid;
  missing: Sid;
}

/** Profiles: linked to the target, to the caller's organization, to nothing. */
export interface Profiles {
  linked: Sid;
  ofOrganization: Sid;
  unlinked: Sid;
  missing: Sid;
  default: Sid;
}

/** An account of a world. Those in no `Place` are only there to be seen or harmed by mistake. */
interface Inhabitant {
  place: string;
  sid: Sid;
  parentSid: Sid | null;
  path: Path;
  organizationSid: Sid;
  emailAddress: string;
  role: Caller['role'];
  state: State;
  secrets: { token: string; tokenCiphertext: Buffer; tokenHash: Buffer; resetToken: string; resetTokenHash: Buffer };
}

/** A tree with one caller in it, and an account in each of the other places. */
interface World {
  caller: Inhabitant;
  inhabitants: Inhabitant[];
  organizations: Organizations;
  profiles: Profiles;
  /** Absent where the target is missing. */
  target: Inhabitant | undefined;
  /** Of the target; of nobody where that is missing. */
  webhookSid: Sid;
}

const secrets = new Secrets([testKey]);

function secretsOf(sid: Sid): Inhabitant['secrets'] {
  const { token: resetToken, tokenHash: resetTokenHash } = secrets.newResetToken();
  const token = secrets.newAuthToken();
  return { token, ...secrets.storedAuthToken(sid, token), resetToken, resetTokenHash };
}

const nameOf = (organizationSid: Sid): string => `${organizationSid.slice(2, 12)}.test`;

/**
 * The world of a caller, with the target in one state: what is above and beside it is active, and what is below it is as
 * much as it can be (SPEC §2: below an account that is not active, nothing is active).
 */
function worldOf(caller: Caller, targetPlace: Place | undefined, targetState: State): World {
  const organizations: Organizations = {
    own: newSid('organization'),
    another: newSid('organization'),
    empty: newSid('organization'),
    closed: newSid('organization'),
    missing: newSid('organization'),
  };
  const inhabitants: Inhabitant[] = [];
  const add = (place: string, parent: Inhabitant | null, own: Partial<Inhabitant> = {}): Inhabitant => {
    const sid = newSid('account');
    const usual = stateBelow(parent?.state ?? 'active');
    const inhabitant: Inhabitant = {
      place,
      sid,
      parentSid: parent?.sid ?? null,
      path: pathBelow(parent?.path ?? null, sid),
      organizationSid: parent?.organizationSid ?? organizations.own,
      emailAddress: `${sid.slice(2, 12)}@tests.test`,
      role: 'Administrator',
      secrets: secretsOf(sid),
      ...own,
      state: place === targetPlace ? targetState : (own.state ?? usual),
    };
    inhabitants.push(inhabitant);
    return inhabitant;
  };

  const { level, role } = caller;
  const own = { organizationSid: organizations.own };
  const another = { organizationSid: organizations.another };
  let self: Inhabitant;
  if (level === 1) {
    self = add('self', null, own);
    add('child in another organization', self, another);
  } else {
    const root = add(level === 2 ? 'parent' : 'root', null, another);
    const parent = level === 2 ? root : add('parent', root, own);
    self = add('self', parent, { ...own, role });
    add('child of the sibling', add('sibling', parent, own));
    add('stranger of the same organization', root, own);
    add('child of the stranger', add('stranger', root, another));
  }
  add('grandchild', add('child', self));
  add('child of a suspended child', add('suspended child', self, { state: self.state === 'closed' ? 'closed' : 'suspended' }));
  const profiles: Profiles = {
    linked: newSid('profile'),
    ofOrganization: newSid('profile'),
    unlinked: newSid('profile'),
    missing: newSid('profile'),
    default: defaultProfileSid,
  };
  return {
    caller: self,
    inhabitants,
    organizations,
    profiles,
    target: inhabitants.find(({ place }) => place === targetPlace),
    webhookSid: newSid('webhook'),
  };
}

let upstream: TestUpstream;
let gateway: TestGateway;
let passwordHash: string;

const always = '2026-01-02T03:04:05.678Z';
const bytes = (buffer: Buffer): string => `\\x${buffer.toString('hex')}`;

const statusIn = (state: State): string => (state === 'prepared' ? 'uninitialized' : state);

/** What is emptied before a world is made: no table before one that refers to it. */
const emptied = [
  'webhook',
  'account_profile',
  'organization_profile',
  'password_reset_token',
  'credential',
  'profile',
  'account',
  'organization',
];

/** Makes the world all that the database holds. */
async function establish({ inhabitants, organizations, profiles, target, webhookSid }: World): Promise<void> {
  const { own, another, empty, closed } = organizations;
  const organizationRows = [own, another, empty, closed].map((sid) => ({
    sid,
    domain_name: nameOf(sid),
    status: sid === closed ? 'closed' : 'active',
    date_created: always,
    date_updated: always,
  }));
  const accountRows = inhabitants.map(({ sid, parentSid, path, organizationSid, emailAddress, role, state }) => ({
    sid,
    parent_sid: parentSid,
    top_level_sid: topLevelSidOf(path),
    path,
    organization_sid: organizationSid,
    email_address: emailAddress,
    friendly_name: emailAddress,
    type: 'Full',
    status: statusIn(state),
    status_changed_by: inhabitants[0]!.sid,
    role,
    date_created: always,
    date_updated: always,
    version: 1,
  }));
  const credentialRows = inhabitants
    .filter(({ state }) => state !== 'uninitialized' && state !== 'closed')
    .map(({ sid, secrets: { tokenCiphertext, tokenHash } }) => ({
      account_sid: sid,
      password_hash: passwordHash,
      token_ciphertext: bytes(tokenCiphertext),
      token_hash: bytes(tokenHash),
    }));
  const resetTokenRows = inhabitants
    .filter(({ state }) => state !== 'closed')
    .map(({ sid, secrets: { resetTokenHash } }) => ({
      account_sid: sid,
      token_hash: bytes(resetTokenHash),
      expires_at: '2999-01-01T00:00:00Z',
    }));

  const insert = (table: string, columns: string, parameter: string): string =>
    `INSERT INTO ${table} (${columns}) SELECT ${columns} FROM jsonb_populate_recordset(NULL::${table}, ${parameter}::jsonb)`;
  const columnsOf = (rows: object[]): string => Object.keys(rows[0]!).join(', ');
  const { missing: _missing, ...existing } = profiles;
  const profileRows = Object.values(existing).map((sid) => ({ sid, document: '{}', date_created: always, date_updated: always }));
  const accountProfileRows =
    target === undefined || target.state === 'closed' ? [] : [{ account_sid: target.sid, profile_sid: profiles.linked }];
  const organizationProfileRows = [{ organization_sid: own, profile_sid: profiles.ofOrganization }];
  // A tenth of the time that TRUNCATE takes for so few rows.
  await gateway.database.query(emptied.map((table) => `DELETE FROM ${table}`).join('; '));
  await gateway.database.query(
    `WITH organizations AS (${insert('organization', columnsOf(organizationRows), '$1')}),
          accounts AS (${insert('account', columnsOf(accountRows), '$2')}),
          credentials AS (${insert('credential', 'account_sid, password_hash, token_ciphertext, token_hash', '$3')}),
          profiles AS (${insert('profile', columnsOf(profileRows), '$5')}),
          account_profiles AS (${insert('account_profile', 'account_sid, profile_sid', '$6')}),
          organization_profiles AS (${insert('organization_profile', columnsOf(organizationProfileRows), '$7')})
     ${insert('password_reset_token', columnsOf(resetTokenRows), '$4')}`,
    [organizationRows, accountRows, credentialRows, resetTokenRows, profileRows, accountProfileRows, organizationProfileRows].map((rows) =>
      JSON.stringify(rows),
    ),
  );
  if (target === undefined) return;
  // It is off, so that it is sent nothing but what is asked for.
  await gateway.database.query(
    `INSERT INTO webhook (sid, account_sid, tree_sid, is_of_root, url, description, state, secret, date_created, date_updated, state_changed_at)
     VALUES ($1, $2, $3, $4, $5, '', 'disabled', $6, $7, $7, $7)`,
    [
      webhookSid,
      target.sid,
      topLevelSidOf(target.path),
      target.parentSid === null,
      upstream.url,
      secrets.seal(webhookSid, newWebhookSecret()),
      always,
    ],
  );
}

/** What the database holds, in two digests: of everything, and of all but the tree below the path. */
interface Digest {
  whole: string;
  outside: string;
}

/** Planned once, because each cell asks for it; each table is read once for both. */
async function prepareDigest(): Promise<void> {
  const ofTree = (row: string, order: string, tables: string): string => `
    SELECT string_agg(${row}::text, ',' ORDER BY ${order}) AS whole,
           string_agg(${row}::text, ',' ORDER BY ${order}) FILTER (WHERE NOT starts_with(account.path, $1)) AS outside
    FROM ${tables}`;
  const ofNoTree = (table: string): string => `SELECT string_agg(${table}::text, ',' ORDER BY ${table}::text) AS whole FROM ${table}`;
  await gateway.database.query(
    `PREPARE digest(text) AS
     SELECT md5(concat_ws('|', accounts.whole, credentials.whole, tokens.whole, links.whole, webhooks.whole, attempts.whole, others.whole)) AS whole,
            md5(concat_ws('|', accounts.outside, credentials.outside, tokens.outside, links.outside, webhooks.outside, attempts.outside, others.whole)) AS outside
     FROM (${ofTree('account', 'account.sid', 'account')}) AS accounts,
          (${ofTree('credential', 'account.sid', 'credential JOIN account ON account.sid = credential.account_sid')}) AS credentials,
          (${ofTree('token', 'token.token_hash', 'password_reset_token AS token JOIN account ON account.sid = token.account_sid')}) AS tokens,
          (${ofTree('link', 'account.sid', 'account_profile AS link JOIN account ON account.sid = link.account_sid')}) AS links,
          (${ofTree('webhook', 'webhook.sid', 'webhook JOIN account ON account.sid = webhook.account_sid')}) AS webhooks,
          (${ofTree('attempt', 'attempt.id', 'webhook_attempt AS attempt JOIN webhook ON webhook.sid = attempt.webhook_sid JOIN account ON account.sid = webhook.account_sid')}) AS attempts,
          (SELECT string_agg(part.whole, '|' ORDER BY part.whole) AS whole
           FROM (${['organization', 'organization_profile', 'profile'].map(ofNoTree).join(' UNION ALL ')}) AS part) AS others`,
  );
}

async function digest(path: Path): Promise<Digest> {
  const [found] = await gateway.database.query<Digest>(`EXECUTE digest('${path}')`);
  return found!;
}

/** How the request ended, in the words of the tables; and all that is wrong with it beyond that. */
function outcomeOf({ status, data, errors }: GraphqlAnswer<any>, answer: string): string {
  if (errors === undefined) {
    const value = answer.split('.').reduce((inner, field) => inner?.[field], data);
    const outcome = value === null || value === undefined ? 'null' : 'done';
    return status === 200 ? outcome : `${outcome} with HTTP ${status}`;
  }
  const codes = [...new Set(errors.map(({ extensions }) => extensions.code))].join(' and ');
  const refusedWhole: Record<string, number> = { UNAUTHENTICATED: 401, ACCOUNT_NOT_ACTIVE: 403 };
  return status === (refusedWhole[codes] ?? 200) ? codes : `${codes} with HTTP ${status}`;
}

/** The same of a request of the documented API; what succeeds reads the same way in all of them. */
function restOutcomeOf({ status, text }: RestAnswer): string {
  if (status < 400) return 'done';
  const { error, status: told } = JSON.parse(text) as { error: string; status: number };
  return told === status ? error : `${error} with HTTP ${status}`;
}

/** Makes the request, and says how it ended and what was shown. */
async function outcomeAndAnswer(
  login: Login | undefined,
  request: Request,
  variables: Variables,
): Promise<[outcome: string, shown: string]> {
  if ('document' in request) {
    const answer = await postGraphql(gateway.url, login, request.document, variables);
    if (request.document.startsWith('query')) {
      const { status, data, errors } = await postGraphql(gateway.url, login, byExecutor(request.document), variables);
      const withoutPlaces = ({ locations: _, ...error }: GraphqlError & { locations?: unknown }) => error;
      expect({ status, data, errors: errors?.map(withoutPlaces) }).toEqual({
        status: answer.status,
        data: answer.data,
        errors: answer.errors?.map(withoutPlaces),
      });
    }
    return [outcomeOf(answer, request.answer), JSON.stringify({ data: answer.data, errors: answer.errors })];
  }
  const filledIn = JSON.stringify(request).replace(/\$(\w+)/g, (_, name: string) => variables[name]!);
  const answer = await sendRest(gateway.url, login, JSON.parse(filledIn) as RestRequest);
  return [restOutcomeOf(answer), `${answer.text} ${JSON.stringify([...answer.headers])}`];
}

type Variables = Record<string, string | undefined>;

/** One cell of the matrix. */
interface Cell {
  title: string;
  request: Request;
  variables: Variables;
  expected: Outcome;
  /** Whether a change has to stay in the tree of the target; organizations are in none. */
  staysInTree: boolean;
  /** What an answer that succeeds has to mention, and what no answer may. */
  mentions: string | undefined;
  hidden: [string, string][];
}

/** Whether the cell has to change something. */
const isChange = ({ expected, request }: Cell): boolean =>
  expected === 'done' && ('document' in request ? request.document.startsWith('mutation') : request.method !== undefined);

/**
 * Runs the cells in the world, and says of each that deviates how. Those that have to change nothing run in one world. It is looked at
 * after the last of them, and after each only where it is not as it was: no change undoes another, since it leaves a version or a date.
 */
async function deviationsIn(world: World, path: Path, login: Login | undefined, cells: Cell[]): Promise<string[]> {
  await establish(world);
  const { whole } = await digest(path);
  const deviations: string[] = [];
  const reading = cells.filter((cell) => !isChange(cell));
  for (const cell of reading) deviations.push(...(await deviationsOfAnswer(cell, login)));
  if ((await digest(path)).whole !== whole) {
    deviations.length = 0;
    for (const cell of reading) deviations.push(...(await deviationsOfCell(world, path, login, cell)));
    if (deviations.length === 0) deviations.push('expected nothing to change by all requests together, but something did');
  }
  for (const cell of cells.filter(isChange)) deviations.push(...(await deviationsOfCell(world, path, login, cell)));
  return deviations;
}

/** Makes the request of one cell in a world of its own. */
async function deviationsOfCell(world: World, path: Path, login: Login | undefined, cell: Cell): Promise<string[]> {
  await establish(world);
  const before = await digest(path);
  const deviations = await deviationsOfAnswer(cell, login);
  const after = await digest(path);
  const deviates = (how: string): void => void deviations.push(`${cell.title}: ${how}`);
  const changed = after.whole !== before.whole;
  if (isChange(cell) && !changed) deviates('expected a change, but nothing changed');
  if (!isChange(cell) && changed) deviates('expected nothing to change, but something did');
  if (isChange(cell) && cell.staysInTree && after.outside !== before.outside) deviates("something changed outside the target's tree");
  return deviations;
}

async function deviationsOfAnswer(cell: Cell, login: Login | undefined): Promise<string[]> {
  const { title, request, variables, expected, mentions, hidden } = cell;
  const [got, shown] = await outcomeAndAnswer(login, request, variables);
  const wanted = expected === 'unchanged' ? 'done' : expected;
  const deviations = got === wanted ? [] : [`${title}: expected ${expected}, got ${got}`];
  if (wanted === 'done' && mentions !== undefined && !shown.includes(mentions)) {
    deviations.push(`${title}: the answer is not about the target`);
  }
  for (const [what, text] of hidden) if (shown.includes(text)) deviations.push(`${title}: the answer shows ${what}`);
  return deviations;
}

/**
 * What must not be in an answer to the caller: what is out of its sight, each with what it is. To a caller that is not
 * active, that is everything but its own SID.
 */
function hiddenFrom(caller: Caller, { caller: self, inhabitants, organizations }: World): [string, string][] {
  const isActive = self.state === 'active';
  const isSeen = ({ sid, path }: Inhabitant): boolean =>
    isActive && sees(caller, sid === self.sid ? 'self' : isBelow(path, self.path) ? 'child' : 'stranger');
  const accounts = inhabitants
    .filter((inhabitant) => !isSeen(inhabitant))
    .flatMap(({ place, sid, emailAddress, secrets: { token } }): [string, string][] => [
      [`the SID of ${place}`, sid],
      [`the e-mail address of ${place}`, emailAddress],
      [`the AuthToken of ${place}`, token],
    ])
    .filter(([, text]) => caller.column === 'nobody' || text !== self.sid);
  const others = (['own', 'another', 'empty', 'closed'] as const)
    .filter((name) => !isActive || !seesOrganization(caller, name === 'own'))
    .flatMap((name): [string, string][] => [
      [`the SID of ${name} organization`, organizations[name]],
      [`the domain name of ${name} organization`, nameOf(organizations[name])],
    ]);
  return [...accounts, ...others];
}

function loginOf({ column }: Caller, { caller: { sid } }: World): Login | undefined {
  return column === 'nobody' ? undefined : { login: sid, secret: admin.secret };
}

/** All operations on the account in the place, on both surfaces. */
async function deviationsOn(caller: Caller, place: Place, state: State): Promise<string[]> {
  const world = worldOf(caller, place, state);
  const { organizations, profiles, target } = world;
  const variables = {
    sid: target?.sid ?? newSid('account'),
    emailAddress: target?.emailAddress ?? 'missing@tests.test',
    status: statusIn(state),
    role: (target?.role ?? 'Administrator').replace('gA', 'g_A').toUpperCase(),
    roleName: target?.role ?? 'Administrator',
    otherRole: target?.role === 'Developer' ? 'ADMINISTRATOR' : 'DEVELOPER',
    resetToken: target?.secrets.resetToken ?? randomBytes(32).toString('base64url'),
    itsOrganization: target?.organizationSid ?? organizations.own,
    destination: organizations.empty,
    closed: organizations.closed,
    linked: profiles.linked,
    unlinked: profiles.unlinked,
    webhook: world.webhookSid,
  };
  const hidden = hiddenFrom(caller, world);
  const cells = eachOf(requestsOnAccounts, restOnAccounts).map(([surface, operation, request]): Cell => {
    // Who holds a reset token is told whose it is; the documented account says which organization it wears.
    const told = operation === 'resetPassword by its token' ? [target?.sid] : surface === 'REST' ? [organizations.own] : [];
    const isAboutIt = !/Profile|^(subresources|events) of|^(delete|test)Webhook/.test(operation);
    return {
      title: `${operation} of ${place}${target === undefined ? '' : `, which is ${state},`} by ${caller.name} through ${surface}`,
      request,
      variables,
      expected: expectedOn(surface, operation, caller, place, state),
      staysInTree: true,
      mentions:
        operation === 'authToken'
          ? target?.secrets.token
          : isAboutIt && !(surface === 'REST' && operation.startsWith('createAccount'))
            ? target?.sid
            : undefined,
      hidden: hidden.filter(([, text]) => !told.includes(text)),
    };
  });
  return deviationsIn(world, target?.path ?? 'none', loginOf(caller, world), cells);
}

/** All operations that are about no account in particular, by a caller in the state, on both surfaces. */
async function deviationsOf(caller: Caller, state: State): Promise<string[]> {
  const world = worldOf(caller, 'self', state);
  const hidden = hiddenFrom(caller, world);
  const cells = eachOf(untargetedRequests, restUntargeted).map(([surface, operation, request]): Cell => {
    const { names, byName, profile }: Subject = untargetedRequests[operation]!;
    const named = names && world.organizations[names];
    const shownAnyway = [byName && named && nameOf(named), surface === 'REST' ? world.organizations.own : undefined];
    return {
      title: `${operation} by ${caller.name}, which is ${state}, through ${surface}`,
      request,
      variables: {
        sid: world.caller.sid,
        named: named && byName ? nameOf(named) : named,
        profile: profile && world.profiles[profile],
        unlinked: world.profiles.unlinked,
      },
      expected: expectedOf(surface, operation, caller, state),
      staysInTree: operation.startsWith('createAccount'),
      mentions: undefined,
      // What the request itself names may come back; and what the documented account says of itself.
      hidden: hidden.filter(([, text]) => !shownAnyway.includes(text)),
    };
  });
  return deviationsIn(world, world.caller.path, loginOf(caller, world), cells);
}

/** Every request of both surfaces, with the operation of the tables that it makes. */
function eachOf(graphql: Record<string, GraphqlRequest>, rest: Record<string, RestRequest>): [SurfaceName, string, Request][] {
  return [
    ...Object.entries(graphql).map(([operation, request]): [SurfaceName, string, Request] => ['GraphQL', operation, request]),
    ...Object.entries(rest).map(([operation, request]): [SurfaceName, string, Request] => ['REST', operation, request]),
  ];
}

/** Defines the tests of one caller, on a gateway of its own. Callers are in several files, which run side by side. */
export function describeCaller(name: string): void {
  describe.each(callers.filter((caller) => caller.name === name))('$name', (caller) => {
    beforeAll(async () => {
      upstream = await startUpstream((_request, response) => void response.end('{}'));
      gateway = await startWithUpstreams({ '*': { url: upstream.url } }, { environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
      const [root] = await gateway.database.query<{ password_hash: string }>('SELECT password_hash FROM credential');
      passwordHash = root!.password_hash;
      await prepareDigest();
    });
    afterAll(async () => {
      await gateway.stop();
      await upstream.stop();
    });

    it.each(states)('is answered as declared on accounts that are %s, wherever they stand', async (state) => {
      const deviations: string[] = [];
      for (const place of placesOf(caller, state)) deviations.push(...(await deviationsOn(caller, place, state)));
      expect(deviations).toEqual([]);
    });

    const ownStates = caller.level === 1 ? (['active'] as const) : states;
    it.each(ownStates)('is answered as declared about itself and organizations, when it is %s', async (state) => {
      expect(await deviationsOf(caller, state)).toEqual([]);
    });
  });
}
