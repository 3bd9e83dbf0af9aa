import { Validator } from '@seriousme/openapi-schema-validator';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { readConfig } from '../../src/config.js';
import { Role } from '../../src/domain/account.js';
import { newSid } from '../../src/domain/sid.js';
import { cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import type { Login } from '../support/graphql-client.js';
import {
  type DescribedOperation,
  assertDescribed,
  describedAnswers,
  describedOperations,
  openapiFile,
  openapiText,
  seenAnswers,
} from '../support/openapi.js';
import { eventually } from '../support/patience.js';
import { type RestAnswer, type RestRequest, sendRest } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import type { Surface } from '../support/surface.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';
import { type Created, create, missingSid, password, uniqueEmail } from '../support/tree.js';

/** A tree of three levels is full. */
const maxLevels = 3;

let silent: TestUpstream;
let gateway: TestGateway;
let surface: Surface;
let adminAccount: { sid: string };
beforeAll(async () => {
  silent = await startUpstream(() => {});
  const broken = await startUpstream(() => {});
  await broken.stop();
  gateway = await startTestGateway({
    config: { maxLevels, upstreamTimeouts: { connect: 5_000, answer: 100, silence: 100 } },
    environment: { SUBRESOURCE_UPSTREAMS: JSON.stringify({ Calls: { url: silent.url }, Recordings: { url: broken.url } }) },
  });
  surface = restJsonSurface(gateway.url);
  adminAccount = valueOf(await surface.read(admin, admin.login));
});
afterAll(async () => {
  await gateway.stop();
  await silent.stop();
});

it('is a valid description by OpenAPI 3.1', async () => {
  expect(await new Validator().validate(openapiFile)).toEqual({ valid: true });
});

it('says of every operation, parameter, field and property what it is', () => {
  expect(undescribed(parse(openapiText))).toEqual([]);
});

/** Where the document names something and does not describe it; what a reference leads to is described there. */
function undescribed(part: any, place = ''): string[] {
  if (typeof part !== 'object' || part === null) return [];
  const isNamed = /\/(properties|headers|responses|parameters|schemas)\/[^/]+$/.test(place) || 'operationId' in part;
  const isRefined = /\/allOf\/\d+\/properties\//.test(place); // described where it is introduced
  const isWhole = /\/schemas\/\w+$/.test(place) && part.type === 'object';
  const missing = isNamed && !isRefined && !isWhole && part.description === undefined && part.$ref === undefined ? [place] : [];
  return [...missing, ...Object.entries(part).flatMap(([name, value]) => undescribed(value, `${place}/${name.replaceAll('/', '~1')}`))];
}

it('describes every answer that the API gives, and no other', async () => {
  const stage = await prepare();
  for (const suffix of ['', '.json']) {
    const ask: Ask = (method, path, options, login = admin) =>
      sendRest(gateway.url, login ?? undefined, { method, path: path.replace(/\?|$/, (end) => suffix + end), ...options });
    await refuseInGeneral(ask, stage);
    await repeat(ask, stage);
    await askForAccounts(ask, stage);
    await askForOrganizations(ask, stage);
    await askForProfiles(ask, stage);
    await askForSubresources(ask, stage);
  }
  await signInTooOften(stage);
  await failInside('ALTER TABLE credential RENAME COLUMN password_hash TO moved');
  await failInside('ALTER TABLE account RENAME TO moved'); // as before its migrations have run
  await askTooMany();

  const [described, seen] = [new Set(describedAnswers()), new Set(seenAnswers())];
  const neverSeen = [...described].filter((answer) => !seen.has(answer)).toSorted();
  const notDescribed = [...seen].filter((answer) => !described.has(answer)).toSorted();
  expect({ neverSeen, notDescribed }).toEqual({ neverSeen: [], notDescribed: [] });
});

/** Sends a request in one of the two forms, by the Super Admin unless said otherwise. */
type Ask = (method: string, path: string, options?: Omit<RestRequest, 'method' | 'path'>, login?: Login | null) => Promise<RestAnswer>;

/** What the requests are about. */
interface Stage {
  topLevel: Created;
  /** On the last level. */
  below: Created;
  developer: Created;
  suspended: Created;
  belowSuspended: Created;
  uninitialized: Created;
  closed: Created;
  /** SIDs of an organization beside the root's, and of a profile. */
  organization: string;
  profile: string;
}

async function prepare(): Promise<Stage> {
  const topLevel = await create(surface);
  const suspended = await create(surface);
  const stage = {
    topLevel,
    below: await create(surface, { parent: topLevel.sid }),
    developer: await create(surface, { role: Role.DEVELOPER }),
    suspended,
    belowSuspended: await create(surface, { parent: suspended.sid }),
    uninitialized: await create(surface, { status: 'uninitialized' }),
    closed: await create(surface, { status: 'closed' }),
    organization: valueOf(await surface.createOrganization(admin, 'customer.test')).sid,
    profile: valueOf(await surface.createProfile(admin, {})).sid,
  };
  valueOf(await surface.setStatus(admin, suspended.sid, 'suspended'));
  return stage;
}

function valueOf<Value>(answer: { value: Value } | { refused: string }): Value {
  if ('refused' in answer) throw new Error(`refused: ${answer.refused}`);
  return answer.value;
}

/** The path of the operation, to something that does not exist. */
function pathToNothing({ path }: DescribedOperation): string {
  return path
    .replace('{SidOrEmail}', missingSid())
    .replace('{Subresource}', 'SMS/Messages/SM1')
    .replace('{Organization}', newSid('organization'))
    .replace('{ProfileSid}', newSid('profile'));
}

/** What every operation refuses, or all that have a body. */
async function refuseInGeneral(ask: Ask, { developer, suspended }: Stage): Promise<void> {
  for (const operation of describedOperations) {
    const { method } = operation;
    const path = pathToNothing(operation);
    await ask(method, path);
    await ask(method, path, {}, null);
    await ask(method, path, {}, suspended.login);
    await ask(method, path, {}, developer.login);
    await ask(method, path, { headers: { accept: 'image/png' } });
    if (method === 'GET') continue;
    await ask(method, path, { headers: { 'sec-fetch-site': 'cross-site' } });
    await ask(method, path, { body: 'x'.repeat(1_048_577) });
    await ask(method, path, { body: 'x', headers: { 'content-type': 'not a type' } });
    await ask(method, path, { body: new Uint8Array([0xff]) }); // begins no character in UTF-8
  }
}

/** Repeats each operation that changes something, with another request, and while the first one is worked on. */
async function repeat(ask: Ask, { topLevel, profile }: Stage): Promise<void> {
  const { query } = gateway.database;
  const link = `</Accounts/${topLevel.sid}>; rel="related"`;
  for (const operation of describedOperations.filter(({ method, path }) => method !== 'GET' && !path.includes('{Subresource}'))) {
    const { method, path } = operation;
    const another = (await create(surface)).sid;
    const of = path
      .replace('{SidOrEmail}', another)
      .replace('{Organization}', `${newSid('organization')}.test`)
      .replace('{ProfileSid}', method === 'DELETE' ? valueOf(await surface.createProfile(admin, {})).sid : profile);
    const isProfile = path.startsWith('/Profiles');
    const formOf = (): Record<string, string> => {
      if (method !== 'POST') return {};
      return path.includes('migrate') ? { Organization: 'customer.test' } : { EmailAddress: uniqueEmail(), Password: password };
    };
    const withKey = (key: string, more: Record<string, string> = {}) => ({
      ...(isProfile ? { body: '{}' } : { form: formOf() }),
      headers: { ...(isProfile && { 'content-type': 'application/json', link }), 'idempotency-key': key, ...more },
    });
    const key = uniqueEmail();
    await ask(method, of, withKey(key));
    await ask(method, of, withKey(key, { 'if-match': '"another"' }));
    await ask(method, of, withKey('two words'));
    const held = uniqueEmail();
    const { sid } = adminAccount;
    await query('SELECT pg_advisory_lock(hashtextextended($1, 0))', [`${sid} ${held}`]);
    await ask(method, of, withKey(held));
    await query('SELECT pg_advisory_unlock_all()');
  }
  const { sid } = await create(surface);
  for (const [method, path] of [
    ['PUT', `/Accounts/${sid}`],
    ['POST', `/Accounts/${sid}`],
    ['DELETE', `/Accounts/${sid}`],
    ['POST', `/Accounts/migrate/${sid}`],
  ] as const) {
    const form: Record<string, string> = path.includes('migrate') ? { Organization: 'customer.test' } : {};
    for (const tag of ['"99"', 'no tag']) await ask(method, path, { form, headers: { 'if-match': tag } });
    await ask(method, path, { form, headers: { 'if-none-match': '*' } });
  }
}

/** Sends each operation to an instance where the address has failed too often. */
async function signInTooOften({ developer }: Stage): Promise<void> {
  const strict = await startTestGateway({ database: gateway.database, environment: { SIGN_IN_FAILURES_PER_ADDRESS: '1' } });
  const wrong = { login: developer.sid, secret: 'wrong secret' };
  expect((await sendRest(strict.url, wrong, { path: '/Accounts' })).status).toBe(401);
  for (const operation of describedOperations) {
    const { method } = operation;
    const path = pathToNothing(operation);
    if (operation.path === '/Logout') continue;
    for (const suffix of ['', '.json']) expect((await sendRest(strict.url, admin, { method, path: path + suffix })).status).toBe(429);
  }
  await strict.stop();
}

/** Sends each operation to a gateway that the statement has made unfit. */
async function failInside(sql: string): Promise<void> {
  const database = await cloneDatabase();
  const unfit = await startTestGateway({ database });
  await database.query(sql);
  await askForNothing(unfit);
  await unfit.stop();
  await database.drop();
}

/** Sends each operation to a gateway that takes no request on. */
async function askTooMany(): Promise<void> {
  const busy = await startTestGateway({ config: { limits: { ...readConfig({}).limits, atOnce: 0 } } });
  await askForNothing(busy);
  await busy.stop();
}

async function askForNothing({ url }: TestGateway): Promise<void> {
  for (const operation of describedOperations) {
    const { method } = operation;
    const path = pathToNothing(operation);
    for (const suffix of ['', '.json']) await sendRest(url, admin, { method, path: path + suffix });
  }
}

async function askForAccounts(ask: Ask, stage: Stage): Promise<void> {
  const { topLevel, below, uninitialized, belowSuspended, closed, organization } = stage;
  await ask('GET', '/Accounts');
  await ask('GET', '/Accounts', {}, below.login);
  await ask('GET', `/Accounts?OrganizationSid=${organization}`);
  for (const page of ['Page=0', 'Page=1&PageSize=1', 'Page=9&DomainName=customer.test']) await ask('GET', `/Accounts?${page}`);
  await ask('GET', '/Accounts?PageSize=0');
  await ask('GET', '/Accounts?DomainName=%FF');
  await ask('GET', '/Accounts?Status=gone');
  await ask('GET', '/Accounts?Page=0&Status=active&FriendlyName=nobody&EmailAddress=nobody');
  await ask('GET', '/Accounts?DomainName=missing.test');

  for (const [path, parent] of [
    ['/Accounts', below],
    [`/Accounts/${below.sid}`, below],
  ] as const) {
    await ask('POST', path, { form: newAccount() }, parent.login);
  }
  for (const path of ['/Accounts', `/Accounts/${topLevel.sid}`]) {
    await ask('POST', path, { form: newAccount() });
    for (const mistake of [...mistakes, ...mistakesInNew]) await ask('POST', path, { form: newAccount(mistake) });
    await ask('POST', path, { form: { EmailAddress: uniqueEmail() } });
  }
  await ask('POST', `/Accounts/${topLevel.sid}`, { form: newAccount({ OrganizationSid: organization }) });
  await ask('POST', `/Accounts/${belowSuspended.sid}`, { form: newAccount() });
  await createWhileSuspended(ask);

  for (const method of ['POST', 'PUT']) {
    await ask(method, `/Accounts/${topLevel.sid}`);
    for (const mistake of mistakes) await ask(method, `/Accounts/${topLevel.sid}`, { form: mistake });
    await ask(method, `/Accounts/${closed.sid}`, { form: { FriendlyName: 'Too late' } });
    if (method === 'PUT')
      for (const EmailAddress of ['nobody', admin.login]) await ask(method, `/Accounts/${topLevel.sid}`, { form: { EmailAddress } });
    await ask(method, `/Accounts/${uninitialized.sid}`, { form: { Status: 'active' } });
    await ask(method, `/Accounts/${belowSuspended.sid}`, { form: { Status: 'active' } });
  }
  await ask('GET', `/Accounts/${topLevel.emailAddress}`);
  await ask('GET', `/Accounts/${topLevel.sid}`, { headers: { 'if-none-match': '*' } });
  await ask('DELETE', `/Accounts/${(await create(surface)).sid}`);
  await ask('DELETE', `/Accounts/${closed.sid}`);

  const form = { Organization: 'customer.test' };
  const moved = await create(surface);
  for (const target of [moved, moved, below, closed]) await ask('POST', `/Accounts/migrate/${target.sid}`, { form });
  await ask('POST', `/Accounts/migrate/${missingSid()}`, { form });

  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) await ask(method, `/Accounts/${below.sid}/Calls`);
}

const newAccount = (changes: Record<string, string> = {}) => ({ EmailAddress: uniqueEmail(), Password: password, ...changes });

const mistakes = [
  { Status: 'gone' },
  { Role: 'King' },
  { FriendlyName: 'x'.repeat(65) },
  { FriendlyName: ' ' },
  { Password: 'short' },
] as Record<string, string>[];

const mistakesInNew = [
  { EmailAddress: 'nobody' },
  { EmailAddress: admin.login },
  { OrganizationSid: 'nowhere' },
  { OrganizationSid: newSid('organization') },
] as Record<string, string>[];

/** Creates an account below a caller who is suspended after it signed in. */
async function createWhileSuspended(ask: Ask): Promise<void> {
  const { sid, login } = await create(surface);
  const { query } = gateway.database;
  await query('BEGIN');
  await query('SELECT pg_advisory_xact_lock(hashtextextended($1, 1))', [sid]);
  await query(`UPDATE account SET status = 'suspended' WHERE sid = $1`, [sid]);
  const created = ask('POST', '/Accounts', { form: newAccount() }, login);
  await eventually(async () => expect(await query('SELECT 1 FROM pg_locks WHERE NOT granted')).not.toEqual([]));
  await query('COMMIT');
  await created;
}

async function askForOrganizations(ask: Ask, { organization }: Stage): Promise<void> {
  await ask('GET', '/Organizations');
  await ask('GET', '/Organizations?Status=closed');
  await ask('GET', '/Organizations?Status=gone');
  await ask('GET', '/Organizations?Status=%FF');
  await ask('GET', `/Organizations/${organization}`);
  await ask('PUT', `/Organizations/${newSid('organization')}.test`);
  await ask('PUT', '/Organizations/customer.test');
  await ask('PUT', '/Organizations/no_domain');
}

/** Calls are served by nobody who answers in time, recordings by nobody at all. */
async function askForSubresources(ask: Ask, { topLevel, closed }: Stage): Promise<void> {
  for (const method of ['GET', 'POST', 'PUT', 'DELETE', 'PATCH']) {
    for (const subresource of ['Calls', 'Recordings', 'Sandbox']) await ask(method, `/Accounts/${topLevel.sid}/${subresource}`);
    await ask(method, `/Accounts/${closed.sid}/Calls`);
  }
}

async function askForProfiles(ask: Ask, { topLevel, closed, organization, profile }: Stage): Promise<void> {
  const json = (body: string) => ({ body, headers: { 'content-type': 'application/json' } });
  const document = json('{ "any": ["thing", { "at": "all" }] }');
  await ask('GET', '/Profiles');
  const { headers } = await ask('POST', '/Profiles', document);
  const path = /\/Profiles\/\w+$/.exec(headers.get('location')!)![0];
  await ask('GET', path);
  await ask('PUT', path, document);
  await ask('PUT', `/Profiles/${newSid('profile')}`, document);
  await ask('PUT', path, json('[]'));
  for (const method of ['PUT', 'DELETE']) {
    await ask(method, path, { ...document, headers: { ...document.headers, 'if-none-match': '*' } });
  }
  await ask('PUT', path, { headers: { 'x-http-method-override': 'PATCH' } });

  const to = (target: string) => ({ headers: { link: `</${target}>; rel="related"` } });
  for (const method of ['LINK', 'UNLINK']) {
    await ask(method, path, to(`Accounts/${topLevel.sid}`));
    await ask(method, path, to(`Organizations/${organization}`));
    await ask(method, path, to(`Accounts/${closed.sid}`));
    await ask(method, path, to(`Accounts/${missingSid()}`));
    await ask(method, path, to(`Organizations/missing.test`));
    await ask(method, path, to('Elsewhere'));
    await ask(method, `/Profiles/${newSid('profile')}`, to(`Accounts/${topLevel.sid}`));
    const { headers: link } = to(`Accounts/${topLevel.sid}`);
    await ask('PUT', `/Profiles/${profile}`, { headers: { ...link, 'x-http-method-override': method } });
  }
  await ask('DELETE', path);
}

describe('an answer that is not as described', () => {
  const request = { path: `/Accounts/${admin.login}.json` };
  const differently = async (changes: Partial<RestAnswer>): Promise<() => void> => {
    const answer = await sendRest(gateway.url, admin, request);
    return () => assertDescribed(request, { ...answer, ...changes });
  };

  it('is found by its status', async () => {
    expect(await differently({ status: 202 })).toThrow('GET /Accounts/{SidOrEmail} has no answer 202');
  });

  it('is found by its content type, to the letter', async () => {
    const headers = new Headers({ 'x-request-id': '1', link: '', 'content-type': 'application/json; charset=utf-8' });
    expect(await differently({ headers })).toThrow('the content type is described as application/json or application/xml');
  });

  it('is found by a header that is missing, malformed or too many', async () => {
    const { headers } = await sendRest(gateway.url, admin, request);
    const changed = new Headers([...headers].filter(([name]) => name !== 'x-request-id'));
    changed.set('link', '</Profiles>');
    changed.set('location', '/');
    const assert = await differently({ headers: changed });
    for (const fault of ['X-Request-Id is missing', 'Link: data must match pattern', 'Location is not described']) {
      expect(assert).toThrow(fault);
    }
  });

  it.each([
    ['property too many', { ...example(), secret: 1 }, 'must NOT have additional properties {"additionalProperty":"secret"}'],
    ['property missing', { ...example(), sid: undefined }, "must have required property 'sid'"],
    ['value out of its pattern', { ...example(), date_created: '2020-04-07' }, '/date_created must match pattern'],
    ['value of another type', { ...example(), friendly_name: 7 }, '/friendly_name must be string'],
  ])('is found by a %s', async (_name, body, fault) => {
    expect(await differently({ text: JSON.stringify(body) })).toThrow(fault);
  });

  it('is found by another root element, or none', async () => {
    const headers = new Headers({ 'content-type': 'application/xml', 'x-request-id': '1' });
    const asXml = (text: string) => () => assertDescribed({ path: '/Organizations' }, { status: 200, headers, text });
    expect(asXml('<Organizations></Organizations>')).toThrow('the root element is described as RestcommResponse');
    expect(asXml('<RestcommResponse>')).toThrow('not well-formed');
    expect(asXml('<RestcommResponse><Organizations></Organizations></RestcommResponse>')).not.toThrow();
  });

  it('is found where nothing is described', async () => {
    const answer = await sendRest(gateway.url, admin, request);
    expect(() => assertDescribed({ path: '/Tariffs' }, answer)).toThrow('no such operation is described, and it was not refused');
  });
});

/** An account in JSON, as described. */
function example(): Record<string, unknown> {
  return { sid: 'AC3f1de9a7c5b80246d8e0f1a2b3c4d5e6' };
}

describe.each(['/restcomm/2012-04-24', '/2012-04-24'])('the page at %s/', (mount) => {
  const get = (path: string) => fetch(gateway.url + mount + path, { redirect: 'manual' });

  it('is where its mount leads to', async () => {
    const { status, headers } = await get('');
    expect({ status, to: new URL(headers.get('location')!, gateway.url + mount).pathname }).toEqual({ status: 308, to: `${mount}/` });
  });

  it('is served under a policy that admits nothing inline and nothing foreign, and refers to nothing foreign', async () => {
    const { status, headers } = await get('/');
    const page = await (await get('/')).text();
    expect({ status, type: headers.get('content-type'), policy: headers.get('content-security-policy') }).toEqual({
      status: 200,
      type: 'text/html; charset=utf-8',
      policy:
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
        "font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    });
    const references = [...page.matchAll(/(?:src|href)="(?!data:)([^"]*)"/g)].map(([, url]) => url!);
    expect(references.length).toBeGreaterThan(3);
    for (const reference of references) {
      expect(reference).toMatch(/^[a-z-]+\.(js|css|yaml)$/);
      expect({ reference, status: (await get(`/${reference}`)).status }).toEqual({ reference, status: 200 });
    }
    expect(page).not.toMatch(/<style|<script>|\son[a-z]+=|\sstyle=/);
  });

  it('has the description beside it, as it is in the repository', async () => {
    const answer = await get('/openapi.yaml');
    expect({ status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() }).toEqual({
      status: 200,
      type: 'application/yaml',
      text: openapiText,
    });
  });
});
