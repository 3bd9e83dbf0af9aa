import type { IdempotentRequest } from './idempotency.js';
import type { Actor } from './actor.js';
import type { Slot } from './slot.js';

/** The request that a change is made for. The history and the limits need it, beside who asks. */
export interface RequestContext {
  /** The request's id, as in the log and the header `X-Request-Id`. */
  readonly requestId: string;
  /** The client's IP address. */
  readonly address: string;
  /** Given up while the request waits to hash a password, and while it hashes. Absent where no slots are counted. */
  readonly slot: Slot | undefined;
  /** Present when the client sent an idempotency key. */
  readonly idempotent?: IdempotentRequest | undefined;
}

/** Who asks for something that changes or is recorded, and in which request. Use cases that only read take the actor alone. */
export interface Caller {
  readonly actor: Actor;
  readonly request: RequestContext;
}

/** The request without its idempotency key: for steps that change nothing and so must not use the key up. */
export function withoutIdempotencyKey(request: RequestContext): RequestContext {
  return { ...request, idempotent: undefined };
}
