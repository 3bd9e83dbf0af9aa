import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { plant } from '../support/plant.js';
import { type RestRequest, mount, parseXml, sendRest } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create, missingSid, password, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(restJsonSurface(gateway.url), account);
const send = (request: RestRequest, login: Login | undefined = admin) => sendRest(gateway.url, login, request);
const json = async (request: RestRequest, login = admin) => {
  const { status, text } = await send(request, login);
  return { status, body: JSON.parse(text) };
};
const xml = async (request: RestRequest, login = admin) => {
  const { status, text } = await send(request, login);
  return { status, body: parseXml(text).RestcommResponse };
};
const jsonBody = { 'content-type': 'application/json' };

async function rootSid(): Promise<string> {
  return (await json({ path: `/Accounts/${admin.login}.json` })).body.sid;
}

const subresources = {
  available_phone_numbers: 'AvailablePhoneNumbers',
  calls: 'Calls',
  conferences: 'Conferences',
  incoming_phone_numbers: 'IncomingPhoneNumbers',
  notifications: 'Notifications',
  outgoing_caller_ids: 'OutgoingCallerIds',
  recordings: 'Recordings',
  sandbox: 'Sandbox',
  sms_messages: 'SMS/Messages',
  transcriptions: 'Transcriptions',
};

describe('an account', () => {
  it('is shown in JSON as documented: names, order, dates and URIs', async () => {
    const { sid, organizationSid, emailAddress } = await make({ friendlyName: 'Jane Doe' });
    await gateway.database.query(
      `UPDATE account SET date_created = '2015-11-04T10:17:35Z', date_updated = '2020-04-07T09:31:17.5Z' WHERE sid = $1`,
      [sid],
    );
    const { text } = await send({ path: `/Accounts/${sid}.json` });
    const expected = {
      sid,
      organization: organizationSid,
      owner_account_sid: await rootSid(),
      friendly_name: 'Jane Doe',
      email_address: emailAddress,
      type: 'Full',
      status: 'active',
      role: 'Administrator',
      date_created: 'Wed, 4 Nov 2015 10:17:35 +0000',
      date_updated: 'Tue, 7 Apr 2020 09:31:17 +0000',
      auth_token: expect.stringMatching(/^[0-9a-f]{32}$/),
      uri: `/2012-04-24/Accounts.json/${sid}`,
      subresource_uris: Object.fromEntries(
        Object.entries(subresources).map(([name, path]) => [name, `/2012-04-24/Accounts/${sid}/${path}.json`]),
      ),
    };
    const account = JSON.parse(text);
    expect(account).toEqual(expected);
    expect(Object.keys(account)).toEqual(Object.keys(expected));
    expect(Object.keys(account.subresource_uris)).toEqual(Object.keys(subresources));
  });

  it('is shown in XML as documented, with the properties that the sample leaves out', async () => {
    const { sid, organizationSid, emailAddress } = await make({ friendlyName: 'MySubAccount' });
    await gateway.database.query(
      `UPDATE account SET date_created = '2013-10-16T09:22:28.708Z', date_updated = '2013-10-16T09:22:28.712Z' WHERE sid = $1`,
      [sid],
    );
    const { text } = await send({ path: `/Accounts/${sid}` });
    const links = Object.values(subresources).map((path) => {
      const name = path.replace('/', '');
      return `<${name}>/2012-04-24/Accounts/${sid}/${path}</${name}>`;
    });
    expect(text.replace(/(?<=<AuthToken>)[0-9a-f]{32}(?=<)/, '…')).toBe(
      `<RestcommResponse><Account><Sid>${sid}</Sid><Organization>${organizationSid}</Organization>` +
        `<OwnerAccountSid>${await rootSid()}</OwnerAccountSid><FriendlyName>MySubAccount</FriendlyName>` +
        `<EmailAddress>${emailAddress}</EmailAddress><Status>active</Status><Type>Full</Type><Role>Administrator</Role>` +
        `<DateCreated>2013-10-16T09:22:28.708Z</DateCreated><DateUpdated>2013-10-16T09:22:28.712Z</DateUpdated>` +
        `<AuthToken>…</AuthToken><Uri>/2012-04-24/Accounts/${sid}</Uri>` +
        `<SubresourceUris>${links.join('')}</SubresourceUris></Account></RestcommResponse>`,
    );
  });

  it('is its own owner to itself, because its parent is out of its sight', async () => {
    const parent = await make();
    const child = await make({ parent: parent.sid });
    const ownerSeenBy = async ({ login }: { login: Login }) =>
      (await json({ path: `/Accounts/${child.sid}.json` }, login)).body.owner_account_sid;
    expect(await ownerSeenBy(child)).toBe(child.sid);
    expect(await ownerSeenBy(parent)).toBe(parent.sid);
    expect((await json({ path: `/Accounts/${admin.login}.json` })).body.owner_account_sid).toBe(await rootSid());
  });

  it('shows the AuthToken by itself and in lists, as long as it has one', async () => {
    const parent = await make();
    const { sid, login } = await make({ parent: parent.sid });
    const shown = async (request: RestRequest) => (await json(request, parent.login)).body.auth_token as string | undefined;
    const path = `/Accounts/${sid}.json`;
    const token = await shown({ path });
    expect(token).toMatch(/^[0-9a-f]{32}$/);
    expect((await json({ path }, login)).body.auth_token).toBe(token);
    expect(await shown({ path, method: 'PUT', form: { FriendlyName: 'Renamed' } })).toBe(token);
    const renewed = await shown({ path, method: 'PUT', form: { Password: 'another decent one' } });
    expect(renewed).toMatch(/^[0-9a-f]{32}$/);
    expect(renewed).not.toBe(token);
    for (const list of ['/Accounts.json', '/Accounts.json?PageSize=5', '/Accounts']) {
      const { text } = await send({ path: list }, parent.login);
      expect(text).toContain(sid);
      expect(text).toContain(renewed);
    }
    expect(await shown({ path, method: 'DELETE' })).toBeUndefined();
    expect(await shown({ path })).toBeUndefined();
  });

  it.each(['<Account>&amp;"\'', ']]>', '\u00a0\u200d', '\ufffe\uffff', '😀 \u{10ffff}', '&#0;', '<!-- -->', '%3C', 'Zoë\u0301'])(
    'is well-formed in XML with the name %j',
    async (friendlyName) => {
      const { sid } = await make({ friendlyName: `x${friendlyName}` });
      const { body } = await xml({ path: `/Accounts/${sid}` });
      expect(body.Account.FriendlyName).toBe(`x${friendlyName}`.normalize('NFC').replace(/[\ufffe\uffff]/g, '\ufffd'));
      expect((await json({ path: `/Accounts/${sid}.json` })).body.friendly_name).toBe(`x${friendlyName}`.normalize('NFC'));
    },
  );
});

it('links in answers lead to where users reach the gateway', async () => {
  const behindProxy = await startTestGateway({ environment: { PUBLIC_URL: 'https://api.company.com/gateway/' } });
  try {
    const { headers } = await sendRest(behindProxy.url, admin, { path: `/Accounts/${admin.login}` });
    expect(headers.get('link')).toMatch(/^<https:\/\/api\.company\.com\/gateway\/restcomm\/2012-04-24\/Profiles\/PR[0-9a-f]{32}>; /);
    const created = await sendRest(behindProxy.url, admin, { method: 'POST', path: '/Profiles', body: '{}', headers: jsonBody });
    expect(created.headers.get('location')).toMatch(/^https:\/\/api\.company\.com\/gateway\/restcomm\/2012-04-24\/Profiles\/PR/);
  } finally {
    await behindProxy.stop();
  }
});

describe('creating by REST', () => {
  const form = () => ({ EmailAddress: uniqueEmail(), Password: password });

  it('inherits the role of whoever creates when none is given', async () => {
    const { status, body } = await json({ method: 'POST', path: '/Accounts.json', form: form() });
    expect([status, body.role, body.status]).toEqual([200, 'Administrator', 'active']);
  });

  it.each([
    [{ EmailAddress: 'x@y.test' }, 'MISSING_PARAMETER', 'Password'],
    [{ Password: password }, 'MISSING_PARAMETER', 'EmailAddress'],
    [{ ...form(), emailaddress: 'x' }, undefined, undefined],
    [{ ...form(), EmailAddress: '' }, 'MISSING_PARAMETER', 'EmailAddress'],
    [{ ...form(), EmailAddress: 'nobody' }, 'INVALID_EMAIL', 'EmailAddress'],
    [{ ...form(), Status: 'gone' }, 'INVALID_STATUS', 'Status'],
    [{ ...form(), Status: '' }, undefined, undefined],
    [{ ...form(), Role: 'SuperAdmin' }, 'INVALID_ROLE', 'Role'],
    [{ ...form(), FriendlyName: 'x'.repeat(65) }, 'FRIENDLY_NAME_TOO_LONG', 'FriendlyName'],
    [{ ...form(), FriendlyName: ' ' }, 'BAD_USER_INPUT', 'FriendlyName'],
    [{ ...form(), Password: 'short' }, 'PASSWORD_TOO_WEAK', 'Password'],
    [{ ...form(), OrganizationSid: 'OR1' }, 'BAD_USER_INPUT', 'OrganizationSid'],
    [{ ...form(), OrganizationSid: `OR${'0'.repeat(32)}` }, 'ORGANIZATION_NOT_FOUND', 'OrganizationSid'],
  ])('names the parameter at fault: %j', async (given, code, field) => {
    const { status, body } = await json({ method: 'POST', path: '/Accounts.json', form: given });
    expect(status).toBe(code === undefined ? 200 : 400);
    expect([body.error, body.field]).toEqual([code, field]);
  });

  it('below an account is asked for by its SID or address; on a path that names none, nothing is created', async () => {
    const parent = await make();
    for (const target of [parent.sid, parent.emailAddress]) {
      expect((await json({ method: 'POST', path: `/Accounts/${target}.json`, form: form() })).body.owner_account_sid).toBe(parent.sid);
    }
    const before = await count();
    for (const target of ['AC1', 'nobody', missingSid(), 'no@one.test']) {
      expect((await json({ method: 'POST', path: `/Accounts/${target}.json`, form: form() })).body.error).toBe('ACCOUNT_NOT_FOUND');
      expect((await json({ method: 'POST', path: `/Accounts/${target}.json`, form: form() }, parent.login)).body.error).toBe('FORBIDDEN');
    }
    expect(await count()).toBe(before);
  });
});

async function count(): Promise<number> {
  return (await gateway.database.query<{ count: number }>('SELECT count(*)::integer AS count FROM account'))[0]!.count;
}

describe('updating by REST', () => {
  it('changes all that is given, the status last, in one transaction', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const { body } = await json({
      method: 'PUT',
      path: `/Accounts/${top.sid}.json`,
      form: { FriendlyName: 'Renamed', Role: 'developer', Password: 'another decent one', Status: 'Suspended' },
    });
    expect(body).toMatchObject({ friendly_name: 'Renamed', role: 'Developer', status: 'suspended' });
    expect((await json({ path: `/Accounts/${child.sid}.json` })).body.status).toBe('suspended');
    expect((await json({ path: `/Accounts/${top.sid}.json` }, { login: top.sid, secret: 'another decent one' })).body.error).toBe(
      'ACCOUNT_NOT_ACTIVE',
    );
  });

  it('changes nothing when one part of it is refused', async () => {
    const account = await make({ status: 'uninitialized' });
    const path = `/Accounts/${account.sid}.json`;
    const before = (await json({ path })).body;
    for (const form of [
      { FriendlyName: 'Renamed', Status: 'active' },
      { FriendlyName: 'Renamed', Status: 'suspended' },
      { FriendlyName: 'Renamed', Password: 'short' },
      { FriendlyName: 'Renamed', Role: 'root' },
    ]) {
      expect((await json({ method: 'PUT', path, form })).status).toBe(400);
      expect((await json({ path })).body).toEqual(before);
    }
  });

  it('activates an uninitialized account with a password, whether the status is given too or not', async () => {
    for (const form of [{ Password: 'first real one' }, { Password: 'first real one', Status: 'active' }]) {
      const { sid } = await make({ status: 'uninitialized' });
      expect((await json({ method: 'PUT', path: `/Accounts/${sid}.json`, form })).body.status).toBe('active');
    }
  });

  it('lets nobody change its own status or role beside a change that is allowed', async () => {
    const { sid, login } = await make();
    for (const form of [
      { FriendlyName: 'Renamed', Status: 'suspended' },
      { FriendlyName: 'Renamed', Status: 'uninitialized' },
      { FriendlyName: 'Renamed', Role: 'Developer' },
      { FriendlyName: 'Renamed', EmailAddress: uniqueEmail() },
    ]) {
      expect((await json({ method: 'PUT', path: `/Accounts/${sid}.json`, form }, login)).body.error).toBe('FORBIDDEN');
    }
    expect((await json({ path: `/Accounts/${sid}.json` })).body.friendly_name).not.toBe('Renamed');
  });

  it('changes nothing when nothing is asked for, of a closed account either', async () => {
    const account = await make({ status: 'closed' });
    for (const method of ['POST', 'PUT']) {
      expect(await json({ method, path: `/Accounts/${account.sid}.json` })).toMatchObject({ status: 200, body: { status: 'closed' } });
      expect((await json({ method, path: `/Accounts/${account.sid}.json`, form: { FriendlyName: 'x' } })).body.error).toBe(
        'ACCOUNT_CLOSED',
      );
    }
  });

  it.each(['PUT', 'POST'])('takes a whole form that a console sends back by %s, from the account itself and from above', async (method) => {
    const { sid, login, emailAddress } = await make();
    const below = await make({ parent: sid });
    await json({ method: 'PUT', path: `/Accounts/${below.sid}.json`, form: { Status: 'suspended' } });
    for (const [by, name] of [
      [login, 'By itself'],
      [admin, 'From above'],
    ] as const) {
      const form = { FriendlyName: name, Type: 'Full', Status: 'active', Role: 'Administrator', EmailAddress: emailAddress };
      expect(await json({ method, path: `/Accounts/${sid}.json`, form }, by)).toMatchObject({
        status: 200,
        body: { sid, friendly_name: name, status: 'active', role: 'Administrator', email_address: emailAddress },
      });
    }
    expect((await json({ path: `/Accounts/${below.sid}.json` })).body.status).toBe('suspended');
    expect((await json({ path: '/Accounts.json' }, login)).body).toHaveLength(1);
  });

  it('creates by POST with another e-mail address, or with a password', async () => {
    const { sid, login, emailAddress } = await make();
    const post = (form: Record<string, string>) => json({ method: 'POST', path: `/Accounts/${sid}.json`, form }, login);
    expect((await post({ EmailAddress: uniqueEmail() })).body.message).toBe('Password is required.');
    expect((await post({ EmailAddress: emailAddress, Password: password })).status).toBe(409);
    expect((await post({ EmailAddress: uniqueEmail(), Password: password })).body.owner_account_sid).toBe(sid);
  });
});

describe('a page of the list', () => {
  let parent: Created;
  beforeAll(async () => {
    parent = await make();
    await plant(gateway.database, { below: parent.sid, widths: [7] });
  });
  const page = (query: string) => json({ path: `/Accounts.json?${query}` }, parent.login);
  const uri = (query: string): string => `/2012-04-24/Accounts.json?${query}`;

  it('comes in an envelope that says where it lies, with the URIs of its neighbours', async () => {
    const { accounts, ...envelope } = (await page('Page=1&PageSize=3')).body;
    expect(envelope).toEqual({
      page: 1,
      num_pages: 3,
      page_size: 3,
      total: 7,
      start: 3,
      end: 5,
      uri: uri('Page=1&PageSize=3'),
      first_page_uri: uri('Page=0&PageSize=3'),
      previous_page_uri: uri('Page=0&PageSize=3'),
      next_page_uri: uri('Page=2&PageSize=3'),
      last_page_uri: uri('Page=2&PageSize=3'),
    });
    expect(accounts.map((account: any) => account.friendly_name)).toEqual(['Planted 4', 'Planted 5', 'Planted 6']);
    expect((await page('Page=2&PageSize=3')).body).toMatchObject({ start: 6, end: 6, next_page_uri: null });
    expect((await page('Page=0')).body).toMatchObject({ page_size: 50, num_pages: 1, previous_page_uri: null, next_page_uri: null });
  });

  it('leads through the whole list by its URIs, each account once', async () => {
    const seen: string[] = [];
    let next: string | null = uri('PageSize=2');
    while (next !== null) {
      const { body }: { body: any } = await json({ path: next.slice('/2012-04-24'.length) }, parent.login);
      seen.push(...body.accounts.map(({ sid }: any) => sid));
      next = body.next_page_uri;
    }
    const whole = (await json({ path: '/Accounts.json' }, parent.login)).body;
    expect(seen).toEqual(whole.map(({ sid }: any) => sid));
  });

  it('has the same in attributes in XML', async () => {
    const { Accounts } = (await xml({ path: '/Accounts?Page=2&PageSize=3' }, parent.login)).body;
    const { Account, ...attributes } = Accounts;
    expect(Account).toHaveLength(1);
    expect(attributes).toEqual({
      '@page': '2',
      '@numpages': '3',
      '@pagesize': '3',
      '@total': '7',
      '@start': '6',
      '@end': '6',
      '@uri': '/2012-04-24/Accounts?Page=2&PageSize=3',
      '@firstpageuri': '/2012-04-24/Accounts?Page=0&PageSize=3',
      '@previouspageuri': '/2012-04-24/Accounts?Page=1&PageSize=3',
      '@nextpageuri': '',
      '@lastpageuri': '/2012-04-24/Accounts?Page=2&PageSize=3',
    });
  });

  it('is empty past the end, and of an empty list', async () => {
    expect((await page('Page=9&PageSize=3')).body).toMatchObject({ accounts: [], total: 7, previous_page_uri: uri('Page=2&PageSize=3') });
    const childless = await make();
    const { body } = await json({ path: '/Accounts.json?Page=0' }, childless.login);
    expect(body).toMatchObject({ accounts: [], total: 0, num_pages: 0, start: 0, end: 0, next_page_uri: null, previous_page_uri: null });
    expect((await json({ path: '/Accounts.json' }, childless.login)).body).toEqual([]);
  });

  it.each([
    ['Page=-1', 'Page'],
    ['Page=x', 'Page'],
    ['Page=1e3', 'Page'],
    ['Page=99999999999999999999', 'Page'],
    ['PageSize=0', 'PageSize'],
    ['PageSize=1001', 'PageSize'],
    ['PageSize=abc', 'PageSize'],
    ['PageSize=1.5', 'PageSize'],
  ])('is refused with %s', async (query, field) => {
    expect(await page(query)).toMatchObject({ status: 400, body: { error: 'INVALID_PAGE', field } });
  });

  it('keeps the filter in its URIs', async () => {
    const { sid } = (await json({ method: 'PUT', path: `/Organizations/${uniqueEmail('paged').replace('@', '.')}.json` })).body;
    await make({ organization: sid });
    const { body } = await json({ path: `/Accounts.json?OrganizationSid=${sid}&PageSize=1` });
    expect(body).toMatchObject({ total: 1, uri: uri(`OrganizationSid=${sid}&Page=0&PageSize=1`) });
  });
});

describe('an organization', () => {
  it('is shown in both forms', async () => {
    const domainName = uniqueEmail('shown').replace('@', '.');
    const { body } = await json({ method: 'PUT', path: `/Organizations/${domainName}.json` });
    const date = expect.stringMatching(/^\w{3}, \d{1,2} \w{3} \d{4} \d\d:\d\d:\d\d \+0000$/);
    expect(body).toEqual({
      sid: expect.stringMatching(/^OR[0-9a-f]{32}$/),
      domain_name: domainName,
      status: 'active',
      date_created: date,
      date_updated: date,
      uri: `/2012-04-24/Organizations.json/${body.sid}`,
    });
    const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    for (const name of [body.sid, domainName]) {
      expect((await xml({ path: `/Organizations/${name}` })).body.Organization).toEqual({
        Sid: body.sid,
        DomainName: domainName,
        Status: 'active',
        DateCreated: instant,
        DateUpdated: instant,
        Uri: `/2012-04-24/Organizations/${body.sid}`,
      });
    }
  });

  it('is filtered by status in any case', async () => {
    expect((await json({ path: '/Organizations.json?Status=CLOSED' })).body).toEqual([]);
    expect((await json({ path: '/Organizations.json?Status=Active' })).body.length).toBeGreaterThan(0);
    expect(await json({ path: '/Organizations.json?Status=suspended' })).toMatchObject({
      status: 400,
      body: { error: 'INVALID_STATUS', field: 'Status' },
    });
  });

  it('is not found where there is none, for the Super Admin; for all others it is forbidden', async () => {
    const { login } = await make();
    for (const path of ['/Organizations/OR1.json', '/Organizations/nowhere.test.json', `/Organizations/OR${'0'.repeat(32)}.json`]) {
      expect(await json({ path })).toMatchObject({ status: 404, body: { error: 'ORGANIZATION_NOT_FOUND' } });
      expect(await json({ path }, login)).toMatchObject({ status: 403, body: { error: 'FORBIDDEN' } });
    }
    for (const query of ['OrganizationSid=OR1', 'DomainName=nowhere.test', 'DomainName=no_domain']) {
      const [field] = query.split('=');
      expect(await json({ path: `/Accounts.json?${query}` })).toMatchObject({
        status: 404,
        body: { error: 'ORGANIZATION_NOT_FOUND', field },
      });
    }
  });
});

describe('a profile', () => {
  const defaultProfile = 'PRae6e420f425248d6a26948c17a9e2acf';
  const store = (body: string, headers: Record<string, string> = jsonBody) => send({ method: 'POST', path: '/Profiles', body, headers });
  const refusal = async (body: string, headers?: Record<string, string>) => {
    const { status, text } = await store(body, headers);
    return { status, ...JSON.parse(text) };
  };
  const stored = () => gateway.database.query('SELECT sid, document FROM profile ORDER BY sid');

  it('is given back byte by byte, with numbers and strings that no database type keeps', async () => {
    const document = ' {"big": 12345678901234567890123.10, "huge":1e999,"nul":"\\u0000","half":"\\ud800","a":1,"a":2,"é":"😀"}\n';
    const { status, headers } = await store(document);
    expect(status).toBe(201);
    const location = headers.get('location')!;
    expect(location).toMatch(new RegExp(`^${mount}/Profiles/PR[0-9a-f]{32}$`));
    const { text, headers: got } = await send({ path: location.slice(mount.length) });
    expect(text).toBe(document);
    expect(got.get('content-type')).toBe('application/json');
    expect(Date.parse(got.get('last-modified')!)).toBeGreaterThan(Date.now() - 600_000);
  });

  it('has at most 1 MiB, counted in bytes', async () => {
    const fitting = `{"t":"${'x'.repeat(1_048_576 - 8)}"}`;
    expect(Buffer.byteLength(fitting)).toBe(1_048_576);
    expect((await store(fitting)).status).toBe(201);
    const refused = { status: 413, error: 'PAYLOAD_TOO_LARGE', message: 'The body must have at most 1048576 bytes.' };
    expect(await refusal(`${fitting} `)).toMatchObject(refused);
    expect(await refusal(`{"t":"${'é'.repeat(524_288)}"}`)).toMatchObject(refused);
  });

  it.each([
    ['', 'BAD_USER_INPUT', 'JSON'],
    ['{', 'BAD_USER_INPUT', 'JSON'],
    ["{'a':1}", 'BAD_USER_INPUT', 'JSON'],
    ['{"a":1}{"b":2}', 'BAD_USER_INPUT', 'JSON'],
    ['[]', 'BAD_USER_INPUT', 'an array'],
    ['null', 'BAD_USER_INPUT', 'null'],
    ['"text"', 'BAD_USER_INPUT', 'a string'],
    ['1', 'BAD_USER_INPUT', 'a number'],
    [`{"a":${'['.repeat(200)}${']'.repeat(200)}}`, 'BAD_USER_INPUT', '200 levels'],
    [`{"a":${'['.repeat(500_000)}${']'.repeat(500_000)}}`, 'BAD_USER_INPUT', '200 levels'],
    [`{"a":${'['.repeat(900_000)}`, 'BAD_USER_INPUT', '200 levels'],
  ])('is refused with the reason: %.20s', async (body, code, reason) => {
    const before = await stored();
    expect(await refusal(body)).toMatchObject({ status: 400, error: code, field: 'Document', message: expect.stringContaining(reason) });
    const { status } = await send({ method: 'PUT', path: `/Profiles/PR${'1'.repeat(32)}`, body, headers: jsonBody });
    expect(status).toBe(400);
    expect(await stored()).toEqual(before);
  });

  it('may be nested up to the limit, with brackets in strings that do not count', async () => {
    expect((await store(`{"a":${'['.repeat(199)}${']'.repeat(199)}}`)).status).toBe(201);
    expect((await store(`{"a":"${'[{'.repeat(1000)}\\"${'['.repeat(1000)}"}`)).status).toBe(201);
  });

  it('is taken as any dialect of JSON, or of no stated type, and as nothing else', async () => {
    for (const type of ['application/json; charset=utf-8', 'application/instance+json', 'Application/JSON']) {
      expect((await store('{}', { 'content-type': type })).status).toBe(201);
    }
    for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/xml']) {
      expect(await refusal('{}', { 'content-type': type })).toMatchObject({ status: 415, error: 'UNSUPPORTED_MEDIA_TYPE' });
    }
  });

  it('is answered in JSON, errors too, whatever is asked for', async () => {
    for (const accept of ['application/xml', 'application/instance+json', 'image/png']) {
      const { status, headers, text } = await send({ path: '/Profiles/PR1', headers: { accept } });
      expect([status, headers.get('content-type'), JSON.parse(text).error]).toEqual([404, 'application/json', 'PROFILE_NOT_FOUND']);
    }
  });

  it.each([
    [undefined, 'MISSING_PARAMETER'],
    ['', 'BAD_USER_INPUT'],
    ['nonsense', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/SID>', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/SID>; rel="describedby"', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/SID>; rel="related", </2012-04-24/Accounts/SID>; rel="related"', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/>; rel="related"', 'BAD_USER_INPUT'],
    ['</2012-04-24/Profiles/SID>; rel="related"', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/SID/Calls>; rel="related"', 'BAD_USER_INPUT'],
    ['</2012-04-24/Accounts/%FF>; rel="related"', 'ACCOUNT_NOT_FOUND'],
    ['</2012-04-24/Organizations/%00>; rel="related"', 'ORGANIZATION_NOT_FOUND'],
  ])('is linked by one Link header; %j is refused', async (link, code) => {
    const { sid } = await make();
    const headers: Record<string, string> = link === undefined ? {} : { link: link.replace('SID', sid) };
    for (const method of ['LINK', 'UNLINK']) {
      const { body } = await json({ method, path: `/Profiles/${defaultProfile}`, headers });
      expect(body.error).toBe(code);
    }
  });

  it.each([
    'SCHEME://AC:token@HOST/restcomm/2012-04-24/Accounts/SID',
    'HTTPS://elsewhere.test/prefix/2012-04-24/Accounts/SID.json',
    '/restcomm/2012-04-24/Accounts.json/SID',
    '/2012-04-24/Accounts/EMAIL/',
    'http://elsewhere.test/2012-04-24/Accounts/ENCODED',
  ])('is linked by the URL %s', async (template) => {
    const account = await make();
    const profile = (await store('{}')).headers.get('location')!.split('/').at(-1)!;
    const url = template
      .replace('SCHEME://AC:token@HOST', gateway.url.replace('://', '://AC:token@'))
      .replace('SID', account.sid)
      .replace('EMAIL', account.emailAddress)
      .replace('ENCODED', encodeURIComponent(account.emailAddress));
    const linked = () =>
      gateway.database.query<{ profile_sid: string }>('SELECT profile_sid FROM account_profile WHERE account_sid = $1', [account.sid]);
    expect((await send({ method: 'LINK', path: `/Profiles/${profile}`, headers: { link: `<${url}>;rel=related` } })).status).toBe(200);
    expect(await linked()).toEqual([{ profile_sid: profile }]);
    expect((await send({ method: 'UNLINK', path: `/Profiles/${profile}`, headers: { link: `<${url}>; rel="related"` } })).status).toBe(200);
    expect(await linked()).toEqual([]);
  });

  it.each(['%00', 'PR%00', 'PR1', '%FF', `PR${'0'.repeat(32)}`])('is not found by the SID %.20s', async (sid) => {
    const link = { link: `</2012-04-24/Accounts/${admin.login}>; rel="Related"` };
    for (const [method, more] of [
      ['GET', {}],
      ['PUT', { body: '{}', headers: jsonBody }],
      ['DELETE', {}],
      ['LINK', { headers: link }],
      ['UNLINK', { headers: link }],
    ] as const) {
      expect(await json({ method, path: `/Profiles/${sid}`, ...more })).toMatchObject({
        status: 404,
        body: { error: 'PROFILE_NOT_FOUND' },
      });
    }
  });
});

describe('a subresource', () => {
  it('is for whoever may use it, by any method and at any depth, and served by nobody yet', async () => {
    const parent = await make();
    const { sid } = await make({ parent: parent.sid });
    for (const path of Object.values(subresources)) {
      for (const suffix of ['.json', '/XX123.json', '/XX123/More.json']) {
        for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
          const body = method === 'GET' ? {} : { body: '{"any":"body"}', headers: jsonBody };
          const answer = await json({ method, path: `/Accounts/${sid}/${path}${suffix}`, ...body }, parent.login);
          expect(answer).toMatchObject({ status: 501, body: { error: 'NOT_IMPLEMENTED', message: expect.stringContaining(path) } });
        }
      }
    }
  });

  it.each([
    'Call',
    'calls',
    'SMS',
    'SMS/Message',
    'CallsAndMore',
    'Accounts',
    'Recordings.xml',
    'Calls%2f..%2fRecordings/RE1',
    'Calls/%2e%2e%2fRecordings/RE1',
    'Calls%5c..%5cRecordings',
    '%00',
  ])('is not found by the name %s', async (name) => {
    expect(await json({ path: `/Accounts/${admin.login}/${name}.json` })).toMatchObject({ status: 404, body: { error: 'NOT_FOUND' } });
  });

  it('is forbidden, or the account not found, as for the account itself', async () => {
    const { sid } = await make();
    const stranger = await make();
    const path = `/Accounts/${sid}/Calls.json`;
    expect((await json({ path }, stranger.login)).body.error).toBe('FORBIDDEN');
    expect((await json({ path: `/Accounts/${missingSid()}/Calls.json` })).body.error).toBe('ACCOUNT_NOT_FOUND');
    expect((await send({ path }, { login: sid, secret: 'wrong password' })).status).toBe(401);
  });

  it('keeps recordings from a ProvisioningAgent who would remove them', async () => {
    const answerTo = async (role: Created['role'], method: string, path: string) => {
      const { sid, login } = await make({ role });
      return (await json({ method, path: `/Accounts/${sid}/${path}.json` }, login)).body.error;
    };
    expect(await answerTo('ProvisioningAgent', 'DELETE', 'Recordings/RE1')).toBe('FORBIDDEN');
    expect(await answerTo('ProvisioningAgent', 'DELETE', 'Calls/CA1')).toBe('NOT_IMPLEMENTED');
    expect(await answerTo('ProvisioningAgent', 'GET', 'Recordings/RE1')).toBe('NOT_IMPLEMENTED');
    expect(await answerTo('Developer', 'DELETE', 'Recordings/RE1')).toBe('NOT_IMPLEMENTED');
  });
});

describe('profiles by GraphQL', () => {
  const createProfile = (document: unknown) =>
    postGraphql(
      gateway.url,
      admin,
      `mutation($document: JSONObject!) { createProfile(input: { document: $document }) { profile { sid document } } }`,
      {
        document,
      },
    );

  it('keep what is null in a document', async () => {
    const document = { a: null, b: [null, { c: null }], __proto__: undefined };
    expect((await createProfile(document)).data!.createProfile.profile.document).toEqual({ a: null, b: [null, { c: null }] });
    const { data } = await postGraphql(
      gateway.url,
      admin,
      `mutation { createProfile(input: { document: { a: null, b: [1, 2.5, "x", true, { c: null }] } }) { profile { document } } }`,
    );
    expect(data!.createProfile.profile.document).toEqual({ a: null, b: [1, 2.5, 'x', true, { c: null }] });
  });

  it('take variables inside of a document as what they are', async () => {
    const { data } = await postGraphql(
      gateway.url,
      admin,
      `mutation($inner: JSONObject!, $text: String!) { createProfile(input: { document: { a: $inner, b: [$inner, $text] } }) { profile { document } } }`,
      { inner: { k: [1, null] }, text: '{"no":"object"}' },
    );
    const inner = { k: [1, null] };
    expect(data!.createProfile.profile.document).toEqual({ a: inner, b: [inner, '{"no":"object"}'] });
  });

  it('are refused when they are no object, too large or too deep, naming the input', async () => {
    const deep = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels));
    for (const document of [[], 'text', 1, null]) {
      expect((await createProfile(document)).errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'document' });
    }
    expect((await createProfile({ a: deep(200) })).errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'document' });
    expect((await createProfile({ a: 'x'.repeat(1_048_576) })).errors![0]!.extensions).toEqual({
      code: 'PAYLOAD_TOO_LARGE',
      field: 'document',
    });
    expect((await createProfile({ a: 'x'.repeat(1_048_500) })).errors).toBeUndefined();
  });

  it('are loaded by one statement for all accounts of a level', async () => {
    const parent = await make();
    await plant(gateway.database, { below: parent.sid, widths: [20, 3] });
    const tree = `query($sid: ID!) { account(by: { sid: $sid }) { subAccounts(first: 4) { nodes { profile { sid document } subAccounts(first: 5) { nodes { sid } } } } } }`;
    const ask = (query: string) => postGraphql(gateway.url, admin, query, { sid: parent.sid });
    // Signing in reads the account too.
    const [signIn, levels, profiles] = [1, 2, 1];
    const statements = await statementsOf(gateway.database, async () => expect((await ask(tree)).errors).toBeUndefined());
    expect(callsIn(statements)).toBe(signIn + levels + profiles);
  });

  it('are read by one statement for many at once, and their documents only where they are asked for', async () => {
    const sids = await Promise.all([1, 2, 3].map(async (n) => (await createProfile({ n })).data!.createProfile.profile.sid as string));
    const { login } = await make();
    const ask = (fields: string, caller = admin) =>
      postGraphql(gateway.url, caller, `query($ids: [ID!]!) { nodes(ids: $ids) { id ${fields} } }`, { ids: sids });
    const document = 'fragment D on Profile { document }';
    const withDocuments = `query($ids: [ID!]!) { nodes(ids: $ids) { id ...D } } ${document}`;
    const [signIn, profiles] = [1, 1];
    let statements = await statementsOf(gateway.database, async () => {
      const { data } = await postGraphql(gateway.url, admin, withDocuments, { ids: sids });
      expect(data!.nodes).toEqual(sids.map((id, index) => ({ id, document: { n: index + 1 } })));
    });
    expect(callsIn(statements)).toBe(signIn + profiles);
    statements = await statementsOf(gateway.database, async () => {
      expect((await ask('... on Profile { dateCreated }')).data!.nodes).toMatchObject(sids.map((id) => ({ id })));
      expect((await ask('', login)).data!.nodes).toEqual([null, null, null]);
    });
    expect(statements.filter(({ query }) => /profile\.document/.test(query))).toEqual([]);
    const [links, below] = [1, 1];
    expect(callsIn(statements)).toBe(signIn + profiles + signIn + links + below);
  });

  it('read no document for whoever asks for none', async () => {
    const statements = await statementsOf(gateway.database, async () => {
      const { data } = await postGraphql(gateway.url, admin, '{ viewer { profile { sid dateUpdated } organization { profile { id } } } }');
      expect(data!.viewer.organization.profile.id).toMatch(/^PR/);
    });
    expect(statements.filter(({ query }) => /profile\.document/.test(query))).toEqual([]);
  });
});
