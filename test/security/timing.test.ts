import { afterAll, beforeAll, expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { mount } from '../support/rest-client.js';
import { create, uniqueEmail } from '../support/tree.js';

/** Cheaper than in production, and still most of what a refusal takes. */
const passwordCost = { memoryCost: 4096, timeCost: 1, parallelism: 1 };

/** Each round tries a login of every class once, in random order, so that whatever slows the machine slows all of them. */
const roundsAtATime = 500;
/** Tries are compared with those close in time only. */
const roundsOfABlock = 20;
/** A leak stays however often it is measured; a disturbed measurement does not. */
const measurementsAtMost = 3;

const loginsOfAClass = 10;

let gateway: TestGateway;
/** Logins by what is behind them. */
let logins: Record<string, string[]>;

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
});
afterAll(() => gateway.stop());

it('the time of a refusal does not tell what is behind a login', async () => {
  const times = Object.fromEntries(Object.keys(logins).map((name) => [name, [] as number[]]));
  for (let warmUp = 0; warmUp < 20; warmUp++) for (const [login] of Object.values(logins)) await millisecondsToRefuse(login!);

  let apart: Record<string, number> = {};
  for (let measurement = 1; measurement <= measurementsAtMost; measurement++) {
    for (let round = 0; round < roundsAtATime; round++) {
      for (const [name, ofClass] of shuffled(Object.entries(logins))) {
        times[name]!.push(await millisecondsToRefuse(ofClass[round % loginsOfAClass]!));
      }
    }
    const { 'a wrong secret': wrong, ...others } = times;
    apart = Object.fromEntries(Object.entries(others).map(([name, ofClass]) => [name, areaUnderCurve(wrong!, ofClass)]));
    if (Object.values(apart).every((area) => Math.abs(area - 0.5) < 0.05)) break;
  }
  for (const [name, area] of Object.entries(apart)) expect(Math.abs(area - 0.5), `${name}: ${area}`).toBeLessThan(0.05);
}, 240_000);

async function millisecondsToRefuse(login: string): Promise<number> {
  const start = performance.now();
  const { status, body } = await fetch(`${gateway.url}${mount}/Accounts`, {
    headers: { authorization: basic({ login, secret: 'a wrong secret' }) },
  });
  const milliseconds = performance.now() - start;
  await body?.cancel();
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
