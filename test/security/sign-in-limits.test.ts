import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { Passwords } from '../../src/service/passwords.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { mount, parseXml } from '../support/rest-client.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create, missingSid, password, uniqueEmail } from '../support/tree.js';

const [perAccount, perAddress] = [4, 20];

let gateway: TestGateway;
/** Another instance on the same database. */
let other: TestGateway;
let account: Created;

beforeAll(async () => {
  const environment = {
    TRUST_PROXY: '127.0.0.1',
    SIGN_IN_FAILURES_PER_ACCOUNT: String(perAccount),
    SIGN_IN_FAILURES_PER_ADDRESS: String(perAddress),
  };
  gateway = await startTestGateway({ environment });
  other = await startTestGateway({ environment, database: gateway.database });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
});
beforeEach(async () => {
  account = await create(graphqlSurface(gateway.url));
});

let addresses = 0;
/** An address that no other test comes from. */
const newAddress = (): string => `10.1.${(addresses += 1) >> 8}.${addresses & 0xff}`;

interface Refusal {
  status: number;
  code: string | undefined;
  message: string | undefined;
  retryAfter: string | null;
}

interface From {
  address: string;
  at?: TestGateway;
}

async function post(query: string, login: Login | undefined, { address, at = gateway }: From): Promise<Refusal & { data: any }> {
  const response = await fetch(`${at.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address, ...(login && { authorization: basic(login) }) },
    body: JSON.stringify({ query }),
  });
  const { data, errors } = (await response.json()) as any;
  const [error] = errors ?? [];
  return {
    status: response.status,
    code: error?.extensions.code,
    message: error?.message,
    retryAfter: response.headers.get('retry-after'),
    data,
  };
}

const byGraphql = async (login: Login, from: From): Promise<Refusal> => {
  const { data: _, ...refusal } = await post('{ viewer { sid } }', login, from);
  return refusal;
};

const byRest =
  (path: string, read: (text: string) => { code?: string; message?: string }) =>
  async (login: Login, { address, at = gateway }: From): Promise<Refusal> => {
    const response = await fetch(`${at.url}${mount}${path}`, { headers: { 'x-forwarded-for': address, authorization: basic(login) } });
    const text = await response.text();
    const { code, message } = response.ok ? {} : read(text);
    return { status: response.status, code, message, retryAfter: response.headers.get('retry-after') };
  };

const surfaces = [
  ['GraphQL', byGraphql],
  ['REST as JSON', byRest('/Accounts.json', (text) => JSON.parse(text))],
  [
    'REST as XML',
    byRest('/Accounts', (text) => {
      const { Code, Message } = parseXml(text).RestcommResponse;
      return { code: Code, message: Message };
    }),
  ],
] as const;

const wrong = (login: string): Login => ({ login, secret: 'a wrong secret' });

async function fail(times: number, login: string, from: From): Promise<number[]> {
  const statuses = [];
  for (let count = 0; count < times; count++) statuses.push((await byGraphql(wrong(login), from)).status);
  return statuses;
}

const times = <Value>(count: number, value: Value): Value[] => Array<Value>(count).fill(value);

describe.each(surfaces)('by %s', (_name, signIn) => {
  it('failures of one account from one address are refused beyond the limit, a right secret among them', async () => {
    const from = { address: newAddress() };
    for (let count = 0; count < perAccount; count++) {
      expect(await signIn(wrong(account.sid), from)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED', retryAfter: null });
    }
    for (const login of [wrong(account.sid), account.login]) {
      const refusal = await signIn(login, from);
      expect(refusal).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
      expect(Number(refusal.retryAfter)).toBeGreaterThan(800);
      expect(Number(refusal.retryAfter)).toBeLessThanOrEqual(900);
    }
    expect(await signIn(admin, from)).toMatchObject({ status: 200 });
    expect(await signIn(account.login, { address: newAddress() })).toMatchObject({ status: 200 });
  });

  it('an address is refused that failed too often, whatever it tried', async () => {
    const from = { address: newAddress() };
    for (let count = 0; count < perAddress; count++) {
      expect(await signIn(wrong(count % 2 ? uniqueEmail() : missingSid()), from)).toMatchObject({ status: 401 });
    }
    expect(await signIn(admin, from)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    expect(await signIn(admin, { address: newAddress() })).toMatchObject({ status: 200 });
  });
});

describe('the limits', () => {
  it('are shared by all instances, and by all surfaces', async () => {
    const address = newAddress();
    const tries = surfaces.flatMap(([, signIn]) => [gateway, other].map((at) => () => signIn(wrong(account.sid), { address, at })));
    const statuses = [];
    for (const attempt of tries) statuses.push((await attempt()).status);
    expect(statuses).toEqual([...times(perAccount, 401), ...times(tries.length - perAccount, 429)]);
  });

  it('are shared by the SID and the e-mail address of an account, in any case', async () => {
    const from = { address: newAddress() };
    const logins = [account.sid, account.emailAddress, account.emailAddress.toUpperCase(), account.sid];
    for (const login of logins) expect(await fail(1, login, from)).toEqual([401]);
    for (const login of logins) expect(await fail(1, login, from)).toEqual([429]);
  });

  it('count what nobody has as they count accounts', async () => {
    const closed = await create(graphqlSurface(gateway.url), { status: 'closed' });
    const uninitialized = await create(graphqlSurface(gateway.url), { status: 'uninitialized' });
    const suspended = await create(graphqlSurface(gateway.url), { status: 'suspended' });
    const logins = [
      account.sid,
      closed.sid,
      closed.emailAddress,
      uninitialized.sid,
      suspended.emailAddress,
      missingSid(),
      'no login',
      '\u0000',
    ];
    const answers = [];
    for (const login of logins) {
      const from = { address: newAddress() };
      const refusals = [];
      for (let count = 0; count < perAccount + 2; count++) refusals.push(await byGraphql(wrong(login), from));
      answers.push(refusals.map(({ retryAfter, ...refusal }) => ({ ...refusal, waits: retryAfter !== null })));
    }
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]!.map(({ status }) => status)).toEqual([...times(perAccount, 401), 429, 429]);
  });

  it('do the same statements for every login', async () => {
    const closed = await create(graphqlSurface(gateway.url), { status: 'closed' });
    const statements = [];
    for (const login of [account.sid, closed.sid, missingSid(), 'no login']) {
      statements.push(await statementsOf(gateway.database, () => fail(1, login, { address: newAddress() })));
    }
    for (const done of statements) expect(done).toEqual(statements[0]);
    expect(statements[0]).toContainEqual({ query: expect.stringContaining('INSERT INTO sign_in_failure'), calls: 1 });
  });

  it('leave each address one try of an account that is guessed at from many, so that its owner is never locked out', async () => {
    const statuses = [];
    for (let round = 0; round < 6; round++) statuses.push(...(await fail(perAccount, account.sid, { address: newAddress() })));
    expect(statuses).toEqual([...times(perAccount * 5, 401), 401, ...times(perAccount - 1, 429)]);
    for (const login of [account.login, { ...account.login, login: account.emailAddress }]) {
      expect(await byGraphql(login, { address: newAddress() })).toMatchObject({ status: 200 });
    }
  });

  it('hold for tries that come all at once', async () => {
    const address = newAddress();
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) => byGraphql({ login: account.sid, secret: `guess number ${index}` }, { address })),
    );
    const statuses = answers.map(({ status }) => status).toSorted();
    expect(statuses).toEqual([...times(perAccount, 401), ...times(60 - perAccount, 429)]);
  });

  it('let all those in who come at once with the right secret', async () => {
    const address = newAddress();
    const answers = await Promise.all(times(60, account.login).map((login) => byGraphql(login, { address })));
    expect(answers.map(({ status }) => status)).toEqual(times(60, 200));
  });

  it('cost no hash and no statement, once they refuse', async () => {
    const from = { address: newAddress() };
    await fail(perAccount + 1, account.sid, from);
    const { verify } = Passwords.prototype;
    let hashes = 0;
    Passwords.prototype.verify = function (...args) {
      hashes += 1;
      return verify.apply(this, args);
    };
    try {
      const statements = await statementsOf(gateway.database, () => fail(5, account.sid, from));
      expect([callsIn(statements), hashes]).toEqual([0, 0]);
      const elsewhere = await statementsOf(gateway.database, () => fail(1, account.sid, { ...from, at: other }));
      expect([callsIn(elsewhere), hashes]).toEqual([1, 0]);
    } finally {
      Passwords.prototype.verify = verify;
    }
  });

  it('hold while failures cannot be counted', async () => {
    const broken = await startTestGateway({ environment: { SIGN_IN_FAILURES_PER_ACCOUNT: '3' } });
    const { sid } = await create(graphqlSurface(broken.url));
    await broken.database.query('ALTER TABLE sign_in_failure ADD CONSTRAINT uncountable CHECK (failures < 0)');
    for (const status of [500, 429, 429]) expect(await fail(1, sid, { address: newAddress(), at: broken })).toEqual([status]);
    expect(await byGraphql(admin, { address: newAddress(), at: broken })).toMatchObject({ status: 200 });
    await broken.stop();
  });

  it('end with their window', async () => {
    const shortlived = await startTestGateway({
      database: gateway.database,
      environment: { TRUST_PROXY: '127.0.0.1', SIGN_IN_FAILURES_PER_ACCOUNT: '1', SIGN_IN_FAILURES_SECONDS: '1' },
    });
    const from = { address: newAddress(), at: shortlived };
    for (let round = 0; round < 3; round++) {
      expect(await byGraphql(wrong(account.sid), from)).toMatchObject({ status: 401 });
      await expect.poll(() => byGraphql(account.login, from).then(({ status }) => status), { timeout: 20_000 }).toBe(200);
    }
    await shortlived.stop();
  });

  it('keep neither logins nor addresses readable, and not for long', async () => {
    const [address, typo] = [newAddress(), uniqueEmail('a-typo')];
    await fail(1, typo, { address });
    const rows = await gateway.database.query('SELECT * FROM sign_in_failure');
    expect(rows.length).toBeGreaterThan(2);
    for (const secret of [address, typo]) expect(JSON.stringify(rows)).not.toContain(secret);

    await gateway.database.query(`UPDATE sign_in_failure SET window_ends = now() - interval '1 second'`);
    for (let count = 0; count < 100; count++) await fail(1, uniqueEmail(), { address: newAddress() });
    expect(await gateway.database.query('SELECT 1 FROM sign_in_failure WHERE window_ends < now()')).toEqual([]);
  });

  it('are counted among the refusals, without names', async () => {
    const from = { address: newAddress() };
    await fail(perAccount + 1, account.sid, from);
    const metrics = await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    expect(metrics).toMatch(/^gateway_sign_ins_refused_total\{reason="UNAUTHENTICATED"\} \d+$/m);
    expect(metrics).toMatch(/^gateway_sign_ins_refused_total\{reason="RATE_LIMITED"\} \d+$/m);
    expect(metrics).not.toContain(account.sid);
  });
});

describe('reset tokens', () => {
  const reset = (count: number, token = 'no such token') =>
    `mutation { ${Array.from({ length: count }, (_, index) => `a${index}: resetPassword(input: { token: "${token}", password: "${password} 2" }) { sid }`).join(' ')} }`;
  const failuresOf = async (): Promise<number> => {
    const [counted] = await gateway.database.query<{ sum: string }>(
      `SELECT COALESCE(sum(failures), 0)::integer AS sum FROM sign_in_failure WHERE subject = ''`,
    );
    return Number(counted!.sum);
  };

  it('that nobody has count as failures of the address, by aliased fields too', async () => {
    const from = { address: newAddress() };
    const before = await failuresOf();
    // The payload is not nullable, so the first field that fails ends its document.
    for (let count = 0; count < perAddress; count++)
      expect(await post(reset(30), undefined, from)).toMatchObject({ code: 'BAD_USER_INPUT' });
    expect((await failuresOf()) - before).toBe(perAddress);
    const refused = await post(reset(30), undefined, from);
    expect(refused).toMatchObject({ status: 429, code: 'RATE_LIMITED', data: null });
    expect(Number(refused.retryAfter)).toBeGreaterThan(0);
    expect(await byGraphql(account.login, from)).toMatchObject({ status: 429 });
    expect(await byGraphql(account.login, { address: newAddress() })).toMatchObject({ status: 200 });
  });

  it('that are right count as nothing, and are not taken from an address that has to wait', async () => {
    const [{ data }, from] = [
      await post(`mutation { createPasswordResetToken(input: { sid: "${account.sid}" }) { resetToken } }`, admin, {
        address: newAddress(),
      }),
      { address: newAddress() },
    ];
    for (let count = 0; count < perAddress; count++) await post(reset(1), undefined, from);
    expect(await post(reset(1, data.createPasswordResetToken.resetToken), undefined, from)).toMatchObject({ status: 429 });
    const before = await failuresOf();
    expect(await post(reset(1, data.createPasswordResetToken.resetToken), undefined, { address: newAddress() })).toMatchObject({
      status: 200,
    });
    expect(await failuresOf()).toBe(before);
  });
});

describe('an address', () => {
  it('is the one of the connection: X-Forwarded-For is not believed, unless the proxy is trusted', async () => {
    const direct = await startTestGateway({ environment: { SIGN_IN_FAILURES_PER_ACCOUNT: '2' } });
    const { sid, login } = await create(graphqlSurface(direct.url));
    for (const status of [401, 401, 429]) expect(await fail(1, sid, { address: newAddress(), at: direct })).toEqual([status]);
    expect(await byGraphql(login, { address: newAddress(), at: direct })).toMatchObject({ status: 429 });
    await direct.stop();
  });

  it('is the same with any port, and in brackets', async () => {
    const address = newAddress();
    const spellings = [address, `${address}:1001`, `[${address}]`, `[${address}]:1002`, `${address}:1003`, `::ffff:${address}`];
    const statuses = [];
    for (const spelling of spellings) statuses.push(...(await fail(1, account.sid, { address: spelling })));
    expect(statuses).toEqual([...times(perAccount, 401), 429, 429]);
    for (const address of ['2001:db8:5::7', '[2001:db8:5::7]', '[2001:db8:5::7]:1001', '[2001:db8:5::8]:1002']) {
      expect(await fail(1, 'another login', { address })).toEqual([401]);
    }
    expect(await fail(1, 'another login', { address: '[2001:db8:5::9]:1003' })).toEqual([429]);
  });

  it("is the proxy's own where X-Forwarded-For has none, whatever it has instead", async () => {
    const nonsense = ['unknown', '_hidden', `${newAddress()}:port`, '999.1.1.1', `${newAddress()}, x1`, `${newAddress()}, x2`];
    const statuses = [];
    for (const address of nonsense) statuses.push(...(await fail(1, account.sid, { address })));
    expect(statuses).toEqual([...times(perAccount, 401), 429, 429]);
    expect(await fail(1, account.sid, { address: '127.0.0.1' })).toEqual([429]);
    expect(await fail(1, account.sid, { address: newAddress() })).toEqual([401]);
  });

  it('of IPv6 is counted with its neighbours, a /64 together', async () => {
    for (const last of ['::1', '::2', ':3:4:5:6', '::ffff']) {
      expect(await fail(1, account.sid, { address: `2001:db8:7:8${last}` })).toEqual([401]);
    }
    expect(await fail(1, account.sid, { address: '2001:db8:7:8:9:9:9:9' })).toEqual([429]);
    expect(await fail(1, account.sid, { address: '2001:db8:7:9::1' })).toEqual([401]);
  });
});
