import { createHash, randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { inWords } from '../../src/errors.js';
import { Passwords } from '../../src/service/passwords.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestGateway, admin, startTestGateway, testKey } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { patience } from '../support/patience.js';
import { mount, parseXml } from '../support/rest-client.js';
import { type Statement, callsIn, statementsOf } from '../support/statements.js';
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
  (path: string, read: (text: string) => { error?: string; message?: string }) =>
  async (login: Login, { address, at = gateway }: From): Promise<Refusal> => {
    const response = await fetch(`${at.url}${mount}${path}`, { headers: { 'x-forwarded-for': address, authorization: basic(login) } });
    const text = await response.text();
    const { error: code, message } = response.ok ? {} : read(text);
    return { status: response.status, code, message, retryAfter: response.headers.get('retry-after') };
  };

const surfaces = [
  ['GraphQL', byGraphql],
  ['REST as JSON', byRest('/Accounts.json', (text) => JSON.parse(text))],
  [
    'REST as XML',
    byRest('/Accounts', (text) => {
      const { Error: error, Message: message } = parseXml(text).RestcommResponse;
      return { error, message };
    }),
  ],
] as const;

const wrong = (login: string): Login => ({ login, secret: 'a wrong secret' });

async function fail(times: number, login: string, from: From): Promise<number[]> {
  const statuses = [];
  for (let count = 0; count < times; count++) statuses.push((await byGraphql(wrong(login), from)).status);
  return statuses;
}

/** How many passwords were verified while the work was done. */
async function hashesOf(work: () => Promise<void>): Promise<number> {
  const { verify } = Passwords.prototype;
  let hashes = 0;
  Passwords.prototype.verify = function (...args) {
    hashes += 1;
    return verify.apply(this, args);
  };
  try {
    await work();
  } finally {
    Passwords.prototype.verify = verify;
  }
  return hashes;
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

  it('are shared by every spelling of a login that nobody has, as by those of an account', async () => {
    const nobody = uniqueEmail('Nobody');
    const logins = [nobody, nobody.toUpperCase(), nobody.toLowerCase(), nobody];
    const from = { address: newAddress() };
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
    const hashes = await hashesOf(async () => {
      const statements = await statementsOf(gateway.database, () => fail(5, account.sid, from));
      expect(callsIn(statements)).toBe(0);
      const elsewhere = await statementsOf(gateway.database, () => fail(1, account.sid, { ...from, at: other }));
      expect(callsIn(elsewhere)).toBe(1);
    });
    expect(hashes).toBe(0);
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
      await expect.poll(() => byGraphql(account.login, from).then(({ status }) => status), { timeout: patience }).toBe(200);
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

describe('an AuthToken', () => {
  let from: From;
  beforeEach(() => (from = { address: newAddress() }));

  const rotate = async (sid: string, { overlapSeconds = 0, at = gateway } = {}): Promise<Login> => {
    const mutation = `mutation { rotateAuthToken(input: { sid: "${sid}", overlapSeconds: ${overlapSeconds} }) { authToken } }`;
    const { data } = await post(mutation, admin, { address: newAddress(), at });
    return { login: sid, secret: data.rotateAuthToken.authToken };
  };
  /** Fails at other logins until the address has to wait. */
  const useUpAddress = async (): Promise<void> => {
    for (let count = 0; count <= perAddress; count++) await fail(1, uniqueEmail('another'), from);
  };
  const madeUpToken = (): string => randomBytes(16).toString('hex');

  it.each(surfaces)('that is random signs in by %s while a limit is on, and the password does not', async (_name, signIn) => {
    const token = await rotate(account.sid);
    const byEmail = { ...token, login: account.emailAddress };
    await fail(perAccount, account.sid, from);
    for (const login of [token, byEmail]) expect(await signIn(login, from)).toMatchObject({ status: 200 });
    expect(await signIn(account.login, from)).toMatchObject({ status: 429 });
    await useUpAddress();
    for (const at of [gateway, other]) {
      for (const login of [token, byEmail]) expect(await signIn(login, { ...from, at })).toMatchObject({ status: 200 });
      expect(await signIn(account.login, { ...from, at })).toMatchObject({ status: 429 });
    }
  });

  it('that came with a password is random by default, and one that was rotated counts for its overlap', async () => {
    const first = { login: account.sid, secret: '' };
    const { data } = await post(`{ authToken(sid: "${account.sid}") }`, admin, { address: newAddress() });
    first.secret = data.authToken;
    const second = await rotate(account.sid, { overlapSeconds: 60 });
    await useUpAddress();
    for (const login of [first, second]) expect(await byGraphql(login, from)).toMatchObject({ status: 200 });
    const third = await rotate(account.sid);
    for (const login of [first, second]) expect(await byGraphql(login, from)).toMatchObject({ status: 429 });
    expect(await byGraphql(third, from)).toMatchObject({ status: 200 });
  });

  it('that is wrong is refused alike, whatever is behind the login, by the same statements and without a hash', async () => {
    const stranger = await rotate((await create(graphqlSurface(gateway.url))).sid);
    const closed = await create(graphqlSurface(gateway.url), { status: 'closed' });
    const tries = [
      { login: account.sid, secret: madeUpToken() },
      { login: account.emailAddress, secret: madeUpToken() },
      { login: account.sid, secret: stranger.secret },
      { login: account.sid, secret: (await rotate(account.sid)).secret.toUpperCase() },
      { login: closed.sid, secret: madeUpToken() },
      { login: missingSid(), secret: madeUpToken() },
      { login: uniqueEmail(), secret: madeUpToken() },
      { login: 'no login', secret: madeUpToken() },
    ];
    await useUpAddress();
    const refusals: Refusal[] = [];
    const statements: Statement[][] = [];
    const hashes = await hashesOf(async () => {
      for (const login of tries) {
        statements.push(await statementsOf(gateway.database, async () => refusals.push(await byGraphql(login, from))));
      }
    });
    expect(hashes).toBe(0);
    // The wait gets shorter from one to the next, and its message with it.
    for (const { retryAfter, ...refusal } of refusals) {
      const message = `Too many sign-ins failed. Try again in ${inWords(Number(retryAfter))}.`;
      expect(refusal).toEqual({ status: 429, code: 'RATE_LIMITED', message });
      expect(Math.abs(Number(retryAfter) - Number(refusals[0]!.retryAfter))).toBeLessThan(120);
    }
    // Capitals are none of an AuthToken's; so that one is not looked up, whatever is behind its login.
    for (const [index, done] of statements.entries()) expect(done).toEqual(index === 3 ? [] : statements[0]);
    expect(callsIn(statements[0]!)).toBe(1);
  });

  it('that is right tells of an account that is switched off, while a limit is on too', async () => {
    const suspended = await create(graphqlSurface(gateway.url), { status: 'suspended' });
    const token = await rotate(suspended.sid);
    await useUpAddress();
    expect(await byGraphql(token, from)).toMatchObject({ status: 403, code: 'ACCOUNT_NOT_ACTIVE' });
    expect(await byGraphql({ ...token, secret: madeUpToken() }, from)).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
  });

  it('is looked at 50 times a second for each address while a limit is on', async () => {
    const token = await rotate(account.sid);
    await useUpAddress();
    expect(await byGraphql(token, from)).toMatchObject({ status: 200 });
    await setTimeout(1100);
    const start = performance.now();
    const answers = await Promise.all(times(200, token).map((login) => byGraphql(login, from)));
    const seconds = Math.ceil((performance.now() - start) / 1000);
    const signedIn = answers.filter(({ status }) => status === 200).length;
    expect(signedIn).toBeGreaterThanOrEqual(50);
    expect(signedIn).toBeLessThanOrEqual(50 * seconds);
    for (const { status } of answers) expect([200, 429]).toContain(status);
    expect(await byGraphql(token, { address: newAddress() })).toMatchObject({ status: 200 });
    await setTimeout(1100);
    expect(await byGraphql(token, from)).toMatchObject({ status: 200 });
  });

  it('that follows from a password is limited as the password is', async () => {
    const replacement = await startTestGateway({
      database: gateway.database,
      environment: { TRUST_PROXY: '127.0.0.1', AUTH_TOKEN_SCHEME: 'md5', SIGN_IN_FAILURES_PER_ADDRESS: String(perAddress) },
    });
    const at = replacement;
    const { sid } = await create(graphqlSurface(replacement.url));
    const derived = { login: sid, secret: createHash('md5').update(password).digest('hex') };
    await useUpAddress();
    expect(await byGraphql(derived, { address: newAddress(), at })).toMatchObject({ status: 200 });
    for (const instance of [replacement, gateway]) {
      expect(await byGraphql(derived, { ...from, at: instance })).toMatchObject({ status: 429, code: 'RATE_LIMITED' });
    }
    // One that comes without a password is random in this scheme too; the one before it stays what it is.
    const rotated = await rotate(sid, { overlapSeconds: 60, at });
    expect(await byGraphql(rotated, { ...from, at })).toMatchObject({ status: 200 });
    expect(await byGraphql(derived, { ...from, at })).toMatchObject({ status: 429 });
    await replacement.stop();
  });

  it('of which it is not known whether it is random is limited: made by the version before, or replaced by it', async () => {
    const token = await rotate(account.sid);
    await useUpAddress();
    expect(await byGraphql(token, from)).toMatchObject({ status: 200 });
    const { query } = gateway.database;
    // What the version before writes when a password is set, which knows nothing of the column.
    const secrets = new Secrets([testKey]);
    const set = async (login: Login): Promise<unknown> => {
      const { tokenCiphertext, tokenHash } = secrets.storedAuthToken(login.login, login.secret);
      return query(`UPDATE credential SET token_ciphertext = $2, token_hash = $3, previous_token_hash = NULL WHERE account_sid = $1`, [
        login.login,
        tokenCiphertext,
        tokenHash,
      ]);
    };
    const replaced = { login: account.sid, secret: madeUpToken() };
    await set(replaced);
    expect(await byGraphql(replaced, { address: newAddress() })).toMatchObject({ status: 200 });
    expect(await byGraphql(replaced, from)).toMatchObject({ status: 429 });
    // What it writes when a token is rotated: the one before keeps what is known of it.
    await query(
      `UPDATE credential SET previous_token_hash = token_hash, previous_token_expires_at = now() + interval '1 hour', token_hash = $2
       WHERE account_sid = $1`,
      [account.sid, secrets.hashAuthToken(account.sid, token.secret)],
    );
    expect(await byGraphql(replaced, { address: newAddress() })).toMatchObject({ status: 200 });
    expect(await byGraphql(replaced, from)).toMatchObject({ status: 429 });
    await query('UPDATE credential SET random_token_hashes = NULL WHERE account_sid = $1', [account.sid]);
    expect(await byGraphql(token, from)).toMatchObject({ status: 429 });
  });
});

describe('an empty secret', () => {
  it('is refused as a wrong one, whoever sends it, and is not counted', async () => {
    const from = { address: newAddress() };
    for (const login of [account.sid, account.emailAddress, missingSid(), '']) {
      const statements = await statementsOf(gateway.database, async () => {
        for (let count = 0; count < perAddress; count++) {
          expect(await byGraphql({ login, secret: '' }, from)).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
        }
      });
      expect(callsIn(statements)).toBe(0);
    }
    expect(await byGraphql({ login: account.sid, secret: '' }, from)).toEqual(await byGraphql(wrong(account.sid), from));
    expect(await byGraphql(account.login, from)).toMatchObject({ status: 200 });
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
