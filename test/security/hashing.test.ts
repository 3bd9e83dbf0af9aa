import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Created, create } from '../support/tree.js';

/** A hash takes far longer than the rest of a request, so that a hundred of them are a queue. */
const passwordCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

let gateway: TestGateway;
let victim: Created;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { TRUST_PROXY: '127.0.0.1' }, passwordCost });
});
afterAll(() => gateway.stop());

async function signIn(login: Login, address: string): Promise<number> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(login), 'x-forwarded-for': address },
    body: JSON.stringify({ query: '{ viewer { sid } }' }),
  });
  await response.text();
  return response.status;
}

/** How many of the requests were answered while a new account signed in for the first time, begun after the fifth of them. */
async function answeredDuringSignIn(requests: Promise<unknown>[]): Promise<number> {
  let answered = 0;
  const isUnderWay = new Promise<void>((resolve) => {
    for (const request of requests) void request.finally(() => (answered += 1) === 5 && resolve());
  });
  await isUnderWay;
  const before = answered;
  expect(await signIn(victim.login, '10.3.0.1')).toBe(200);
  const during = answered - before;
  await Promise.all(requests);
  return during;
}

/** Of a hundred that wait; one after the other, most of them would come first. */
const fewOfThem = 40;

describe('a first sign-in does not wait behind', () => {
  it('wrong sign-ins to one account from a hundred addresses', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const target = await create(graphqlSurface(gateway.url));
    const requests = Array.from({ length: 100 }, (_, number) =>
      signIn({ login: target.sid, secret: `guess ${number}` }, `10.4.0.${number}`),
    );
    expect(await answeredDuringSignIn(requests)).toBeLessThan(fewOfThem);
  });

  it('wrong sign-ins to a hundred logins from one address', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const requests = Array.from({ length: 100 }, (_, number) =>
      signIn({ login: `nobody-${number}@tests.test`, secret: 'a guess' }, '10.5.0.1'),
    );
    expect(await answeredDuringSignIn(requests)).toBeLessThan(fewOfThem);
  });

  it('wrong sign-ins to a hundred logins from a hundred addresses that failed before', async () => {
    victim = await create(graphqlSurface(gateway.url));
    const guess = (number: number, text: string) => signIn({ login: `nobody-${number}@tests.test`, secret: text }, `10.6.0.${number}`);
    await Promise.all(Array.from({ length: 100 }, (_, number) => guess(number, 'a guess')));
    expect(await answeredDuringSignIn(Array.from({ length: 100 }, (_, number) => guess(number, 'another guess')))).toBeLessThan(fewOfThem);
  });
});
