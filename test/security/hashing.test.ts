import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Created, create } from '../support/tree.js';

/** A hash takes some milliseconds, so that a hundred of them are a queue. */
const passwordCost = { memoryCost: 8192, timeCost: 2, parallelism: 1 };

let gateway: TestGateway;
let attacker: Created;
let victim: Created;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { TRUST_PROXY: '127.0.0.1' }, passwordCost });
  attacker = await create(graphqlSurface(gateway.url));
});
afterAll(() => gateway.stop());

async function ask(login: Login, address: string, query = '{ viewer { sid } }'): Promise<{ status: number; code: string | undefined }> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(login), 'x-forwarded-for': address },
    body: JSON.stringify({ query }),
  });
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] };
  return { status: response.status, code: errors?.[0]!.extensions.code };
}

/** How many of the requests were answered while a new account signed in for the first time, begun after the fifth of them. */
async function answeredDuringSignIn(requests: Promise<unknown>[]): Promise<number> {
  let answered = 0;
  const isUnderWay = new Promise<void>((resolve) => {
    for (const request of requests) void request.finally(() => (answered += 1) === 5 && resolve());
  });
  await isUnderWay;
  const before = answered;
  expect(await ask(victim.login, '10.3.0.1')).toMatchObject({ status: 200 });
  const during = answered - before;
  await Promise.all(requests);
  return during;
}

/** Of a hundred that wait; one after the other, most of them would come first. */
const fewOfThem = 50;

describe('a first sign-in does not wait behind', () => {
  it('a hundred passwords that somebody else sets', async () => {
    victim = await create(graphqlSurface(gateway.url));
    // Remembered from now on.
    await ask(attacker.login, '10.2.0.1');
    const creation = (number: number): string =>
      `mutation { createAccount(input: { emailAddress: "hashed-${number}@tests.test", password: "a decent password", role: DEVELOPER }) { account { sid } } }`;
    const requests = Array.from({ length: 100 }, (_, number) => ask(attacker.login, '10.2.0.1', creation(number)));
    expect(await answeredDuringSignIn(requests)).toBeLessThan(fewOfThem);
  });

  it('wrong sign-ins to one account from a hundred addresses', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const target = await create(graphqlSurface(gateway.url));
    const requests = Array.from({ length: 100 }, (_, number) => ask({ login: target.sid, secret: `guess ${number}` }, `10.4.0.${number}`));
    expect(await answeredDuringSignIn(requests)).toBeLessThan(fewOfThem);
  });

  it('wrong sign-ins to a hundred logins from one address', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const requests = Array.from({ length: 100 }, (_, number) =>
      ask({ login: `nobody-${number}@tests.test`, secret: 'a guess' }, '10.5.0.1'),
    );
    expect(await answeredDuringSignIn(requests)).toBeLessThan(fewOfThem);
  });

  it('wrong sign-ins to a hundred logins from a hundred addresses that failed before', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const guess = (number: number, text: string) => ask({ login: `nobody-${number}@tests.test`, secret: text }, `10.6.0.${number}`);
    await Promise.all(Array.from({ length: 100 }, (_, number) => guess(number, 'a guess')));
    expect(await answeredDuringSignIn(Array.from({ length: 100 }, (_, number) => guess(number, 'another guess')))).toBeLessThan(fewOfThem);
  });
});
