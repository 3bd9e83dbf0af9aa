import { afterEach } from 'vitest';
import { AddressRules } from '../../src/events/address-rules.js';
import type { Attempt } from '../../src/events/webhook-attempt.js';
import { WebhookSender, type WebhookSenderOptions } from '../../src/events/webhook-sender.js';
import { newWebhookSecret } from '../../src/events/webhook-signature.js';
import { patience } from './patience.js';
import { type Answer, type TestReceiver, answers, startReceiver } from './receiver.js';

export const secrets = [newWebhookSecret(), newWebhookSecret()];
export const body = '{"type":"account.closed","data":{"text":"Zoë 🎈"}}';

/** A time limit for what never comes to an end by itself. */
export const soon = { milliseconds: 300 };

/** What is stopped after each test. */
const running: (() => Promise<void>)[] = [];

/** Stops the senders and receivers of each test after it. */
export function stopAfterEach(): void {
  afterEach(async () => {
    await Promise.all(running.splice(0).map((stop) => stop()));
  });
}

/** A sender that may send to loopback addresses, and has all the time of a busy machine. */
export function newSender(options: WebhookSenderOptions = {}): WebhookSender {
  const sender = new WebhookSender(new AddressRules(['127.0.0.0/8']), { milliseconds: patience, ...options });
  running.push(() => sender.close());
  return sender;
}

export async function newReceiver(options: Parameters<typeof startReceiver>[0] = {}): Promise<TestReceiver> {
  const receiver = await startReceiver(options);
  running.push(() => receiver.stop());
  return receiver;
}

/** What comes of an event that is answered so. */
export async function attemptAt(answer: Answer, options: WebhookSenderOptions = {}): Promise<Attempt> {
  const receiver = await newReceiver({ answer });
  return newSender(options).send({ url: receiver.url, secrets, id: 'a1:1', body });
}

/** An answer byte for byte, from its status on. The connection is closed after it. */
export const rawAnswer = (head: string, rest = ''): Answer => answers.bytes(`HTTP/1.1 ${head}\r\n\r\n${rest}`);
