import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { mount } from '../support/rest-client.js';

let gateway: TestGateway;
afterEach(() => gateway.stop());

const start = async (atOnce: number, options: object = {}): Promise<void> => {
  gateway = await startTestGateway({ environment: { MAX_REQUESTS: String(atOnce), TRUST_PROXY: '127.0.0.1' }, ...options });
};

type Ask = (login: Login, address: string) => Promise<number>;
const byGraphql: Ask = (login, address) =>
  post('{ viewer { sid } }', { authorization: basic(login), 'x-forwarded-for': address }).then(({ status }) => status);
const byRest: Ask = async (login, address) => {
  const headers = { authorization: basic(login), 'x-forwarded-for': address };
  const response = await fetch(`${gateway.url}${mount}/Accounts.json?PageSize=1`, { headers });
  await response.text();
  return response.status;
};
const surfaces: [string, Ask][] = [
  ['GraphQL', byGraphql],
  ['REST', byRest],
];

async function post(query: string, headers: Record<string, string> = {}): Promise<{ status: number; body: any }> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query }),
  });
  return { status: response.status, body: await response.json() };
}

const wrong = (): Login => ({ login: admin.login, secret: randomUUID() });
const counted = (statuses: number[]): Record<number, number> =>
  Object.fromEntries([...new Set(statuses)].map((status) => [status, statuses.filter((other) => other === status).length]));

/** Lets nobody be looked up until the work is done. */
async function whileSigningInHangs<Result>(work: () => Promise<Result>): Promise<Result> {
  const client = new Client({ connectionString: gateway.database.url });
  await client.connect();
  try {
    await client.query('BEGIN; LOCK TABLE credential IN ACCESS EXCLUSIVE MODE');
    return await work();
  } finally {
    await client.end();
  }
}

describe.each(surfaces)('MAX_REQUESTS holds from before signing in, by %s:', (_surface, ask) => {
  it('of many sign-ins at once, all are refused that find no place', async () => {
    await start(2);
    const statuses: number[] = [];
    const all = await whileSigningInHangs(async () => {
      const asked = Array.from({ length: 60 }, async () => void statuses.push(await ask(wrong(), '10.0.0.1')));
      // One has the address's only place, and two wait for it.
      await eventually(() => expect(counted(statuses)).toEqual({ 503: 57 }));
      return asked;
    });
    await Promise.all(all);
    expect(counted(statuses)).toEqual({ 401: 3, 503: 57 });
  });

  it('one address has a quarter of the places, and others have theirs', async () => {
    await start(8);
    const statuses: number[] = [];
    const [all, elsewhere] = await whileSigningInHangs(async () => {
      const asked = Array.from({ length: 60 }, async () => void statuses.push(await ask(wrong(), '10.0.0.1')));
      await eventually(() => expect(counted(statuses)).toEqual({ 503: 50 }));
      const others = ['10.0.0.2', '10.0.0.3', '10.0.0.4'].flatMap((address) => [ask(admin, address), ask(admin, address)]);
      await sleep(200);
      return [asked, others];
    });
    expect(await Promise.all(elsewhere)).toEqual(elsewhere.map(() => 200));
    await Promise.all(all);
    expect(counted(statuses)).toEqual({ 401: 10, 503: 50 });
  });

  it('who has signed in no longer counts for the address, and a burst of one client waits', async () => {
    await start(8);
    await ask(admin, '10.0.0.1');
    // Two before signing in and six behind it; or two and the eight that wait for them.
    const statuses = await Promise.all(Array.from({ length: 8 }, () => ask(admin, '10.0.0.1')));
    expect(counted(statuses)).toEqual({ 200: 8 });
  });
});

describe('waiting for a hash holds no place:', () => {
  /** About half a second, for a hash. */
  const passwordCost = { memoryCost: 19_456, timeCost: 30, parallelism: 1 };

  /** How many are answered, one after the other, before the slow request is. */
  async function answeredMeanwhile(slow: Promise<{ status: number }>): Promise<number[]> {
    let isOver = false;
    void slow.finally(() => (isOver = true));
    const statuses: number[] = [];
    while (!isOver) statuses.push((await post('{ __typename }', { 'x-forwarded-for': '10.0.0.9' })).status);
    return statuses;
  }

  /** Some meet the slow request while it looks something up, in the one place. While it hashes, none does. */
  function expectAnswers(statuses: number[]): void {
    const { 200: answered = 0, ...others } = counted(statuses);
    expect(answered, JSON.stringify(others)).toBeGreaterThanOrEqual(5);
  }

  it('others are answered while one signs in, though there is but one place', async () => {
    await start(1, { passwordCost });
    for (const [, ask] of surfaces) {
      const slow = ask(wrong(), '10.0.0.1').then((status) => ({ status }));
      const statuses = await answeredMeanwhile(slow);
      expectAnswers(statuses);
      expect((await slow).status).toBe(401);
    }
  });

  it('others are answered while a password is set, and the change is then made', async () => {
    await start(1, { passwordCost });
    const authorization = basic(admin);
    // Remembered from now on.
    await post('{ viewer { sid } }', { authorization });
    const create = (number: number): string =>
      `mutation { createAccount(input: { emailAddress: "new-${number}@places.test", password: "a decent password", role: DEVELOPER }) { account { sid } } }`;
    const byGraphqlSlowly = post(create(1), { authorization });
    const statuses = await answeredMeanwhile(byGraphqlSlowly);
    expectAnswers(statuses);
    expect((await byGraphqlSlowly).body.errors).toBeUndefined();

    const form = new URLSearchParams({ EmailAddress: 'new-2@places.test', Password: 'a decent password' });
    const byRestSlowly = fetch(`${gateway.url}${mount}/Accounts.json`, { method: 'POST', headers: { authorization }, body: form });
    const meanwhile = await answeredMeanwhile(byRestSlowly);
    expectAnswers(meanwhile);
    expect((await byRestSlowly).status).toBe(200);
  });
});
