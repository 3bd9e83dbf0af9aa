import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { numberOf } from '../../src/errors.js';
import type { TestDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import type { Login } from '../support/graphql-client.js';
import { mount, parseXml } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import { type Created, create, missingSid, password, uniqueEmail } from '../support/tree.js';
import { type WireAnswer, type WireRequest, sendOnWire } from '../support/wire.js';

/** What clients in the field rely on (SPEC §4), byte by byte: client libraries would normalize what is tested here. */

const trustedOrigin = 'https://console.company.com';

/** As it is by default. */
let gateway: TestGateway;
/** The same accounts, where pages of one other origin are trusted. */
let trusting: TestGateway;
let root: { sid: string; organizationSid: string };
let parent: Created;
let child: Created;
let developer: Created;
beforeAll(async () => {
  gateway = await startTestGateway();
  trusting = await startTestGateway({ database: gateway.database, environment: { CORS_ORIGINS: trustedOrigin } });
  const surface = restJsonSurface(gateway.url);
  const answer = await surface.read(admin, admin.login);
  if ('refused' in answer) throw new Error(answer.refused);
  root = answer.value;
  parent = await create(surface);
  child = await create(surface, { parent: parent.sid });
  developer = await create(surface, { parent: parent.sid, role: Role.DEVELOPER });
});
afterAll(async () => {
  await trusting.stop();
  await gateway.stop();
});

type Request = Omit<WireRequest, 'target'>;

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(restJsonSurface(gateway.url), account);
/** Sends a request of the Super Admin; the path goes on from the mount. */
const send = (path: string, request: Request = {}): Promise<WireAnswer> =>
  sendOnWire(gateway.url, { login: admin, target: mount + path, ...request });
const post = (path: string, body: string, request: Request = {}): Promise<WireAnswer> => send(path, { method: 'POST', body, ...request });
const put = (path: string, body: string, request: Request = {}): Promise<WireAnswer> => post(path, body, { method: 'PUT', ...request });
const json = ({ body }: WireAnswer): any => JSON.parse(body);
const read = async (sid: string): Promise<any> => json(await send(`/Accounts/${sid}.json`));
const accept = (value: string): Request => ({ headers: { Accept: value } });
const formType = { 'Content-Type': 'application/x-www-form-urlencoded' };
const jsonType = { 'Content-Type': 'application/json' };

/** What differs between two answers to the same request. */
const sameAgain = ({ status, headers: { Date: _, 'X-Request-Id': __, ...headers }, body }: WireAnswer): unknown => ({
  status,
  headers,
  body,
});

// A refusal may count as a failed sign-in.
const exceptFailures = `AND tablename <> 'sign_in_failure'`;

/** All that the gateway keeps. */
async function everythingIn({ query }: TestDatabase): Promise<unknown> {
  const tables = await query<{ name: string }>(
    `SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' ${exceptFailures} ORDER BY 1`,
  );
  expect(tables.length).toBeGreaterThan(5);
  return Promise.all(tables.map(async ({ name }) => [name, await query(`SELECT to_jsonb(t)::text AS row FROM ${name} t ORDER BY 1`)]));
}

/** Does the work, and fails unless it left everything as it was. */
async function changingNothing<Value>(work: () => Promise<Value>): Promise<Value> {
  const before = await everythingIn(gateway.database);
  const value = await work();
  expect(await everythingIn(gateway.database)).toEqual(before);
  return value;
}

describe('paths', () => {
  it.each([
    '/Accounts',
    '/Accounts.json',
    '/Accounts/{sid}',
    '/Accounts/{sid}.json',
    '/Accounts.json/{sid}',
    '/Accounts/{sid}/Calls.json',
    '/Accounts/{sid}/SMS/Messages',
    '/Organizations',
    '/Organizations.json',
    '/Organizations/{organization}.json',
    '/Profiles',
    '/Nothing.json',
  ])('%s is the same with a trailing slash', async (template) => {
    const path = template.replace('{sid}', child.sid).replace('{organization}', root.organizationSid);
    const [answer, answerWithSlash] = [await send(path), await send(`${path}/`)];
    expect(sameAgain(answerWithSlash)).toEqual(sameAgain(answer));
    expect(sameAgain(await send(`${path}/?Page=x`))).toEqual(sameAgain(await send(`${path}?Page=x`)));
  });

  it('a trailing slash is the same path for writes too', async () => {
    const { sid } = await make();
    const { sid: organization } = json(await put(`/Organizations/${sid.toLowerCase()}.test.json/`, ''));
    expect((await read(sid)).friendly_name).not.toBe('Slashed');
    expect(json(await post(`/Accounts/${sid}.json/`, 'FriendlyName=Slashed')).friendly_name).toBe('Slashed');
    expect(json(await post(`/Accounts/migrate/${sid}.json/`, `Organization=${organization}`)).organization).toBe(organization);
    const made = json(await post('/Accounts.json/', `EmailAddress=${uniqueEmail()}&Password=${password}`));
    expect(json(await send(`/Accounts/${made.sid}.json/`, { method: 'DELETE' })).status).toBe('closed');
  });

  it.each([
    ['/Accounts', {}],
    ['/Accounts.json?PageSize=1', {}],
    ['/Accounts/{sid}', {}],
    ['/Accounts/{sid}.json', {}],
    ['/Accounts/{sid}/Calls', {}],
    ['/Organizations/{organization}', accept('application/json')],
    ['/Organizations.json', {}],
    ['/Profiles', {}],
    ['/Nothing', {}],
    ['/Accounts', { login: undefined }],
    ['/Accounts/{sid}', { method: 'POST' }],
    ['/Accounts/{sid}', { method: 'PUT', body: 'Status=unknown' }],
    ['/openapi.yaml', {}],
  ] as [string, Request][])('both mounts answer alike: %s %o', async (template, request) => {
    const path = template.replace('{sid}', child.sid).replace('{organization}', root.organizationSid);
    const [long, short] = await Promise.all(
      [mount, '/2012-04-24'].map((prefix) => sendOnWire(gateway.url, { login: admin, target: prefix + path, ...request })),
    );
    const { Link, ...headers } = short!.headers;
    const link = Link && { Link: Link.replace('</2012', '</restcomm/2012') };
    expect(sameAgain({ ...short!, headers: { ...headers, ...link } })).toEqual(sameAgain(long!));
  });

  it.each([
    ['/Accounts/{sid}', ['/Accounts/{sid}.json', '/Accounts.json/{sid}', '/Accounts.json/{sid}.json']],
    ['/Accounts', ['/Accounts.json', '/Accounts.json?PageSize=']],
    ['/Accounts/{sid}/Calls', ['/Accounts/{sid}/Calls.json', '/Accounts/{sid}.json/Calls', '/Accounts.json/{sid}/Calls']],
    [
      '/Accounts/{sid}/SMS/Messages',
      ['/Accounts/{sid}/SMS/Messages.json', '/Accounts/{sid}/SMS.json/Messages', '/Accounts/{sid}.json/SMS/Messages'],
    ],
    ['/Organizations/{organization}', ['/Organizations/{organization}.json', '/Organizations.json/{organization}']],
  ])('%s is in JSON wherever .json stands, whatever else is accepted', async (template, templates) => {
    const filled = (path: string): string => path.replace('{sid}', child.sid).replace('{organization}', root.organizationSid);
    const plain = await send(filled(template));
    expect(plain.headers['Content-Type']).toBe('application/xml');
    for (const path of templates.map(filled)) {
      for (const request of [{}, accept('application/xml'), accept('text/plain'), accept('image/png')]) {
        const answer = await send(path, request);
        expect([path, answer.headers['Content-Type']]).toEqual([path, 'application/json']);
        if (!path.includes('?')) expect(answer.status).toBe(plain.status);
        json(answer);
      }
    }
  });

  it('.json stands anywhere in the path of a migration', async () => {
    for (const path of ['/Accounts/migrate/{sid}.json', '/Accounts/migrate.json/{sid}', '/Accounts.json/migrate/{sid}']) {
      const answer = await post(path.replace('{sid}', parent.sid), `Organization=${root.organizationSid}`);
      expect([answer.status, json(answer).error]).toEqual([400, 'SAME_ORGANIZATION']);
    }
  });

  const escapedWhole = (text: string): string =>
    [...text].map((character) => `%${character.charCodeAt(0).toString(16).padStart(2, '0')}`).join('');

  it.each(['a.b', 'a_b', 'a%b', 'a%zz', '100%', 'a+b', 'a-b', "o'neil", "a.b_c%d+e-f'g"])(
    'an account whose e-mail address begins with %s is found by it, raw or escaped',
    async (local) => {
      const emailAddress = `${local}@${uniqueEmail().replace('@', '.')}`;
      const { sid } = await make({ emailAddress });
      for (const spelled of [
        emailAddress,
        emailAddress.toUpperCase(),
        encodeURIComponent(emailAddress),
        escapedWhole(emailAddress),
        escapedWhole(emailAddress).toUpperCase(),
      ]) {
        for (const path of [`/Accounts/${spelled}.json`, `/Accounts.json/${spelled}`, `/Accounts/${spelled}.json/`]) {
          expect([path, json(await send(path)).sid]).toEqual([path, sid]);
        }
        expect((await send(`/Accounts/${spelled}/Calls`)).status).toBe(501);
      }
    },
  );

  it('an address whose @ alone is escaped is found', async () => {
    const emailAddress = `a.b_c+e-f'g@${uniqueEmail().replace('@', '.')}`;
    const { sid } = await make({ emailAddress });
    expect(json(await send(`/Accounts/${emailAddress.replace('@', '%40')}.json`)).sid).toBe(sid);
  });

  const malformed = ['%', '%2', '%zz', '%ff', '%00', '%c0%af', '%e0%a4', '%u0041', 'a%40%', '%25%', '%2e%2e', '%2f', 'x'.repeat(1000)];

  it.each(malformed)('the path segment %s is refused, and breaks nothing', async (segment) => {
    await changingNothing(async () => {
      for (const [method, path] of [
        ['GET', `/Accounts/${segment}.json`],
        ['GET', `/Accounts/${segment}/Calls.json`],
        ['GET', `/Accounts/${child.sid}/${segment}.json`],
        ['POST', `/Accounts/${segment}.json`],
        ['POST', `/Accounts/migrate/${segment}.json`],
        ['PUT', `/Accounts/${segment}.json`],
        ['DELETE', `/Accounts/${segment}.json`],
        ['GET', `/Organizations/${segment}.json`],
        ['PUT', `/Organizations/${segment}.json`],
        ['GET', `/Profiles/${segment}.json`],
        ['GET', `/${segment}.json`],
      ] as const) {
        const answer = await send(path, { method, ...(method === 'POST' && { body: `Organization=${root.organizationSid}` }) });
        expect([method, path, answer.status]).toEqual([method, path, expect.toSatisfy((status) => [400, 403, 404].includes(status))]);
        expect(answer.headers['Content-Type']).toBe('application/json');
        expect(json(answer).message).toEqual(expect.any(String));
      }
    });
  });
});

describe('forms', () => {
  it('a body without Content-Type is a form', async () => {
    const { sid } = await make();
    expect(json(await post(`/Accounts/${sid}.json`, 'FriendlyName=By+POST')).friendly_name).toBe('By POST');
    expect(json(await put(`/Accounts/${sid}.json`, 'FriendlyName=By%20PUT')).friendly_name).toBe('By PUT');
    const chunked = { headers: { 'Transfer-Encoding': 'chunked' } };
    expect(json(await put(`/Accounts/${sid}.json`, 'f\r\nFriendlyName=In\r\n7\r\n+chunks\r\n0\r\n\r\n', chunked)).friendly_name).toBe(
      'In chunks',
    );
    expect((await read(sid)).friendly_name).toBe('In chunks');
    expect(json(await post('/Accounts.json', `EmailAddress=${uniqueEmail()}&Password=${password}`)).owner_account_sid).toBe(root.sid);
  });

  it.each(['application/x-www-form-urlencoded', 'Application/X-WWW-Form-Urlencoded', 'application/x-www-form-urlencoded;charset=UTF-8'])(
    'a body of the type %s is a form',
    async (type) => {
      const { sid } = await make();
      const answer = await post(`/Accounts/${sid}.json`, 'FriendlyName=Typed', { headers: { 'Content-Type': type } });
      expect(json(answer).friendly_name).toBe('Typed');
    },
  );

  it.each([
    ['with Content-Length 0', { body: '' }],
    ['without Content-Length', {}],
    ['of a form', { body: '', headers: formType }],
    ['of no chunks', { body: '0\r\n\r\n', headers: { 'Transfer-Encoding': 'chunked' } }],
    ['that claims to be JSON', { body: '', headers: jsonType }],
    ['of unknown parameters', { body: 'Foo=1&friendlyname=2&FRIENDLYNAME=3&emailaddress=a%40b.test&&=&%41=' }],
  ] as [string, Request][])('an empty POST to an account, %s, changes nothing and answers 200', async (_how, request) => {
    const before = await read(child.sid);
    // Who is shown an AuthToken for the first time is written down.
    await send(`/Accounts/${child.sid}`, { login: child.login });
    for (const path of [`/Accounts/${child.sid}.json`, `/Accounts/${child.sid}.json/`, `/Accounts/${child.emailAddress}.json`]) {
      const answer = await changingNothing(() => send(path, { method: 'POST', ...request }));
      expect([answer.status, json(answer)]).toEqual([200, before]);
    }
    const byItself = await changingNothing(() => send(`/Accounts/${child.sid}`, { method: 'POST', login: child.login, ...request }));
    expect([byItself.status, parseXml(byItself.body).RestcommResponse.Account.Sid]).toEqual([200, child.sid]);
  });

  it('the first of a repeated parameter counts', async () => {
    const { sid } = await make();
    expect(json(await post(`/Accounts/${sid}.json`, 'FriendlyName=First&FriendlyName=Second')).friendly_name).toBe('First');
    expect(json(await put(`/Accounts/${sid}.json`, 'Status=suspended&Status=closed&Status=nonsense')).status).toBe('suspended');
    const refused = await put(`/Accounts/${sid}.json`, 'Status=nonsense&Status=active');
    expect([refused.status, json(refused).error]).toEqual([400, 'INVALID_STATUS']);
    expect(json(await send('/Accounts.json?PageSize=1&PageSize=2&Page=0&Page=9'))).toMatchObject({ page: 0, page_size: 1 });
  });

  it('names of parameters are case-sensitive', async () => {
    for (const form of ['status=closed', 'STATUS=closed', 'password=other+decent+one', 'role=Developer', 'friendlyName=Other']) {
      expect((await changingNothing(() => post(`/Accounts/${parent.sid}.json`, form))).status).toBe(200);
    }
    const refused = await changingNothing(() => post('/Accounts.json', `emailaddress=${uniqueEmail()}&Password=${password}`));
    expect([refused.status, json(refused)]).toEqual([400, expect.objectContaining({ error: 'MISSING_PARAMETER', field: 'EmailAddress' })]);
    expect(json(await send('/Accounts.json?pagesize=1&page=0'))).toBeInstanceOf(Array);
  });

  it('values of Status and Role are not case-sensitive', async () => {
    const { sid } = await make();
    for (const [form, property, value] of [
      ['Status=SUSPENDED', 'status', 'suspended'],
      ['Status=Active', 'status', 'active'],
      ['Role=DEVELOPER', 'role', 'Developer'],
      ['Role=provisioningagent', 'role', 'ProvisioningAgent'],
      ['Role=aDmInIsTrAtOr', 'role', 'Administrator'],
      ['Status=CLOSED', 'status', 'closed'],
    ] as const) {
      expect([form, json(await put(`/Accounts/${sid}.json`, form))[property]]).toEqual([form, value]);
    }
    const account = `EmailAddress=${uniqueEmail()}&Password=${password}&Status=UNINITIALIZED&Role=DEVELOPER`;
    expect(json(await post('/Accounts.json', account))).toMatchObject({ status: 'uninitialized', role: 'Developer' });
  });

  it.each([
    ['FriendlyName', '/Accounts/{sid}', 'FriendlyName=%FF'],
    ['FriendlyName', '/Accounts/{sid}', 'FriendlyName=caf%E9'],
    ['FriendlyName', '/Accounts/{sid}', 'FriendlyName=%ED%A0%80'],
    ['Password', '/Accounts/{sid}', 'FriendlyName=Changed&Password=a+decent+p%E4ssword'],
    ['Status', '/Accounts/{sid}', 'FriendlyName=Changed&Status=active%FF'],
    ['Role', '/Accounts/{sid}', 'FriendlyName=Changed&Role=%C0%80'],
    ['EmailAddress', '/Accounts/{sid}', `EmailAddress=j%F6rg%40tests.test&Password=${password}`],
    ['Password', '/Accounts', 'EmailAddress=joerg%40tests.test&Password=12345678%FF'],
    ['OrganizationSid', '/Accounts', `EmailAddress=joerg%40tests.test&Password=${password}&OrganizationSid=%FF`],
    ['Organization', '/Accounts/migrate/{sid}', 'Organization=%FF'],
  ])('bytes in %s that are no UTF-8 are refused by its name, and change nothing: %s %s', async (field, path, form) => {
    const target = path.replace('{sid}', parent.sid);
    const answer = await changingNothing(() => post(`${target}.json`, form, { headers: formType }));
    expect([answer.status, json(answer)]).toMatchObject([400, { error: 'BAD_USER_INPUT', field, message: expect.stringContaining(field) }]);
    const inXml = await changingNothing(() => post(target, form));
    expect(parseXml(inXml.body).RestcommResponse.Message).toContain(field);
  });

  it('bytes that are no UTF-8 are refused unescaped too, and change nothing', async () => {
    for (const form of ['FriendlyName=\xff', 'FriendlyName=caf\xe9', 'Unknown=\xff&FriendlyName=Changed', '\xff=1']) {
      const answer = await changingNothing(() => post(`/Accounts/${parent.sid}.json`, form));
      expect([answer.status, json(answer).error]).toEqual([400, 'BAD_USER_INPUT']);
    }
    expect(json(await post(`/Accounts/${parent.sid}.json`, 'FriendlyName=caf\xc3\xa9')).friendly_name).toBe('café');
  });

  it.each([
    ['FriendlyName=100%', '100%'],
    ['FriendlyName=%', '%'],
    ['FriendlyName=%zz', '%zz'],
    ['FriendlyName=%2', '%2'],
    ['%=1&FriendlyName=50%%25', '50%%'],
    ['FriendlyName=%u0041', '%u0041'],
  ])('an escape that is none stands for itself in a form: %s', async (form, friendlyName) => {
    expect(json(await post(`/Accounts/${child.sid}.json`, form)).friendly_name).toBe(friendlyName);
  });

  it.each(['%', '%zz', '%ff', '%00', '%e0%a4'])('the value %s breaks nothing, in no parameter', async (value) => {
    await changingNothing(async () => {
      for (const name of ['Password', 'Status', 'Role', 'EmailAddress']) {
        const answer = await post(`/Accounts/${child.sid}.json`, `${name}=${value}&Password=${password}`);
        expect([name, answer.status, json(answer).field]).toEqual([name, 400, name]);
      }
      for (const query of [`Page=${value}`, `PageSize=${value}`, `OrganizationSid=${value}`, `DomainName=${value}`, `${value}=${value}`]) {
        expect([query, (await send(`/Accounts.json?${query}`)).status]).toEqual([query, expect.toSatisfy((status) => status < 500)]);
      }
    });
  });
});

describe('the form of an answer', () => {
  it.each([
    ['*/*', 'xml'],
    // What Java's HttpURLConnection sends, and a browser.
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'xml'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8', 'xml'],
    ['application/xml', 'xml'],
    ['text/xml', 'xml'],
    ['application/*', 'xml'],
    ['APPLICATION/JSON', 'json'],
    ['application/json', 'json'],
    ['text/json', 'json'],
    ['application/json, */*', 'json'],
    ['application/json, text/javascript, */*; q=0.01', 'json'],
    ['application/xml;q=0.5, application/json', 'json'],
    ['application/json;q=0.5, application/xml;q=0.9', 'xml'],
    ['application/json;q=0.9, application/xml;q=0.5', 'json'],
    ['application/json;q=0, */*', 'xml'],
    ['application/xml;q=0, */*;q=0.1', 'json'],
    ['image/png, application/json;q=0.1', 'json'],
  ])('Accept: %s gets %s', async (value, form) => {
    for (const path of ['/Accounts', '/Accounts?Page=0', `/Accounts/${child.sid}`, '/Organizations', '/Nothing']) {
      expect([path, (await send(path, accept(value))).headers['Content-Type']]).toEqual([path, `application/${form}`]);
    }
    expect((await send('/Accounts', { login: undefined, ...accept(value) })).headers['Content-Type']).toBe(`application/${form}`);
  });

  it('a list is not sent in chunks to a client that speaks HTTP/1.0', async () => {
    const { status, headers, body } = await send('/Accounts.json', { version: '1.0' });
    expect([status, headers['Transfer-Encoding']]).toEqual([200, undefined]);
    expect(JSON.parse(body)).toEqual(json(await send('/Accounts.json')));
  });

  it('without Accept it is XML', async () => {
    expect((await send(`/Accounts/${child.sid}`)).headers['Content-Type']).toBe('application/xml');
  });

  it.each(['image/png', 'text/plain', 'application/xml;q=0, application/json;q=0', 'text/html, image/gif'])(
    'Accept: %s is refused with 406',
    async (value) => {
      const answer = await changingNothing(() => post(`/Accounts/${child.sid}`, 'FriendlyName=Changed', accept(value)));
      expect([answer.status, parseXml(answer.body).RestcommResponse.Error]).toEqual([406, 'NOT_ACCEPTABLE']);
    },
  );
});

describe('headers', () => {
  const inCapitals = /^(?:ETag|WWW-Authenticate|[A-Z][a-z]*(?:-[A-Z][a-z]*)*)$/;
  const xml = 'application/xml';
  const forBrowsers = [
    'Content-Security-Policy',
    'Cross-Origin-Resource-Policy',
    'Referrer-Policy',
    'X-Content-Type-Options',
    'X-Frame-Options',
  ];
  const always = ['Cache-Control', 'Connection', 'Content-Type', 'Date', 'Vary', 'X-Request-Id', ...forBrowsers];
  const profile =
    (path: string, request: Request): (() => Promise<WireAnswer>) =>
    () =>
      send(`/Profiles${path}`, request);

  it.each([
    ['an account', 200, xml, ['Content-Length', 'ETag', 'Link'], () => send(`/Accounts/${child.sid}`)],
    ['an account', 200, 'application/json', ['Content-Length', 'ETag', 'Link'], () => send(`/Accounts/${child.sid}.json`)],
    ['an account after a change', 200, xml, ['Content-Length', 'ETag'], () => post(`/Accounts/${child.sid}`, '')],
    ['a list', 200, xml, ['Transfer-Encoding'], () => send('/Accounts')],
    ['a list', 200, 'application/json', ['Transfer-Encoding'], () => send('/Accounts.json')],
    ['a page', 200, xml, ['Content-Length'], () => send('/Accounts?Page=0')],
    ['a page', 200, 'application/json', ['Content-Length'], () => send('/Accounts.json?Page=0')],
    ['an organization', 200, xml, ['Content-Length', 'Link'], () => send(`/Organizations/${root.organizationSid}`)],
    ['a list of organizations', 200, xml, ['Transfer-Encoding'], () => send('/Organizations')],
    [
      'a new profile',
      201,
      'application/json',
      ['Content-Length', 'Last-Modified', 'Location'],
      profile('', { method: 'POST', body: '{}' }),
    ],
    ['no profile', 404, 'application/json', ['Content-Length'], profile('/PR', {})],
    ['a list of profiles', 200, 'application/json', ['Transfer-Encoding'], profile('', {})],
    ['nobody', 401, xml, ['Content-Length', 'WWW-Authenticate'], () => send('/Accounts', { login: undefined })],
    ['nobody', 401, 'application/json', ['Content-Length', 'WWW-Authenticate'], () => send('/Accounts.json', { login: undefined })],
    ['nothing', 404, xml, ['Content-Length'], () => send('/Nothing')],
    ['nothing', 404, 'application/json', ['Content-Length'], () => send('/Nothing.json')],
    ['no account', 404, 'application/json', ['Content-Length'], () => send(`/Accounts/${missingSid()}.json`)],
    ['a subresource', 501, xml, ['Content-Length'], () => send(`/Accounts/${child.sid}/Calls`)],
  ] as [string, number, string, string[], () => Promise<WireAnswer>][])(
    'of the answer about %s, %i in %s, are spelled in capitals',
    async (_what, status, type, names, ask) => {
      const answer = await ask();
      expect(Object.keys(answer.headers).toSorted()).toEqual([...always, ...names].toSorted());
      for (const name of Object.keys(answer.headers)) expect(name).toMatch(inCapitals);
      expect(answer.status).toBe(status);
      expect(answer.headers).toMatchObject({ 'Content-Type': type, 'Cache-Control': 'no-store' });
    },
  );

  it('of answers without a body, and of all that is not the documented API, are spelled in capitals too', async () => {
    const { Location } = (await post('/Profiles', '{}')).headers;
    const profilePath = Location!.slice(mount.length);
    const link = { headers: { Link: `<${mount}/Accounts/${child.sid}>; rel="related"` } };
    const answers = [
      await send('/Accounts', { method: 'HEAD' }),
      await send(profilePath, { method: 'LINK', ...link }),
      await send(profilePath, { method: 'UNLINK', ...link }),
      await send(profilePath, { method: 'DELETE' }),
      await send('/'),
      await sendOnWire(gateway.url, { target: mount }),
      await sendOnWire(gateway.url, { target: '/health/ready' }),
      await sendOnWire(gateway.url, { target: '/graphiql' }),
      await sendOnWire(gateway.url, { target: '/nothing' }),
      await sendOnWire(gateway.url, { method: 'POST', target: '/graphql', headers: jsonType, body: '{"query":"{ viewer { sid } }"}' }),
      await sendOnWire(trusting.url, { target: `${mount}/Accounts`, login: admin, headers: { Origin: trustedOrigin } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 308, 200, 200, 404, 401, 200]);
    for (const { headers } of answers) for (const name of Object.keys(headers)) expect(name).toMatch(inCapitals);
  });

  it.each([
    ['no credentials', {}],
    ['a wrong secret', { login: { ...admin, secret: 'wrong' } }],
    ['an unknown account', { login: { login: 'nobody@tests.test', secret: 'wrong' } }],
    ['no colon', { headers: { Authorization: 'Basic bm9jb2xvbg==' } }],
    ['another scheme', { headers: { Authorization: 'Bearer abc' } }],
  ] as [string, Request][])('challenge with exactly one line, that clients compare, on %s', async (_what, request) => {
    for (const path of ['/Accounts', `/Accounts/${child.sid}.json`, '/Profiles', '/Nothing']) {
      const { status, head } = await send(path, { login: undefined, ...request });
      expect(status).toBe(401);
      expect(head.split('\r\n').filter((line) => /authenticate/i.test(line))).toEqual(['WWW-Authenticate: Basic realm="Restcomm realm"']);
    }
  });

  it('give the request id of the client back, unless it could break a line of a log', async () => {
    const idFor = async (id: string): Promise<string | undefined> =>
      (await send('/Accounts', { headers: { 'X-Request-Id': id } })).headers['X-Request-Id'];
    expect(await idFor('my.request:1')).toBe('my.request:1');
    expect(await idFor('my request')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('say when to try again when the database was lost', async () => {
    const { query } = gateway.database;
    await query('BEGIN');
    await query('LOCK TABLE credential IN EXCLUSIVE MODE');
    let answered = false;
    const creating = post('/Accounts.json', `EmailAddress=${uniqueEmail()}&Password=${password}`).finally(() => (answered = true));
    const terminate = (): Promise<unknown[]> =>
      query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`);
    while (!answered && (await terminate()).length === 0);
    await query('COMMIT');
    const { status, headers, body } = await creating;
    expect([status, headers['Retry-After'], JSON.parse(body).error]).toEqual([503, '1', 'UNAVAILABLE']);
    expect(Object.keys(headers).toSorted()).toEqual([...always, 'Content-Length', 'Retry-After'].toSorted());
  });
});

describe.each([
  ['REST', `${mount}/Accounts.json`],
  ['GraphQL', `/graphql?query=${encodeURIComponent('{ viewer { sid } }')}`],
])('the Authorization header of a request by %s', (_surface, target) => {
  const ask = (authorization: string): Promise<WireAnswer> =>
    sendOnWire(gateway.url, { target, headers: { Authorization: authorization, 'Apollo-Require-Preflight': 'true' } });
  const encoded = Buffer.from(`${admin.login}:${admin.secret}`).toString('base64');

  it.each(['Basic', 'basic', 'BASIC', 'bAsIc'])('may spell its scheme %s', async (scheme) => {
    expect((await ask(`${scheme} ${encoded}`)).status).toBe(200);
    expect((await ask(`${scheme}  ${encoded}`)).status).toBe(200);
  });

  it.each(['Bearer', 'Basic,', 'xBasic', 'Basic\t'])('signs nobody in by the scheme %j', async (scheme) => {
    expect((await ask(`${scheme} ${encoded}`)).status).toBe(401);
  });
});

describe('the Link header', () => {
  /** Follows it, as the client that got it would. */
  const follow = async (path: string, login: Login): Promise<WireAnswer> => {
    const { status, headers } = await send(path, { login });
    expect(status).toBe(200);
    const [, target] = /^<([^>]+)>; rel="related"; title="Profiles"$/.exec(headers.Link ?? '') ?? [];
    return sendOnWire(gateway.url, { login, target: target! });
  };
  const linkedTo = async (path: string): Promise<object> => {
    const document = { settingsOf: path };
    const { headers } = await post('/Profiles', JSON.stringify(document), { headers: jsonType });
    const { status } = await sendOnWire(gateway.url, {
      method: 'LINK',
      login: admin,
      target: headers.Location!,
      headers: { Link: `<${gateway.url}${mount}${path}>; rel="related"` },
    });
    expect(status).toBe(200);
    return document;
  };

  it('leads everyone to the default profile of each account and organization that they see', async () => {
    const byDefault = await follow(`/Accounts/${root.sid}`, admin);
    for (const [path, login] of [
      [`/Accounts/${child.sid}.json`, admin],
      [`/Accounts/${child.sid}`, parent.login],
      [`/Accounts/${parent.sid}`, parent.login],
      [`/Accounts/${developer.emailAddress}`, developer.login],
      [`/Organizations/${root.organizationSid}`, admin],
      [`/Organizations/${root.organizationSid}.json`, parent.login],
    ] as const) {
      const answer = await follow(path, login);
      expect([path, answer.status, answer.headers['Content-Type'], json(answer)]).toEqual([path, 200, 'application/json', json(byDefault)]);
    }
  });

  it('leads everyone to the profile that is linked nearest above', async () => {
    const top = await make();
    const below = await make({ parent: top.sid });
    const agent = await make({ parent: below.sid, role: Role.PROVISIONING_AGENT });
    const organization = json(await put(`/Organizations/${top.sid.toLowerCase()}.test.json`, ''));
    await post(`/Accounts/migrate/${top.sid}`, `Organization=${organization.sid}`);

    const ofOrganization = await linkedTo(`/Organizations/${organization.sid}`);
    for (const { sid, login } of [top, below, agent]) expect(json(await follow(`/Accounts/${sid}`, login))).toEqual(ofOrganization);
    for (const login of [admin, top.login, below.login]) {
      expect(json(await follow(`/Organizations/${organization.sid}`, login))).toEqual(ofOrganization);
    }

    const ofTop = await linkedTo(`/Accounts/${top.emailAddress}`);
    for (const { sid, login } of [top, below, agent]) expect(json(await follow(`/Accounts/${sid}`, login))).toEqual(ofTop);
    expect(json(await follow(`/Organizations/${organization.sid}`, top.login))).toEqual(ofOrganization);

    const ofAgent = await linkedTo(`/Accounts/${agent.sid}`);
    for (const login of [admin, top.login, below.login, agent.login]) {
      expect(json(await follow(`/Accounts/${agent.sid}`, login))).toEqual(ofAgent);
    }
    expect(json(await follow(`/Accounts/${below.sid}`, top.login))).toEqual(ofTop);
  });

  it('stays at the mount that the request came by', async () => {
    const { headers } = await sendOnWire(gateway.url, { login: admin, target: `/2012-04-24/Accounts/${child.sid}` });
    expect(headers.Link).toMatch(/^<\/2012-04-24\/Profiles\/PR[0-9a-f]{32}>/);
  });
});

describe('an error', () => {
  it.each([
    [400, 'INVALID_STATUS', () => put(`/Accounts/${child.sid}.json`, 'Status=sleeping')],
    [400, 'MISSING_PARAMETER', () => post('/Accounts.json', `EmailAddress=${uniqueEmail()}`)],
    [400, 'INVALID_PAGE', () => send('/Accounts.json?Page=-1')],
    [400, 'BAD_USER_INPUT', () => post('/Profiles.json', 'no JSON')],
    [401, 'UNAUTHENTICATED', () => send('/Accounts.json', { login: undefined })],
    [401, 'UNAUTHENTICATED', () => send('/Nothing.json', { login: { login: child.sid, secret: 'wrong' } })],
    [403, 'FORBIDDEN', () => send(`/Accounts/${parent.sid}.json`, { login: child.login })],
    [403, 'FORBIDDEN', () => send('/Accounts.json', { login: developer.login })],
    [403, 'FORBIDDEN', () => post(`/Accounts/${child.sid}.json`, '', { headers: { 'Sec-Fetch-Site': 'cross-site' } })],
    [404, 'ACCOUNT_NOT_FOUND', () => send(`/Accounts/${missingSid()}.json`)],
    [404, 'ORGANIZATION_NOT_FOUND', () => send('/Accounts.json?DomainName=nowhere.test')],
    [404, 'PROFILE_NOT_FOUND', () => send('/Profiles/PR00000000000000000000000000000000.json')],
    [404, 'NOT_FOUND', () => send('/Nothing.json')],
    [405, 'METHOD_NOT_ALLOWED', () => send('/Accounts.json', { method: 'PATCH' })],
    [409, 'EMAIL_IN_USE', () => post('/Accounts.json', `EmailAddress=${child.emailAddress}&Password=${password}`)],
    [412, 'ORGANIZATION_REQUIRED', () => post(`/Accounts/migrate/${parent.sid}.json`, '')],
    [413, 'PAYLOAD_TOO_LARGE', () => post(`/Accounts/${child.sid}.json`, `FriendlyName=${'a'.repeat(70_000)}`)],
    [415, 'UNSUPPORTED_MEDIA_TYPE', () => post(`/Accounts/${child.sid}.json`, '{}', { headers: jsonType })],
    [415, 'UNSUPPORTED_MEDIA_TYPE', () => post('/Profiles.json', '{}', { headers: formType })],
    [501, 'NOT_IMPLEMENTED', () => send(`/Accounts/${child.sid}/Calls.json`)],
    [501, 'NOT_IMPLEMENTED', () => post(`/Accounts/${child.sid}/SMS/Messages.json`, 'To=1&Body=Hello')],
  ] as [number, string, () => Promise<WireAnswer>][])('of a .json path, %i %s, is JSON with a message', async (status, code, ask) => {
    const answer = await changingNothing(ask);
    expect(json(answer)).toMatchObject({ status, error: code, message: expect.stringMatching(/\w.*\.$/) });
    expect([answer.status, answer.headers['Content-Type']]).toEqual([status, 'application/json']);
  });

  it('of a form that is too large says how large it may be', async () => {
    const answer = await post(`/Accounts/${child.sid}.json`, `FriendlyName=${'a'.repeat(65_536)}`);
    expect(json(answer)).toMatchObject({ status: 413, message: 'The body must have at most 65536 bytes.' });
  });

  it('of any other path is XML with the same', async () => {
    for (const [path, status, code] of [
      [`/Accounts/${missingSid()}`, 404, 'ACCOUNT_NOT_FOUND'],
      [`/Accounts/${child.sid}/Calls`, 501, 'NOT_IMPLEMENTED'],
      ['/Accounts?Page=-1', 400, 'INVALID_PAGE'],
      ['/Nothing', 404, 'NOT_FOUND'],
    ] as const) {
      const { Message, ...said } = parseXml((await send(path)).body).RestcommResponse;
      expect([path, said, Message]).toEqual([
        path,
        { Code: String(numberOf(code)), Error: code, Status: String(status), MoreInfo: `/docs/errors#${code}` },
        expect.stringMatching(/\w.*\.$/),
      ]);
    }
  });
});

describe('pages of other origins', () => {
  const preflight = (at: TestGateway, origin: string): Promise<WireAnswer> =>
    sendOnWire(at.url, {
      method: 'OPTIONS',
      target: `${mount}/Accounts/${child.sid}.json`,
      headers: { Origin: origin, 'Access-Control-Request-Method': 'LINK', 'Access-Control-Request-Headers': 'authorization' },
    });
  const corsHeaders = ({ head }: WireAnswer): string[] => head.split('\r\n').filter((line) => /^access-control/i.test(line));

  it('learn nothing unless the operator trusts them', async () => {
    for (const origin of [trustedOrigin, 'null', gateway.url]) {
      const answers = [
        await preflight(gateway, origin),
        await send('/Accounts', { headers: { Origin: origin } }),
        await send('/Accounts', { login: undefined, headers: { Origin: origin } }),
        await sendOnWire(gateway.url, { login: admin, target: '/graphql?query={viewer{sid}}', headers: { Origin: origin } }),
      ];
      for (const answer of answers) expect(corsHeaders(answer)).toEqual([]);
    }
  });

  it('of a trusted origin may ask for all methods and read the answers, refusals too', async () => {
    const allowed = await preflight(trusting, trustedOrigin);
    expect([allowed.status, allowed.headers]).toMatchObject([
      204,
      {
        'Access-Control-Allow-Origin': trustedOrigin,
        'Access-Control-Allow-Methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, LINK, UNLINK',
        'Access-Control-Allow-Headers': 'authorization',
        Vary: expect.stringContaining('Origin'),
      },
    ]);
    for (const login of [admin, undefined]) {
      const { headers } = await sendOnWire(trusting.url, { login, target: `${mount}/Accounts`, headers: { Origin: trustedOrigin } });
      expect(headers).toMatchObject({ 'Access-Control-Allow-Origin': trustedOrigin, Vary: expect.stringContaining('Origin') });
      expect(headers['Access-Control-Expose-Headers']).toContain('Link');
      // Credentials that the browser remembers are not for pages of other origins.
      expect(headers).not.toHaveProperty('Access-Control-Allow-Credentials');
    }
  });

  it.each(['https://evil.test', 'null', `${trustedOrigin}.evil.test`, 'http://console.company.com', `${trustedOrigin}:8443`])(
    'of %s are not trusted beside it',
    async (origin) => {
      const answers = [
        await preflight(trusting, origin),
        await sendOnWire(trusting.url, { login: admin, target: `${mount}/Accounts`, headers: { Origin: origin } }),
      ];
      for (const { headers } of answers) expect(headers).not.toHaveProperty('Access-Control-Allow-Origin');
    },
  );

  const mutation = JSON.stringify({
    query: 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Changed" }) { account { sid } } }',
  });
  /** Requests that change something, each in its own way. */
  const writes: [string, (victim: string, profile: string) => Omit<WireRequest, 'login'>][] = [
    ['POST', (victim) => ({ method: 'POST', target: `${mount}/Accounts/${victim}`, body: 'FriendlyName=Changed' })],
    ['PUT', (victim) => ({ method: 'PUT', target: `${mount}/Accounts/${victim}.json`, body: 'FriendlyName=Changed' })],
    ['DELETE', (victim) => ({ method: 'DELETE', target: `${mount}/Accounts/${victim}` })],
    [
      'LINK',
      (victim, profile) => ({
        method: 'LINK',
        target: `${mount}/Profiles/${profile}`,
        headers: { Link: `<${mount}/Accounts/${victim}>; rel="related"` },
      }),
    ],
    [
      'POST /graphql',
      (victim) => ({
        method: 'POST',
        target: '/graphql',
        headers: jsonType,
        body: JSON.stringify({ ...JSON.parse(mutation), variables: { sid: victim } }),
      }),
    ],
  ];
  let profile: string;
  beforeAll(async () => {
    profile = (await post('/Profiles', '{}')).headers.Location!.split('/').at(-1)!;
  });

  const refused: Record<string, string>[] = [
    { 'Sec-Fetch-Site': 'cross-site' },
    { 'Sec-Fetch-Site': 'same-site' },
    { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' },
    { Origin: 'https://evil.test' },
    { Origin: 'null' },
    { Origin: 'not an origin' },
  ];

  describe.each(writes)('%s', (_method, write) => {
    it.each(refused)('is refused with %o, and changes nothing', async (headers) => {
      const request = write(child.sid, profile);
      for (const { url } of [gateway, trusting]) {
        const answer = await changingNothing(() =>
          sendOnWire(url, { login: admin, ...request, headers: { ...request.headers, ...headers } }),
        );
        expect([answer.status, answer.body]).toEqual([403, expect.stringContaining('FORBIDDEN')]);
      }
    });

    it('is refused from its own host by another scheme, and changes nothing', async () => {
      const request = write(child.sid, profile);
      const headers = { ...request.headers, Origin: gateway.url.replace('http:', 'https:') };
      expect((await changingNothing(() => sendOnWire(gateway.url, { login: admin, ...request, headers }))).status).toBe(403);
    });

    it.each([
      {},
      { 'Sec-Fetch-Site': 'same-origin' },
      { 'Sec-Fetch-Site': 'none' },
      { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://behind.a-proxy.test' },
      { Origin: 'itself' },
    ])('is let through with %o', async (given: Record<string, string>) => {
      const { sid } = await make();
      const headers = 'Origin' in given && given.Origin === 'itself' ? { Origin: gateway.url } : given;
      const request = write(sid, profile);
      const before = await everythingIn(gateway.database);
      const answer = await sendOnWire(gateway.url, { login: admin, ...request, headers: { ...request.headers, ...headers } });
      expect([answer.status, answer.body]).toEqual([200, expect.not.stringContaining('"errors"')]);
      expect(await everythingIn(gateway.database)).not.toEqual(before);
    });

    it('is let through from a trusted origin only', async () => {
      const { sid } = await make();
      const request = write(sid, profile);
      const headers = { ...request.headers, 'Sec-Fetch-Site': 'cross-site', Origin: trustedOrigin };
      expect((await changingNothing(() => sendOnWire(gateway.url, { login: admin, ...request, headers }))).status).toBe(403);
      const before = await everythingIn(gateway.database);
      expect((await sendOnWire(trusting.url, { login: admin, ...request, headers })).status).toBe(200);
      expect(await everythingIn(gateway.database)).not.toEqual(before);
    });
  });

  it('may send what only reads, and no mutation in its place', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.test' };
    expect((await send(`/Accounts/${child.sid}`, { headers })).status).toBe(200);
    const query = encodeURIComponent(`mutation { closeAccount(input: { sid: "${child.sid}" }) { account { sid } } }`);
    const target = `/graphql?query=${query}`;
    expect((await changingNothing(() => sendOnWire(gateway.url, { login: admin, target, headers }))).status).toBe(400);
  });
});

describe('X-HTTP-Method-Override', () => {
  const newProfile = async (): Promise<string> => (await post('/Profiles', '{"mine":true}')).headers.Location!.split('/').at(-1)!;
  const effectiveProfile = async (sid: string): Promise<string> =>
    /Profiles\/(PR[0-9a-f]{32})>/.exec((await send(`/Accounts/${sid}`)).headers.Link!)![1]!;
  const override = (profile: string, method: string, target: string): Promise<WireAnswer> =>
    put(`/Profiles/${profile}`, '', {
      headers: { 'X-HTTP-Method-Override': method, Link: `<https://other.host/2012-04-24/${target}>; rel="related"` },
    });

  it.each(['LINK', 'link'])('%s links and unlinks by PUT, as the methods themselves do', async (link) => {
    const { sid, emailAddress } = await make();
    const profile = await newProfile();
    const byDefault = await effectiveProfile(sid);
    expect((await override(profile, link, `Accounts/${encodeURIComponent(emailAddress)}`)).status).toBe(200);
    expect(await effectiveProfile(sid)).toBe(profile);
    expect((await override(profile, `UN${link}`, `Accounts.json/${sid}/`)).status).toBe(200);
    expect(await effectiveProfile(sid)).toBe(byDefault);
    expect(json(await send(`/Profiles/${profile}`))).toEqual({ mine: true });
  });

  it('of any other value changes nothing', async () => {
    const profile = await newProfile();
    for (const method of ['DELETE', 'POST', 'nonsense']) {
      const answer = await changingNothing(() => override(profile, method, `Accounts/${child.sid}`));
      expect([answer.status, json(answer)]).toMatchObject([400, { error: 'BAD_USER_INPUT', field: 'X-HTTP-Method-Override' }]);
    }
  });

  it('turns no other request into one', async () => {
    const headers = { 'X-HTTP-Method-Override': 'DELETE' };
    expect((await changingNothing(() => post(`/Accounts/${child.sid}`, '', { headers }))).status).toBe(200);
    expect((await changingNothing(() => send(`/Accounts/${child.sid}`, { headers }))).status).toBe(200);
  });
});
