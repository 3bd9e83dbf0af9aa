import type { ServerResponse } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { type TestDeliverer, startDeliverer } from '../support/deliverer.js';
import { type FakedClock, startWithFakedClock } from '../support/faked-clock.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { eventually } from '../support/patience.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';
import { requestsTo } from '../support/requests.js';
import { openStream } from '../support/stream.js';
import { startWithUpstreams } from '../support/subresources.js';
import { startUpstream } from '../support/upstream.js';

/* PostgreSQL's own clock jumps, by hours, forward and back. Nothing but the regular looks tells the deliverers and streams here of a change. */

let clock: FakedClock;
let gateway: TestGateway;
let other: TestGateway;
beforeAll(async () => {
  clock = await startWithFakedClock();
  gateway = await startTestGateway({ database: clock.database, environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' } });
  other = await startTestGateway({ database: clock.database });
});
afterAll(async () => {
  await other.stop();
  await gateway.stop();
  await clock.stop();
});

let receiver: TestReceiver;
let deliverer: TestDeliverer | undefined;
let sid: string;
beforeEach(async () => {
  await clock.setClock(0);
  receiver = await startReceiver();
  ({ sid } = await make());
  await change(`createWebhook(input: { accountSid: "${sid}", url: "${receiver.url}" }) { webhook { sid } }`);
  deliverer = startDeliverer(gateway);
});
afterEach(async () => {
  await receiver.stop();
  await deliverer?.stop();
  await clock.database.query('DELETE FROM webhook');
});

const { change, make, rename } = requestsTo(() => gateway);
const names = () => receiver.requests.map(({ body }) => JSON.parse(body).data.after.friendlyName);
const received = (...expected: string[]) => eventually(() => expect(names()).toEqual(expected));

it.each([-26, -3, 3, 26])('what happens after the clock has jumped by %i hours is delivered, in order', async (hours) => {
  await rename(sid, 'before');
  await received('before');
  await clock.setClock(hours);
  for (const name of ['one', 'two']) await rename(sid, name);
  await received('before', 'one', 'two');
  await clock.setClock(0);
  await rename(sid, 'after');
  await received('before', 'one', 'two', 'after');
});

it('an event that was being sent when the clock was put back is sent again, and those behind it after that', async () => {
  const held: ServerResponse[] = [];
  receiver.answerWith((response) => void held.push(response));
  await clock.setClock(26);
  // One that has seen the clock as it is now: what is put ahead and back during a single look is noticed by the next whole look only.
  await deliverer?.stop();
  deliverer = startDeliverer(gateway);
  await rename(sid, 'one');
  await received('one');
  await rename(sid, 'two');
  await clock.setClock(0);
  await received('one', 'one');
  receiver.answerWith(answers.status(200));
  for (const response of held) response.writeHead(200).end();
  await received('one', 'one', 'two');
});

it('an event that was being sent when the clock was put ahead is sent again by whoever finds the lease run out', async () => {
  const held: ServerResponse[] = [];
  receiver.answerWith((response) => void held.push(response));
  await rename(sid, 'one');
  await received('one');
  await clock.setClock(3);
  await received('one', 'one');
  receiver.answerWith(answers.status(200));
  for (const response of held) response.writeHead(200).end();
  await rename(sid, 'two');
  await received('one', 'one', 'two');
});

it.each([-26, 26])('a stream has what another instance changes after the clock has jumped by %i hours', async (hours) => {
  const query = `subscription { accountEvents(accountSid: "${sid}") { data { after } } }`;
  const stream = await openStream(gateway.url, { login: admin, query });
  const told = (...expected: string[]) =>
    eventually(() => expect(stream.messages.map(({ data }) => data.data.accountEvents.data.after.friendlyName)).toEqual(expected));
  const elsewhere = requestsTo(() => other);
  await elsewhere.rename(sid, 'before');
  await told('before');
  await clock.setClock(hours);
  await elsewhere.rename(sid, 'jumped');
  await told('before', 'jumped');
  await clock.setClock(0);
  await elsewhere.rename(sid, 'after');
  await told('before', 'jumped', 'after');
  stream.close();
});

it('a removal that is to be tried again when the clock is put back is tried in time', async () => {
  let status = 503;
  const upstream = await startUpstream((_request, response) => void response.writeHead(status).end());
  await clock.setClock(26);
  const removing = await startWithUpstreams({ Recordings: { url: upstream.url } }, { database: clock.database, deliversEvents: true });
  const { sid: closed } = await make();
  await change(`closeAccount(input: { sid: "${closed}" }) { reachedCount }`);
  const removals = () => clock.database.query(`SELECT state, failures FROM resource_removal WHERE tree_sid = $1`, [closed]);
  await eventually(async () => expect(await removals()).toEqual([{ state: 'pending', failures: 1 }]));
  await clock.setClock(0);
  status = 204;
  await eventually(async () => expect(await removals()).toEqual([{ state: 'done', failures: 0 }]));
  await removing.stop();
  await upstream.stop();
});
