import { setImmediate } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Attempt } from '../../src/events/webhook-attempt.js';
import type { WebhookSenderOptions } from '../../src/events/webhook-sender.js';
import { version } from '../../src/version.js';
import { certificateFor } from '../support/certificate.js';
import { eventually } from '../support/patience.js';
import { type Answer, answers, startReceiver } from '../support/receiver.js';
import { attemptAt, body, newReceiver, newSender, rawAnswer, secrets, soon, stopAfterEach } from '../support/webhook-sender.js';

stopAfterEach();

describe('a webhook', () => {
  it('is a signed POST of JSON, which either secret verifies', async () => {
    const receiver = await newReceiver({ answer: answers.status(202, {}, 'Thanks.') });
    const attempt = await newSender().send({ url: `${receiver.url}hooks?token=x%20y`, secrets, id: 'a1:17:2', body });
    expect(attempt).toEqual({ status: 202, milliseconds: expect.any(Number), answer: 'Thanks.', failure: null, retryAfterSeconds: null });
    expect(attempt.milliseconds).toSatisfy(Number.isInteger);
    const [request] = receiver.requests;
    expect(request).toEqual({ method: 'POST', path: '/hooks?token=x%20y', body, headers: request!.headers });
    expect(request!.headers).toEqual({
      host: `127.0.0.1:${receiver.port}`,
      connection: 'keep-alive',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      'user-agent': `account-gateway/${version}`,
      'accept-encoding': 'identity',
      'webhook-id': 'a1:17:2',
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': expect.any(String),
    });
    for (const secret of secrets) new Webhook(secret).verify(request!.body, request!.headers as Record<string, string>);
  });

  it('is an error of the program when it is too long', async () => {
    const receiver = await newReceiver();
    const send = (length: number): Promise<Attempt> =>
      newSender().send({ url: receiver.url, secrets, id: 'a1:1', body: 'ë'.repeat(length / 2) });
    await expect(send(20_482)).rejects.toThrow('The event a1:1 has 20482 bytes; a webhook sends at most 20480.');
    expect(await send(20_480)).toMatchObject({ status: 200, failure: null });
    expect(receiver.requests).toHaveLength(1);
  });

  it('goes over the connection of the one before, which is closed when it is idle', async () => {
    const receiver = await newReceiver();
    const sender = newSender();
    for (const id of ['a1:1', 'a1:2', 'a1:3']) {
      await sender.send({ url: receiver.url, secrets, id, body });
      // The connection is free a moment after the answer.
      await setImmediate();
    }
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(['a1:1', 'a1:2', 'a1:3']);
    expect(receiver.connections).toEqual({ made: 1, open: 1 });
    await eventually(() => expect(receiver.connections.open).toBe(0));
  });

  it('goes out at the same time as hundreds of others, to other hosts', async () => {
    const all = 300;
    const waiting: (() => void)[] = [];
    const receiver = await newReceiver({
      // Nobody gets an answer before all have asked.
      answer(response) {
        waiting.push(() => response.end());
        if (waiting.length === all) for (const answer of waiting) answer();
      },
    });
    const sender = newSender({ lookup: async () => ['127.0.0.1'] });
    const attempts = await Promise.all(
      Array.from({ length: all }, (_, number) =>
        sender.send({ url: `http://host-${number}.test:${receiver.port}/`, secrets, id: `a${number}:1`, body }),
      ),
    );
    expect(attempts.filter(({ status }) => status === 200)).toHaveLength(all);
    expect(new Set(receiver.requests.map(({ headers }) => headers.host)).size).toBe(all);
  });

  it('does not wait for a host whose name is never found', async () => {
    const receiver = await newReceiver();
    const sender = newSender({ lookup: (name) => (name === 'slow.test' ? new Promise(() => {}) : Promise.resolve(['127.0.0.1'])) });
    const slow = Array.from({ length: 100 }, () => sender.send({ url: 'http://slow.test/', secrets, id: 'a1:1', body }));
    expect(await sender.send({ url: `http://fast.test:${receiver.port}/`, secrets, id: 'a2:1', body })).toMatchObject({ status: 200 });
    await sender.close();
    for (const attempt of await Promise.all(slow)) expect(attempt).toMatchObject({ status: null, failure: 'The gateway was stopped.' });
    expect(await sender.send({ url: 'http://fast.test/', secrets, id: 'a2:2', body })).toMatchObject({
      failure: 'The gateway was stopped.',
    });
  });
});

describe('an attempt without a status', () => {
  it('says that there was no answer in time', async () => {
    expect(await attemptAt(answers.hang(), soon)).toEqual({
      status: null,
      milliseconds: expect.any(Number),
      answer: '',
      failure: 'No answer within 0.3 seconds.',
      retryAfterSeconds: null,
    });
    const trickle: Answer = ({ socket }) => {
      const timer = setInterval(() => socket!.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 200);
      socket!.once('close', () => clearInterval(timer));
    };
    expect(await attemptAt(trickle, soon)).toMatchObject({ status: null, failure: 'No answer within 0.3 seconds.' });
  });

  it('closes its connection when its time is over', async () => {
    const receiver = await newReceiver({ answer: answers.hang() });
    await newSender(soon).send({ url: receiver.url, secrets, id: 'a1:1', body });
    await eventually(() => expect(receiver.connections).toEqual({ made: 1, open: 0 }));
  });

  it('sends nothing over a connection that is there too late', async () => {
    const receiver = await newReceiver();
    let found!: (addresses: string[]) => void;
    const sender = newSender({ ...soon, lookup: () => new Promise((resolve) => (found = resolve)) });
    const attempt = await sender.send({ url: `http://slow.test:${receiver.port}/`, secrets, id: 'a1:1', body });
    expect(attempt).toMatchObject({ status: null, failure: 'No answer within 0.3 seconds.' });
    found(['127.0.0.1']);
    // The name's next event has a connection of its own.
    const next = newSender({ lookup: async () => ['127.0.0.1'] });
    await next.send({ url: `http://slow.test:${receiver.port}/`, secrets, id: 'a1:2', body });
    await sender.close();
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(['a1:2']);
  });

  it.each<[string, Answer, string]>([
    ['a reset', answers.reset(), 'The connection was closed before there was an answer.'],
    ['a connection that is closed', answers.bytes(''), 'The connection was closed before there was an answer.'],
    ['half a status line', answers.bytes('HTTP/1.1 20'), 'The connection was closed before there was an answer.'],
    ['garbage', answers.bytes('garbage\r\n\r\n'), 'The answer was malformed.'],
    ['binary garbage', answers.bytes(Buffer.from([0x16, 0x03, 0x01, 0, 0xff, 0xfe])), 'The answer was malformed.'],
    ['a status of four digits', rawAnswer('2000 OK'), 'The answer was malformed.'],
    ['an unknown status', rawAnswer('999 Blocked\r\ncontent-length: 0'), 'The answer was malformed.'],
    ['two lengths', rawAnswer('200 OK\r\ncontent-length: 1\r\ncontent-length: 2', 'ab'), 'The answer was malformed.'],
    ['a continuation that nobody asked for', rawAnswer('100 Continue'), 'The answer was malformed.'],
    ['another protocol', rawAnswer('101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket'), 'The answer was malformed.'],
    ['huge headers', rawAnswer(`200 OK\r\nx: ${'x'.repeat(100_000)}`), "The answer's headers are too long."],
    ['many headers', rawAnswer(`200 OK\r\n${'x: y\r\n'.repeat(20_000)}z: z`), "The answer's headers are too long."],
  ])('says what was wrong with %s', async (_what, answer, failure) => {
    expect(await attemptAt(answer)).toMatchObject({ status: null, answer: '', failure });
  });

  it('says that nobody listens', async () => {
    const receiver = await startReceiver();
    await receiver.stop();
    expect(await newSender().send({ url: receiver.url, secrets, id: 'a1:1', body })).toMatchObject({
      status: null,
      failure: 'The connection was refused.',
    });
  });

  it.each([
    ['ENOTFOUND', 'The host name is unknown.'],
    ['ENODATA', 'The host name is unknown.'],
    ['ESERVFAIL', 'The host name could not be looked up.'],
    ['ETIMEOUT', 'The host name could not be looked up.'],
    ['ECONNREFUSED', 'The host name could not be looked up.'],
  ])('says of a name whose look-up ends with %s what that means', async (code, failure) => {
    const lookup = (): Promise<string[]> =>
      Promise.reject(Object.assign(new Error(`queryA ${code} 10.0.0.53`), { code, syscall: 'queryA' }));
    expect(await newSender({ lookup }).send({ url: 'http://receiver.test/', secrets, id: 'a1:1', body })).toMatchObject({
      status: null,
      failure,
    });
  });
});

describe('https', () => {
  const sendTo = async (url: string, options: WebhookSenderOptions): Promise<Attempt> =>
    newSender({ lookup: async () => ['127.0.0.1'], ...options }).send({ url, secrets, id: 'a1:1', body });

  it('reaches a receiver whose certificate is trusted, by address and by name', async () => {
    const certificate = certificateFor(['127.0.0.1', 'receiver.test']);
    const receiver = await newReceiver({ certificate });
    for (const url of [receiver.url, `https://receiver.test:${receiver.port}/`]) {
      expect(await sendTo(url, { ca: certificate.cert })).toMatchObject({ status: 200, failure: null });
    }
    expect(receiver.requests).toHaveLength(2);
  });

  it('refuses a certificate that is not trusted, has run out, or is for another host, and sends nothing', async () => {
    const invalid = { status: null, failure: 'The TLS certificate is not valid.' };
    const good = certificateFor(['127.0.0.1']);
    const old = certificateFor(['127.0.0.1'], 2021);
    const receiver = await newReceiver({ certificate: good });
    const expired = await newReceiver({ certificate: old });
    expect(await sendTo(receiver.url, {})).toMatchObject(invalid);
    expect(await sendTo(receiver.url, { ca: old.cert })).toMatchObject(invalid);
    expect(await sendTo(expired.url, { ca: old.cert })).toMatchObject(invalid);
    expect(await sendTo(`https://other.test:${receiver.port}/`, { ca: good.cert })).toMatchObject(invalid);
    expect([...receiver.requests, ...expired.requests]).toEqual([]);
  });

  it('is not spoken with what speaks plain http', async () => {
    const receiver = await newReceiver();
    expect(await sendTo(receiver.url.replace('http:', 'https:'), {})).toMatchObject({ status: null, failure: 'The TLS handshake failed.' });
    expect(receiver.requests).toEqual([]);
  });
});
