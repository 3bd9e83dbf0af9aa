import { createHmac } from 'node:crypto';
import type { Account } from '../domain/account.js';
import type { SignedIn } from '../domain/actor.js';

/** Who asks for what, as an upstream is told. */
interface Identity {
  actor: SignedIn;
  /** The account that the path names. */
  account: Account;
  requestId: string;
}

/**
 * The headers that tell an upstream who asks (SPEC §6). No client can set them, because nothing of what it sends under these names
 * is passed on. In the order in which they are signed.
 */
export function identityHeaders({ actor, account, requestId }: Identity): Record<string, string> {
  return {
    'x-account-sid': account.sid,
    'x-organization-sid': account.organizationSid,
    'x-actor-sid': actor.account.sid,
    'x-actor-role': actor.rank,
    'x-request-id': requestId,
  };
}

/**
 * The value of `X-Gateway-Signature`: the time, and a keyed hash of the time, the method, the path with its query and the values
 * of the identity headers, one a line. None of them can contain a line break.
 */
export function signatureOf(secret: string, seconds: number, method: string, path: string, identity: Record<string, string>): string {
  const signed = [String(seconds), method, path, ...Object.values(identity)].join('\n');
  return `t=${seconds},v1=${createHmac('sha256', secret).update(signed).digest('hex')}`;
}
