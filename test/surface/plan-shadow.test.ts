import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { isWithoutCharge } from '../../src/api/http/cost-budget.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';

let gateway: TestGateway;

beforeAll(async () => {
  gateway = await startTestGateway({ config: { planShadowShare: 1 } });
});
afterAll(() => gateway.stop());

/** How many comparisons ended in which way, but for those in which none did. */
async function compared({ metricsUrl } = gateway): Promise<Record<string, number>> {
  const text = await (await fetch(metricsUrl)).text();
  return Object.fromEntries(
    [...text.matchAll(/^gateway_plan_shadow_total\{result="(\w+)"\} ([1-9]\d*)$/gm)].map(([, result, count]) => [result, Number(count)]),
  );
}

const query = '{ viewer { sid organization { sid } subAccounts { totalCount nodes { sid parent { sid } } } } }';

it('a planned answer is compared with the executor on live traffic, in a metric and at no cost of the caller', async () => {
  const charges: boolean[] = [];
  const { budgets } = gateway.app;
  const charge = budgets.charge.bind(budgets);
  vi.spyOn(budgets, 'charge').mockImplementation((payer, cost) => {
    charges.push(isWithoutCharge());
    charge(payer, cost);
  });
  const { data } = await postGraphql(gateway.url, admin, query);
  expect(data!.viewer.sid).toMatch(/^AC/);
  await eventually(async () => expect(await compared()).toEqual({ same: 1 }));
  vi.restoreAllMocks();
  // The statements of both ways are timed; those of the comparison are nobody's.
  expect(charges.filter((isFree) => isFree).length).toBeGreaterThan(0);
  expect(charges.filter((isFree) => !isFree).length).toBeGreaterThan(0);
});

it('a mutation, a query for the executor, and a query that shows a secret are not compared', async () => {
  const before = await compared();
  const sid = (await postGraphql(gateway.url, admin, '{ viewer { sid @include(if: true) } }')).data!.viewer.sid as string;
  await postGraphql(gateway.url, admin, `mutation { updateAccount(input: { sid: "${sid}" }) { account { sid } } }`);
  await postGraphql(gateway.url, admin, `{ authToken(sid: "${sid}") }`);
  await postGraphql(gateway.url, admin, query);
  await eventually(async () => expect((await compared()).same).toBeGreaterThan(before.same!));
  expect(await compared()).toEqual({ same: before.same! + 1 });
});

it('nothing is compared unless PLAN_SHADOW_SHARE says so', async () => {
  const silent = await startTestGateway();
  try {
    await postGraphql(silent.url, admin, query);
    await postGraphql(silent.url, admin, query);
    expect(await compared(silent)).toEqual({});
  } finally {
    await silent.stop();
  }
});
