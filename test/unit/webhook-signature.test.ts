import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { newWebhookSecret, signedHeaders } from '../../src/events/webhook-signature.js';

const id = 'a1b2:17:2';
const body = '{"type":"account.closed","data":{"text":"Zoë 🎈"}}';
const now = (): number => Math.floor(Date.now() / 1000);

describe('a secret of a webhook', () => {
  it('is 32 random bytes in base64, marked as a secret', () => {
    const secrets = Array.from({ length: 100 }, newWebhookSecret);
    for (const secret of secrets) {
      expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
      expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32);
    }
    expect(new Set(secrets).size).toBe(100);
  });
});

describe('a signature of a webhook', () => {
  const secrets = [newWebhookSecret(), newWebhookSecret()];
  const headers = signedHeaders(secrets, id, now(), body);

  it('has one part for each secret, in their order', () => {
    const [one, other] = secrets.map((secret) => signedHeaders([secret], id, Number(headers['webhook-timestamp']), body));
    expect(headers).toEqual({
      'webhook-id': id,
      'webhook-timestamp': expect.stringMatching(/^\d{10}$/),
      'webhook-signature': `${one!['webhook-signature']} ${other!['webhook-signature']}`,
    });
    expect(headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}= v1,[A-Za-z0-9+/]{43}=$/);
  });

  it('is the one of the specification', () => {
    const example = signedHeaders(
      ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'],
      'msg_p5jXN8AQM9LWM0D4loKWxJek',
      1614265330,
      '{"test": 2432232314}',
    );
    expect(example).toEqual({
      'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      'webhook-timestamp': '1614265330',
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
  });

  it.each(secrets)('is verified by the standardwebhooks package with either secret (%#)', (secret) => {
    expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(body));
  });

  it('is refused with another secret, and for another body, id or time', () => {
    const verify = (secret: string, text: string, changed: object = {}): unknown =>
      new Webhook(secret).verify(text, { ...headers, ...changed });
    const [secret] = secrets as [string];
    expect(() => verify(newWebhookSecret(), body)).toThrow('No matching signature');
    expect(() => verify(secret, body.replace('closed', 'opened'))).toThrow('No matching signature');
    expect(() => verify(secret, `${body} `)).toThrow('No matching signature');
    expect(() => verify(secret, body, { 'webhook-id': `${id}1` })).toThrow('No matching signature');
    expect(() => verify(secret, body, { 'webhook-timestamp': String(Number(headers['webhook-timestamp']) - 1) })).toThrow(
      'No matching signature',
    );
  });

  it('is refused when it is old', () => {
    expect(() => new Webhook(secrets[0]!).verify(body, signedHeaders(secrets, id, now() - 600, body))).toThrow('too old');
  });
});
