import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { everyPart } from '../../src/domain/event.js';
import { Database } from '../../src/persistence/connection/database.js';
import type { ClaimedPlace } from '../../src/persistence/repositories/delivery-claim.js';
import { type TestDeliverer, startDeliverer } from '../support/deliverer.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';
import { requestsTo } from '../support/requests.js';

/*
 * What may happen between two steps of a delivery. The gateway here delivers nothing by itself; the deliverer of each test does, whose
 * steps can be waited for: before any of them, something else happens first.
 */

let gateway: TestGateway;
let rootSid: string;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
  rootSid = (await ask('{ viewer { sid } }')).viewer.sid;
});
afterAll(() => gateway.stop());

let receiver: TestReceiver;
let deliverer: TestDeliverer | undefined;
/** What happens before the deliverer's next steps, by their number. */
let before: Map<number, () => Promise<unknown>>;
let steps: number;
beforeEach(async () => {
  receiver = await startReceiver();
  before = new Map();
  steps = 0;
});
afterEach(async () => {
  vi.useRealTimers();
  await receiver.stop();
  await deliverer?.stop();
  deliverer = undefined;
  await gateway.database.query('DELETE FROM webhook');
});

const { ask, change, make, rename, setStatus } = requestsTo(() => gateway);
const register = async (accountSid: string, input = ''): Promise<string> =>
  (await change(`createWebhook(input: { accountSid: "${accountSid}", url: "${receiver.url}" ${input} }) { webhook { sid } }`)).createWebhook
    .webhook.sid;
const update = (sid: string, input: string) => change(`updateWebhook(input: { sid: "${sid}", ${input} }) { webhook { sid } }`);
const placesOf = (sid: string) =>
  gateway.database.query<{ tree_sid: string; position: number; failures: number; due_at: Date | null; lease: string | null }>(
    'SELECT tree_sid, position, failures, due_at, lease FROM webhook_place WHERE webhook_sid = $1 ORDER BY tree_sid',
    [sid],
  );
const names = () => receiver.requests.map(({ body }) => JSON.parse(body).data.after?.friendlyName);
const types = () => receiver.requests.map(({ body }) => JSON.parse(body).type);
const ids = () => receiver.requests.map(({ headers }) => headers['webhook-id']);
const received = (count: number) => eventually(() => expect(receiver.requests).toHaveLength(count));

/** Starts to deliver. A step is a use of the database: to claim, to read, to accept, to release, … */
function start(): TestDeliverer {
  const beforeStep = async (): Promise<void> => {
    steps += 1;
    await before.get(steps)?.();
  };
  deliverer = startDeliverer(gateway, { beforeStep });
  return deliverer;
}

describe('nothing is lost', () => {
  it('when an account becomes active again while its place is given back because it was not', async () => {
    const { sid } = await make();
    await register(sid);
    await setStatus(sid, 'SUSPENDED');
    await rename(sid, 'while suspended');
    // 1 claims, 2 asks when it was suspended, 3 and 4 tell so, 5 gives the place back.
    before.set(5, async () => {
      await setStatus(sid, 'ACTIVE');
      await new Database(gateway.app.dataSource).lookUp(undefined, ({ deliveries }) => deliveries.markChanged([sid]));
    });
    start();
    await received(3);
    expect(types()).toEqual(['account.suspended', 'account.updated', 'account.activated']);
  });

  it('of the parts of a change when its webhook is stopped between two of them', async () => {
    const { sid } = await make();
    await plant(gateway.database, { below: sid, widths: [1000] });
    const webhookSid = await register(rootSid);
    receiver.answerWith((response, { body }) => void response.writeHead(JSON.parse(body).data.part === 2 ? 500 : 200).end());
    await setStatus(sid, 'SUSPENDED');
    start();
    await eventually(async () => expect((await placesOf(webhookSid)).map(({ failures: count }) => count)).toContain(1));
    // The making of the webhook is an entry of the root's history, and may still be to be looked at.
    await eventually(async () => {
      expect((await ask(`{ webhook(sid: "${webhookSid}") { waitingCount } }`)).webhook.waitingCount).toBe(1);
    });
    await update(webhookSid, 'enabled: false');
    receiver.answerWith(answers.status(200));
    await update(webhookSid, 'enabled: true');
    await received(4);
    expect(ids()).toEqual([1, 2, 2, 3].map((part) => `${sid}:2:${part}`));
  });

  it('when its webhook is sent elsewhere while the receiver before says that it is gone', async () => {
    const { sid } = await make();
    const webhookSid = await register(sid);
    const elsewhere = await startReceiver();
    receiver.answerWith(async (response) => {
      await update(webhookSid, `url: "${elsewhere.url}"`);
      response.writeHead(410).end();
    });
    await rename(sid, 'moved');
    start();
    await eventually(() => expect(elsewhere.requests).toHaveLength(1));
    expect((await ask(`{ webhook(sid: "${webhookSid}") { status } }`)).webhook.status).toBe('ACTIVE');
    expect(receiver.requests).toHaveLength(1);
    await elsewhere.stop();
  });

  it('of a tree that has no history yet', async () => {
    await plant(gateway.database, { below: rootSid, widths: [1] });
    const [planted] = await gateway.database.query<{ sid: string }>(
      'SELECT sid FROM account WHERE parent_sid = $1 AND NOT EXISTS (SELECT FROM history_head WHERE tree_sid = account.sid)',
      [rootSid],
    );
    await register(planted!.sid);
    await rename(planted!.sid, 'told');
    start();
    await received(1);
    expect(names()).toEqual(['told']);
  });

  it('of what happens while an event is sent, nor is the next poll waited for', async () => {
    vi.useFakeTimers({ toFake: ['setInterval'] });
    const { sid } = await make();
    await register(sid);
    await rename(sid, '0');
    let next = 0;
    const happen = async (): Promise<void> => {
      await rename(sid, `${next}`);
      running.wake([sid]);
    };
    receiver.answerWith(async (response) => {
      next += 1;
      if (next <= 20) await happen();
      response.writeHead(200).end();
    });
    const running = start();
    await received(21);
    expect(names()).toEqual(Array.from({ length: 21 }, (_, count) => `${count}`));
  });
});

describe('nothing is told that must not be', () => {
  it('of what happened after the account was switched off, between claim and reading', async () => {
    const { sid } = await make();
    const webhookSid = await register(sid, 'types: [ACCOUNT_UPDATED]');
    before.set(2, async () => {
      await setStatus(sid, 'SUSPENDED');
      await rename(sid, 'told later');
    });
    start();
    await eventually(() => expect(steps).toBeGreaterThan(5));
    await eventually(async () => expect((await placesOf(webhookSid))[0]).toMatchObject({ lease: null, due_at: null }));
    expect(receiver.requests).toEqual([]);
    await setStatus(sid, 'ACTIVE');
    await received(1);
  });

  it('of others, when the account has become a Developer between claim and reading', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    await register(middle.sid, 'types: [ACCOUNT_CREATED, ACCOUNT_SUSPENDED]');
    before.set(2, async () => {
      await change(`updateAccount(input: { sid: "${middle.sid}", role: DEVELOPER }) { account { sid } }`);
      await make({ parent: middle.sid });
    });
    start();
    await eventually(() => expect(steps).toBeGreaterThan(5));
    await setStatus(middle.sid, 'SUSPENDED');
    await received(1);
    expect(types()).toEqual(['account.suspended']);
  });

  it('to an endpoint beyond ten events at once', async () => {
    const webhookSid = await register(rootSid);
    const tops = await Promise.all(Array.from({ length: 25 }, () => make()));
    let answered = 0;
    receiver.answerWith((response) => {
      if (++answered === 1) response.writeHead(200).end();
    });
    start();
    await received(11);
    await eventually(async () => {
      const { attempts } = (await ask(`{ webhook(sid: "${webhookSid}") { attempts(first: 1) { nodes { status } } } }`)).webhook;
      expect(attempts.nodes).toHaveLength(1);
    });
    expect((await placesOf(webhookSid)).filter(({ lease }) => lease !== null)).toHaveLength(10);
    expect(receiver.requests).toHaveLength(11);
    expect(tops).toHaveLength(25);
  });
});

describe('a webhook that is told to go on elsewhere', () => {
  it('is not moved to the future, nor to before the beginning', async () => {
    const { sid } = await make();
    const webhookSid = await register(sid);
    const soon = new Date(Date.now() + 3_600_000).toISOString();
    for (const [from, field] of [
      [`eventId: "${sid}:3"`, 'eventId'],
      [`eventId: "${sid}:999999999"`, 'eventId'],
      [`eventId: "${sid}:999999999:999999"`, 'eventId'],
      [`eventId: "${sid}:0"`, 'eventId'],
      [`date: "${soon}"`, 'date'],
      [`date: "2999-12-31T23:59:59Z"`, 'date'],
    ] as const) {
      const mutation = `mutation { replayWebhook(input: { sid: "${webhookSid}", from: { ${from} } }) { webhook { sid } } }`;
      const { errors } = await postGraphql<any>(gateway.url, admin, mutation);
      expect(errors, from).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', field } }]);
    }
    await change(`replayWebhook(input: { sid: "${webhookSid}", from: { date: "1000-01-01T00:00:00Z" } }) { webhook { sid } }`);
    await rename(sid, 'told');
    start();
    await received(2);
    expect(ids()).toEqual([`${sid}:1`, expect.any(String)]);
  });

  it('has the last part of the last change sent again', async () => {
    const { sid } = await make();
    await plant(gateway.database, { below: sid, widths: [500] });
    const webhookSid = await register(rootSid);
    await setStatus(sid, 'SUSPENDED');
    start();
    await received(2);
    const again = `${sid}:2:2`;
    await change(`replayWebhook(input: { sid: "${webhookSid}", from: { eventId: "${again}" } }) { webhook { sid } }`);
    await received(3);
    expect(ids().at(-1)).toBe(again);
  });

  it('leaves other trees waiting for what they wait for', async () => {
    const webhookSid = await register(rootSid);
    const tops = (await Promise.all([make(), make()])).map(({ sid }) => sid);
    receiver.answerWith(answers.status(500));
    start();
    await eventually(async () => {
      const failing = (await placesOf(webhookSid)).filter(({ failures: count }) => count > 0);
      expect(failing).toHaveLength(2);
    });
    const [skipped, other] = tops as [string, string];
    const placeOf = async (treeSid: string) => (await placesOf(webhookSid)).find(({ tree_sid }) => tree_sid === treeSid)!;
    const waiting = await placeOf(other);
    await change(`skipWebhookEvent(input: { sid: "${webhookSid}", eventId: "${skipped}:1" }) { webhook { sid } }`);
    await change(`replayWebhook(input: { sid: "${webhookSid}", from: { eventId: "${skipped}:1" } }) { webhook { sid } }`);
    await received(3);
    expect(ids().toSorted()).toEqual([`${skipped}:1`, `${skipped}:1`, `${other}:1`].toSorted());
    expect(await placeOf(other)).toEqual(waiting);
  });
});

it('what is not for an endpoint is passed for good while it is read on, and the lease is extended', async () => {
  const top = await make();
  const [middle, sibling] = [await make({ parent: top.sid }), await make({ parent: top.sid })];
  const webhookSid = await register(middle.sid);
  // More entries about others than are looked at between two looks at the lease.
  await gateway.database.query(
    `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
     SELECT $1, head.position + number, now(), NULL, 'updateAccount', $2, NULL, NULL, '{}', repeat('0', 64), 2
     FROM history_head AS head, generate_series(1, 45000) AS number WHERE head.tree_sid = $1`,
    [top.sid, sibling.sid],
  );
  await gateway.database.query('UPDATE history_head SET position = position + 45000 WHERE tree_sid = $1', [top.sid]);
  await rename(middle.sid, 'told');
  const seen: { position: number; due_at: Date | null }[] = [];
  for (let step = 2; step <= 20; step++) before.set(step, async () => void seen.push((await placesOf(webhookSid))[0]!));
  start();
  await received(1);
  expect(names()).toEqual(['told']);
  const passed = seen.filter(({ position }) => position > 20_000 && position < 45_000);
  expect(passed[0]!.due_at!.getTime()).toBeGreaterThan(seen[0]!.due_at!.getTime());
});

it('of an account that is closed, and was told so, nothing is left to be looked at with each change of its tree', async () => {
  const top = await make();
  const middle = await make({ parent: top.sid });
  const webhookSid = await register(middle.sid);
  await change(`closeAccount(input: { sid: "${middle.sid}" }) { reachedCount }`);
  start();
  await received(1);
  await eventually(async () => expect(await placesOf(webhookSid)).toEqual([]));
  expect((await ask(`{ webhook(sid: "${webhookSid}") { status waitingCount } }`)).webhook).toEqual({ status: 'ENDED', waitingCount: 0 });
});

it('a stream that cannot be read holds up no other that is read with it', async () => {
  const [broken, other] = [await make(), await make()];
  await register(rootSid);
  await gateway.database.query(
    `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
     SELECT $1, head.position + 1, now(), NULL, 'updateAccount', $1, NULL, 'null', '{}', repeat('0', 64), 2
     FROM history_head AS head WHERE head.tree_sid = $1`,
    [broken.sid],
  );
  await gateway.database.query('UPDATE history_head SET position = position + 1, date = now() WHERE tree_sid = $1', [broken.sid]);
  await rename(other.sid, 'told');
  const failures: unknown[] = [];
  deliverer = startDeliverer(gateway, { failed: (error) => void failures.push(error) });
  await received(1);
  expect(names()).toEqual(['told']);
  await eventually(() => expect(failures).toHaveLength(1));
});

it('an endpoint is told to go on elsewhere while its places are in use, without a deadlock', async () => {
  await Promise.all(Array.from({ length: 40 }, () => make()));
  const webhookSid = await register(rootSid);
  await gateway.database.query(`UPDATE webhook_place SET lease = gen_random_uuid(), due_at = now() + interval '1 minute'`);
  const moves = (await placesOf(webhookSid)).map(({ tree_sid: treeSid, lease, position }) => ({
    place: { webhookSid, treeSid, lease, webhookVersion: 1, account: { version: 1 } } as ClaimedPlace,
    reached: { position, part: everyPart },
  }));
  expect(moves.length).toBeGreaterThan(40);
  const database = new Database(gateway.app.dataSource);
  const often = async (work: () => Promise<unknown>): Promise<void> => {
    for (let count = 0; count < 100; count++) await work();
  };
  await Promise.all([
    often(() => database.lookUp(undefined, ({ deliveryLeases }) => deliveryLeases.advance(moves))),
    often(() => database.lookUp(undefined, ({ deliveryLeases }) => deliveryLeases.advance(moves.toReversed()))),
    often(() => database.write(undefined, async ({ deliveries }) => deliveries.moveToDate(webhookSid, new Date()))),
  ]);
  // Every session tells the statistics about its deadlocks within a second.
  await sleep(1500);
  expect(await gateway.database.query('SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()')).toEqual([
    { deadlocks: 0 },
  ]);
});
