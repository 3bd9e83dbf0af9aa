import { afterAll, beforeAll, expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { type Login, basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type HttpAnswer, send } from '../support/http-client.js';
import { mount } from '../support/rest-client.js';
import { create, uniqueEmail } from '../support/tree.js';

/** Cheaper than in production, and still most of what a refusal takes. */
const passwordCost = { memoryCost: 4096, timeCost: 1, parallelism: 1 };

/** Tries are compared with those close in time only. */
const roundsOfABlock = 20;
/** A leak stays however often it is measured; a disturbed measurement does not. */
const measurementsAtMost = 5;

const loginsOfAClass = 10;

let gateway: TestGateway;
/** Logins by what is behind them. */
let logins: Record<string, string[]>;
/** An administrator, of a tree in which none of them is. */
let caller: Login;

beforeAll(async () => {
  gateway = await startTestGateway({ passwordCost });
  const surface = graphqlSurface(gateway.url);
  const loginsOf = async (one: () => string | Promise<string>): Promise<string[]> => {
    const made = [];
    for (let count = 0; count < loginsOfAClass; count++) made.push(await one());
    return made;
  };
  logins = {
    'a wrong secret': await loginsOf(async () => (await create(surface)).emailAddress),
    'a wrong secret for a SID': await loginsOf(async () => (await create(surface)).sid),
    'an e-mail address that nobody has': await loginsOf(() => uniqueEmail('nobody')),
    'a SID that nobody has': await loginsOf(() => newSid('account')),
    'a closed account': await loginsOf(async () => (await create(surface, { status: 'closed' })).sid),
    'a suspended account': await loginsOf(async () => (await create(surface, { status: 'suspended' })).sid),
  };
  caller = (await create(surface)).login;
});
afterAll(() => gateway.stop());

it('the time of a refusal does not tell what is behind a login', async () => {
  const tries = Object.fromEntries(
    Object.entries(logins).map(([name, ofClass]) => [name, (round: number) => millisecondsToRefuse(ofClass[round % loginsOfAClass]!)]),
  );
  await expectAlike('a wrong secret', tries, 300, 0.05);
});

/** The requests by which a caller names an account by its e-mail address, of those that are answered alike for what is out of sight. */
const byEmailAddress: Record<string, (emailAddress: string) => Promise<HttpAnswer>> = {
  'GET an account': (emailAddress) => rest('GET', `/Accounts/${emailAddress}`),
  'PUT a name': (emailAddress) => rest('PUT', `/Accounts/${emailAddress}`, { FriendlyName: 'Another' }),
  'PUT a password': (emailAddress) => rest('PUT', `/Accounts/${emailAddress}`, { Password: 'another decent one' }),
  'PUT a status': (emailAddress) => rest('PUT', `/Accounts/${emailAddress}`, { Status: 'suspended' }),
  'POST a name': (emailAddress) => rest('POST', `/Accounts/${emailAddress}`, { FriendlyName: 'Another' }),
  'POST an account below it': (emailAddress) =>
    rest('POST', `/Accounts/${emailAddress}`, { EmailAddress: uniqueEmail('below'), Password: 'a decent password' }),
  'POST to migrate': (emailAddress) => rest('POST', `/Accounts/migrate/${emailAddress}`, { Organization: 'tests.test' }),
  'DELETE an account': (emailAddress) => rest('DELETE', `/Accounts/${emailAddress}`),
  'GET a subresource': (emailAddress) => rest('GET', `/Accounts/${emailAddress}/Calls`),
  'account(by: {emailAddress})': (emailAddress) =>
    send(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { authorization: basic(caller), 'content-type': 'application/json' },
      body: JSON.stringify({
        query: 'query($email: EmailAddress!) { account(by: { emailAddress: $email }) { sid } }',
        variables: { email: emailAddress },
      }),
    }),
};

it.each(Object.entries(byEmailAddress))(
  'the time of an answer does not tell whether a stranger has an e-mail address: %s',
  async (name, ask) => {
    const expected = name.startsWith('account(') ? 200 : 403;
    const tries = (emailAddresses: readonly string[]) => (round: number) =>
      millisecondsOf(() => ask(emailAddresses[round % loginsOfAClass]!), expected);
    const { 'a wrong secret': strangers, 'an e-mail address that nobody has': nobody } = logins;
    await expectAlike('nobody', { nobody: tries(nobody!), 'a stranger': tries(strangers!) }, 160, 0.1);
  },
  240_000,
);

function rest(method: string, path: string, form?: Record<string, string>): Promise<HttpAnswer> {
  return send(`${gateway.url}${mount}${path}`, {
    method,
    headers: { authorization: basic(caller), ...(form && { 'content-type': 'application/x-www-form-urlencoded' }) },
    ...(form && { body: `${new URLSearchParams(form)}` }),
  });
}

async function millisecondsOf(ask: () => Promise<HttpAnswer>, expected: number): Promise<number> {
  const start = performance.now();
  const { status, text } = await ask();
  const milliseconds = performance.now() - start;
  expect([status, text.includes('FORBIDDEN') || text === '{"data":{"account":null}}\n'], text).toEqual([expected, true]);
  return milliseconds;
}

/**
 * Holds that the times of the classes of tries do not tell them from those of one class. Each round makes a try of every class, in
 * random order, so that whatever slows the machine slows all of them.
 */
async function expectAlike(
  reference: string,
  tries: Record<string, (round: number) => Promise<number>>,
  roundsAtATime: number,
  apartAtMost: number,
): Promise<void> {
  const times = Object.fromEntries(Object.keys(tries).map((name) => [name, [] as number[]]));
  for (let warmUp = 0; warmUp < 20; warmUp++) for (const one of Object.values(tries)) await one(0);

  let apart: Record<string, number> = {};
  for (let measurement = 1; measurement <= measurementsAtMost; measurement++) {
    for (let round = 0; round < roundsAtATime; round++) {
      for (const [name, one] of shuffled(Object.entries(tries))) times[name]!.push(await one(round));
    }
    const { [reference]: ofReference, ...others } = times;
    apart = Object.fromEntries(Object.entries(others).map(([name, ofClass]) => [name, areaUnderCurve(ofReference!, ofClass)]));
    if (Object.values(apart).every((area) => Math.abs(area - 0.5) < apartAtMost)) break;
  }
  for (const [name, area] of Object.entries(apart)) expect(Math.abs(area - 0.5), `${name}: ${area}`).toBeLessThan(apartAtMost);
}

async function millisecondsToRefuse(login: string): Promise<number> {
  const start = performance.now();
  const { status } = await send(`${gateway.url}${mount}/Accounts`, {
    headers: { authorization: basic({ login, secret: 'a wrong secret' }) },
  });
  const milliseconds = performance.now() - start;
  expect(status).toBe(401);
  return milliseconds;
}

/**
 * How well the times tell two classes apart: the probability that one of the first is shorter than one of the second, a
 * half where they tell nothing. Averaged over blocks, so that a machine that is slower later tells nothing either.
 */
function areaUnderCurve(one: number[], other: number[]): number {
  const areas = [];
  for (let start = 0; start < one.length; start += roundsOfABlock) {
    const [ofOne, ofOther] = [one, other].map((times) => times.slice(start, start + roundsOfABlock));
    const wins = ofOne!.flatMap((time) => ofOther!.map((otherTime) => (time < otherTime ? 1 : time === otherTime ? 0.5 : 0)));
    areas.push(mean(wins));
  }
  return mean(areas);
}

const mean = (values: number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

function shuffled<Value>(values: Value[]): Value[] {
  return values
    .map((value) => ({ value, at: Math.random() }))
    .toSorted((one, other) => one.at - other.at)
    .map(({ value }) => value);
}
