import type { ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type TestDeliverer, startDeliverer } from '../support/deliverer.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { eventually } from '../support/patience.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';
import { requestsTo } from '../support/requests.js';

/* Receivers that hang as long as the test goes on, more of them than a process has places: nobody else waits for that. */

const limits = { atOnce: 8, failingAtOnce: 4, perWebhook: 4, slowAfter: 3_600_000, slowAtOnce: 12 };

let gateway: TestGateway;
let rootSid: string;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
  rootSid = (await ask('{ viewer { sid } }')).viewer.sid;
});
afterAll(() => gateway.stop());

let receivers: TestReceiver[] = [];
let deliverer: TestDeliverer | undefined;
afterEach(async () => {
  // What hangs ends with its connection.
  for (const receiver of receivers.splice(0)) await receiver.stop();
  await deliverer?.stop();
  await gateway.database.query('DELETE FROM webhook');
});

const { ask, change, make, rename } = requestsTo(() => gateway);
const receiverWith = async (answer = answers.status(200)): Promise<TestReceiver> => {
  const receiver = await startReceiver({ answer });
  receivers.push(receiver);
  return receiver;
};
const register = (accountSid: string, { url }: TestReceiver) =>
  change(`createWebhook(input: { accountSid: "${accountSid}", url: "${url}" }) { webhook { sid } }`);
const received = ({ requests }: TestReceiver, count: number) => eventually(() => expect(requests).toHaveLength(count));
const start = (slowAfter = limits.slowAfter): void => void (deliverer = startDeliverer(gateway, { limits: { ...limits, slowAfter } }));

/** Others' events arrive, though nothing that hangs has ended. */
async function expectOthersTold(): Promise<void> {
  const others = await Promise.all([make(), make()]);
  const receiver = await receiverWith();
  for (const { sid } of others) await register(sid, receiver);
  for (let count = 1; count <= 3; count++) {
    for (const { sid } of others) await rename(sid, `number ${count}`);
    await received(receiver, count * others.length);
  }
}

describe('nobody else waits', () => {
  it('for the receivers of one tree, however many', async () => {
    const { sid } = await make();
    const hanging = await receiverWith(answers.hang());
    for (let count = 0; count < 2 * limits.atOnce; count++) await register(sid, hanging);
    await rename(sid, 'never told');
    start();
    await received(hanging, limits.atOnce / 2);
    await expectOthersTold();
    expect(hanging.requests).toHaveLength(limits.atOnce / 2);
  });

  it('for receivers whose last attempt failed, however many, of whatever trees', async () => {
    const owners = await Promise.all(Array.from({ length: 2 * limits.atOnce }, () => make()));
    const hanging = await receiverWith();
    for (const { sid } of owners) await register(sid, hanging);
    for (const { sid } of owners) await rename(sid, 'never told');
    await gateway.database.query(`UPDATE webhook_place SET failures = 1, failing_since = now()`);
    hanging.answerWith(answers.hang());
    start();
    await received(hanging, limits.failingAtOnce);
    await expectOthersTold();
    expect(hanging.requests).toHaveLength(limits.failingAtOnce);
  });

  it('for receivers that begin to hang in the same moment, for longer than a slow one is waited for; so many, and no more', async () => {
    const owners = await Promise.all(Array.from({ length: 3 * limits.atOnce }, () => make()));
    const hanging = await receiverWith(answers.hang());
    for (const { sid } of owners.slice(0, limits.slowAtOnce)) await register(sid, hanging);
    for (const { sid } of owners) await rename(sid, 'never told');
    start(100);
    await received(hanging, limits.slowAtOnce);
    await expectOthersTold();
    for (const { sid } of owners.slice(limits.slowAtOnce)) await register(sid, hanging);
    for (const { sid } of owners) await rename(sid, 'never told either');
    // Those that are slow already, and as many as there are places.
    await received(hanging, limits.slowAtOnce + limits.atOnce);
    await sleep(1000);
    expect(hanging.requests).toHaveLength(limits.slowAtOnce + limits.atOnce);
  });

  it('for an endpoint of all trees that begins to hang: it has one at a time while it is slow', async () => {
    const hanging = await receiverWith(answers.hang());
    await register(rootSid, hanging);
    await Promise.all(Array.from({ length: 2 * limits.atOnce }, () => make()));
    start(500);
    await received(hanging, limits.perWebhook);
    await sleep(1500);
    await expectOthersTold();
    expect(hanging.requests).toHaveLength(limits.perWebhook);
  });

  it('for an endpoint of all trees: once an attempt failed, it has one at a time until one succeeds', async () => {
    const hanging = await receiverWith(answers.status(500));
    const { sid } = (await register(rootSid, hanging)).createWebhook.webhook;
    await change(`testWebhook(input: { sid: "${sid}" }) { attempt { status } }`);
    const held: ServerResponse[] = [];
    hanging.answerWith((response) => void held.push(response));
    await Promise.all(Array.from({ length: 2 * limits.atOnce }, () => make()));
    start();
    await eventually(() => expect(held).toHaveLength(1));
    await expectOthersTold();
    expect(held).toHaveLength(1);
    held[0]!.writeHead(200).end();
    await eventually(() => expect(held).toHaveLength(1 + limits.perWebhook));
  });
});
