import { type AddressInfo, type Server, createServer } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { AddressRules } from '../../src/events/address-rules.js';
import type { HostLookup } from '../../src/events/host-lookup.js';
import { WebhookSender } from '../../src/events/webhook-sender.js';
import { newWebhookSecret } from '../../src/events/webhook-signature.js';
import { patience } from '../support/patience.js';
import { answers, startReceiver } from '../support/receiver.js';
import { refusedHosts } from '../support/refused-hosts.js';

/** Listens on every address of the machine. */
let listener: Server;
let port: number;
/** The address that each connection was made to. */
let connections: (string | undefined)[] = [];

const everywhere = new AddressRules([]);
const event = { secrets: [newWebhookSecret()], id: 'a1:1', body: '{}' };
const refused = { status: null, answer: '', failure: 'The address is not allowed.' };

const senders: WebhookSender[] = [];
function newSender(rules: AddressRules, lookup?: HostLookup): WebhookSender {
  const sender = new WebhookSender(rules, { milliseconds: patience, ...(lookup !== undefined && { lookup }) });
  senders.push(sender);
  return sender;
}

beforeAll(async () => {
  listener = createServer((socket) => {
    connections.push(socket.localAddress?.replace('::ffff:', ''));
    socket.on('error', () => {}).resume();
    socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
  });
  // Where there is no IPv6, that is every address of IPv4.
  await new Promise<void>((resolve) => listener.listen(0, resolve));
  ({ port } = listener.address() as AddressInfo);
});

afterEach(async () => {
  await Promise.all(senders.splice(0).map((sender) => sender.close()));
  connections = [];
});

afterAll(async () => {
  await new Promise((resolve) => listener.close(resolve));
});

describe.each(Object.entries(refusedHosts))('a webhook to a host that is %s', (_kind, hosts) => {
  it('is refused in every spelling, without a connection', async () => {
    // Names are found to be what they are on most machines.
    const sender = newSender(everywhere, async () => ['::1', '127.0.0.1']);
    for (const host of hosts) {
      for (const protocol of ['https', 'http']) {
        expect(await sender.send({ ...event, url: `${protocol}://${host}:${port}/` }), host).toMatchObject(refused);
        expect(await sender.send({ ...event, url: `${protocol}://public.example.com:443@${host}:${port}/` }), host).toMatchObject(refused);
      }
    }
    expect(connections).toEqual([]);
  });
});

describe('a name that leads to addresses that are not public', () => {
  it.each([
    [['127.0.0.1']],
    [['::1']],
    [['::ffff:127.0.0.1']],
    [['0.0.0.0']],
    [['::']],
    [['127.0.0.1', '::1', '10.0.0.1', '169.254.169.254']],
    [['fe80::1%lo']],
    [['']],
    [['localhost']],
    [[]],
  ])('is refused as such an address itself is, without a connection: %j', async (addresses) => {
    const sender = newSender(everywhere, async () => addresses);
    const { milliseconds: _milliseconds, ...attempt } = await sender.send({ ...event, url: `https://rebound.example.com:${port}/` });
    const { milliseconds: _alike, ...literal } = await sender.send({ ...event, url: `https://127.0.0.1:${port}/` });
    expect(attempt).toEqual(literal);
    expect(attempt).toMatchObject(refused);
    expect(connections).toEqual([]);
  });

  it('is refused at the next connection, although it led elsewhere before', async () => {
    // In place of public addresses, which a test cannot have, stands the one that is allowed.
    const receiver = await startReceiver({ answer: answers.status(200, { connection: 'close' }) });
    const found = [['127.0.0.1'], ['127.0.0.2'], ['::1'], ['127.0.0.1'], ['10.0.0.1', '127.0.0.2']];
    const sender = newSender(new AddressRules(['127.0.0.1']), async () => found.shift()!);
    const url = `http://rebound.example.com:${receiver.port}/`;
    const attempts = [];
    while (found.length > 0) attempts.push((await sender.send({ ...event, url })).failure);
    expect(attempts).toEqual([null, refused.failure, refused.failure, null, refused.failure]);
    expect(receiver.connections.made).toBe(2);
    await receiver.stop();
  });

  it('gets what it also leads to that is allowed, and nothing else', async () => {
    const sender = newSender(new AddressRules(['127.0.0.1']), async () => ['::1', '127.0.0.2', '10.0.0.1', '127.0.0.1']);
    expect(await sender.send({ ...event, url: `http://mixed.example.com:${port}/` })).toMatchObject({ status: 200, failure: null });
    expect(connections).toEqual(['127.0.0.1']);
  });
});

describe('a webhook by plain http', () => {
  it('goes to listed networks only, whatever the name', async () => {
    const sender = newSender(new AddressRules(['10.0.0.0/8']), async (name) => [name === 'public.example.com' ? '1.1.1.1' : '127.0.0.1']);
    for (const host of ['public.example.com', 'private.example.com', '1.1.1.1', '[2606:4700::1111]', '127.0.0.1']) {
      expect(await sender.send({ ...event, url: `http://${host}:${port}/` }), host).toMatchObject(refused);
    }
    expect(connections).toEqual([]);
  });
});

describe('a redirect', () => {
  it.each([301, 302, 303, 307, 308])('to a private address is not followed: %i', async (status) => {
    const receiver = await startReceiver({ answer: answers.redirectTo(`http://127.0.0.1:${port}/`, status) });
    expect(await newSender(new AddressRules(['127.0.0.0/8'])).send({ ...event, url: receiver.url })).toMatchObject({ status });
    expect(connections).toEqual([]);
    await receiver.stop();
  });
});

describe('the other end of a connection', () => {
  it('is checked once more when it is there, before anything is sent', async () => {
    class OnlyTheFirstTime extends AddressRules {
      #asked = 0;
      override allows(): boolean {
        return this.#asked++ === 0;
      }
    }
    const receiver = await startReceiver();
    expect(await newSender(new OnlyTheFirstTime([])).send({ ...event, url: receiver.url })).toMatchObject(refused);
    expect([receiver.connections.made, receiver.requests]).toEqual([1, []]);
    await receiver.stop();
  });
});
