import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { actorOf } from '../../src/domain/actor.js';
import { ProvenSecret } from '../../src/domain/credentials.js';
import { Database, defaultBounds } from '../../src/persistence/connection/database.js';
import { EventSubscriptions } from '../../src/service/event-subscriptions.js';
import { HistoryWatch } from '../../src/service/history-watch.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { requestsTo } from '../support/requests.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());
const { make, rename } = requestsTo(() => gateway);

it('a stream does not wait behind all who sign in', async () => {
  const streams = 10;
  const signIns = 40;
  const tops = await Promise.all(Array.from({ length: streams }, () => make()));
  for (const { sid } of tops) await rename(sid, 'told');
  // One connection for all that is looked up by a key.
  const database = new Database(gateway.app.dataSource, { ...defaultBounds, poolSize: 4 });
  const subscriptions = new EventSubscriptions(
    database,
    new HistoryWatch(database, (error) => {
      throw error;
    }),
  );
  const root = await database.lookUp(undefined, ({ accounts }) => accounts.findRoot());
  const ending = new AbortController();
  const opened = await Promise.all(
    tops.map(({ sid }) =>
      subscriptions.open(actorOf(root!, new ProvenSecret(() => true)), { accountSid: sid, after: `${sid}:1` }, ending.signal),
    ),
  );
  const order: string[] = [];
  const done: Promise<unknown>[] = [];
  const signIn = (): void => {
    const signedIn = database.lookUp(undefined, () => sleep(5));
    done.push(signedIn.then(() => order.push('sign-in')));
  };
  for (let count = 0; count < signIns / 2; count++) signIn();
  for (const stream of opened) done.push(stream.next().then(() => order.push('event')));
  // The streams have asked for what they read.
  await sleep(1);
  for (let count = 0; count < signIns / 2; count++) signIn();
  await Promise.all(done);
  ending.abort();
  expect(order.filter((each) => each === 'event')).toHaveLength(streams);
  expect(order.lastIndexOf('event')).toBeLessThan(signIns / 2);
});
