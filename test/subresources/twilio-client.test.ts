import twilio from 'twilio';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestGateway } from '../support/gateway.js';
import type { Login } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { startWithUpstreams } from '../support/subresources.js';
import { type Telephony, telephony } from '../support/telephony.js';
import { create } from '../support/tree.js';
import { type TestUpstream, startUpstream } from '../support/upstream.js';

/*
 * A client of the family that integrations in the field use, pointed at the gateway. It expects of errors what the gateway's clients
 * do: an integer as `code`, and a message.
 */

let service: Telephony;
let upstream: TestUpstream;
let gateway: TestGateway;
beforeAll(async () => {
  service = telephony();
  upstream = await startUpstream(service.listener);
  gateway = await startWithUpstreams({
    '*': { url: `${upstream.url}/restcomm` },
    Conferences: { url: 'http://127.0.0.1:1' },
  });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

function clientOf({ login, secret }: Login): twilio.Twilio {
  const client = twilio(login, secret);
  client.api.baseUrl = `${gateway.url}/restcomm`;
  Object.assign(client.api.v2010, { _version: '2012-04-24' });
  return client;
}

it('places calls, lists them page by page, and reads one', async () => {
  const { sid, login } = await create(graphqlSurface(gateway.url));
  const client = clientOf(login);
  const to = ['+15550001', '+15550002', '+15550003'];
  for (const number of to) {
    const call = await client.calls.create({ from: '+15550000', to: number, url: 'http://voice.test/' });
    expect(call).toMatchObject({ accountSid: sid, to: number, status: 'queued' });
    expect((await client.calls(call.sid).fetch()).to).toBe(number);
  }
  expect((await client.calls.list({ pageSize: 2 })).map((call) => call.to)).toEqual(to);
});

it('buys a number and releases it, and removes a recording', async () => {
  const { sid, login } = await create(graphqlSurface(gateway.url));
  const client = clientOf(login);
  const bought = await client.incomingPhoneNumbers.create({ phoneNumber: '+15550009' });
  expect(bought.phoneNumber).toBe('+15550009');
  expect(await client.incomingPhoneNumbers(bought.sid).remove()).toBe(true);
  expect(await client.incomingPhoneNumbers.list()).toEqual([]);
  const recording = service.record(sid, Buffer.alloc(100));
  expect((await client.recordings.list()).map((each) => each.sid)).toEqual([recording]);
  expect(await client.recordings(recording).remove()).toBe(true);
});

it('is told why it was refused, by number and in words', async () => {
  const surface = graphqlSurface(gateway.url);
  const stranger = await create(surface);
  const agent = await create(surface, { role: 'ProvisioningAgent' });
  const client = clientOf(agent.login);
  const refused = (asked: Promise<unknown>) =>
    asked.then(
      () => undefined,
      ({ status, code, message, moreInfo }) => ({ status, code, message, moreInfo }),
    );
  const words = expect.stringMatching(/\.$/);
  expect(await refused(client.api.v2010.accounts(stranger.sid).calls.list())).toEqual({
    status: 403,
    code: 20403,
    message: words,
    moreInfo: '/docs/errors#FORBIDDEN',
  });
  expect(await refused(client.recordings('RE1').remove())).toMatchObject({ status: 403, code: 20403, message: words });
  expect(await refused(client.conferences.list())).toMatchObject({ status: 502, code: 70030, message: words });
  expect(await refused(clientOf({ ...agent.login, secret: 'wrong' }).calls.list())).toMatchObject({ status: 401, code: 20003 });
});
