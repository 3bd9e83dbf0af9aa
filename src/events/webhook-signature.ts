import { createHmac, randomBytes } from 'node:crypto';

/** What secrets begin with, so that whoever finds one knows what it is. */
const prefix = 'whsec_';

/** A new secret, as its receiver is shown it: `whsec_` and 32 random bytes in base64. */
export function newWebhookSecret(): string {
  return prefix + randomBytes(32).toString('base64');
}

/**
 * The headers by which a receiver knows that a request comes from the gateway: Standard Webhooks 1.0. They are signed with each of the
 * secrets, so that a receiver may have any of them.
 * @param seconds when the request is sent, in seconds since 1970: receivers refuse old ones
 */
export function signedHeaders(secrets: readonly string[], id: string, seconds: number, body: string): Record<string, string> {
  const signed = `${id}.${seconds}.${body}`;
  const signatures = secrets.map((secret) => `v1,${createHmac('sha256', keyOf(secret)).update(signed).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': String(seconds), 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.slice(prefix.length), 'base64');
}
