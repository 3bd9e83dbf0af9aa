import { type Actor, type CurrentCaller, type SignedIn, revalidate } from '../domain/actor.js';
import { type Event, type EventType, type StreamPlace, type StreamScope, everyPart, parseEventId, streamBelow } from '../domain/event.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import { parseSid, type Sid } from '../domain/sid.js';
import { topLevelSidOf } from '../domain/tree.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import { crossRequestLoader } from './cross-request-batching.js';
import { type Stretch, assertOfTree, readStream } from './event-queries.js';
import type { HistoryWatch } from './history-watch.js';

/** Which events a subscriber wants. */
export interface SubscriptionAsked {
  accountSid: Sid;
  /** The ID of the event behind which it begins; without one, only what happens from now on. */
  after?: string | undefined;
  /** The ID of the last event that it has, which counts before `after`. */
  lastEventId?: string | undefined;
  /** All, if absent. */
  types?: readonly EventType[] | undefined;
}

/** A stretch of a stream to be read. */
interface StretchKey {
  /** Names what is read, and for whom. */
  stream: string;
  scope: StreamScope;
  after: StreamPlace;
  types: readonly EventType[] | undefined;
}

/** How a client of Server-Sent Events names the last event that it has. */
const lastEventIdHeader = 'Last-Event-ID';

/** How many events are read ahead of a subscriber. */
const batchSize = 10;

/**
 * Streams of events as they happen (SPEC §7). A stream holds a place in its tree's history, and nothing else: a subscriber who reads slowly
 * makes no queue. Before each event its subscriber is authorized anew.
 *
 * Many streams usually wait for the same: those that read the same stretch in the same turn of the event loop share one read, and their
 * subscribers are looked up by one statement. They share connections as deliveries do (ADR 30): streams do not wait behind those who
 * sign in, nor the other way round.
 */
export class EventSubscriptions {
  readonly #callers = crossRequestLoader<Sid, CurrentCaller>(
    (sids) =>
      this.database.background(async ({ credentials }) => {
        const { found } = await credentials.findForSignIn(sids.map((sid) => ({ key: { sid }, login: sid, address: '' })));
        return found;
      }),
    (sid) => sid,
  );
  readonly #stretches = crossRequestLoader<StretchKey, Stretch>(
    (keys) =>
      this.database.background(({ events }) =>
        Promise.all(keys.map(({ scope, after, types }) => readStream(events, scope, after, types, batchSize))),
      ),
    ({ stream, after }) => `${stream} ${after.position}:${after.part}`,
  );

  constructor(
    private readonly database: Database,
    private readonly watch: HistoryWatch,
  ) {}

  /**
   * The events of an account and everything below it, from the given one on, without end. Ends when the signal is aborted; fails when the
   * subscriber may no longer be told.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, BAD_USER_INPUT; while it runs also UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE, UNAVAILABLE
   */
  async open(
    actor: Actor,
    { accountSid, after, lastEventId, types }: SubscriptionAsked,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Event>> {
    authorize(actor, 'readEvents');
    parseSid('account', accountSid, 'accountSid');
    const first = after === undefined ? undefined : parseEventId(after, 'after');
    const from = lastEventId === undefined ? first : parseEventId(lastEventId, lastEventIdHeader);
    const [account, end] = await this.database.lookUp(actor.account, async ({ accounts, events }) => {
      const found = await accounts.find(accountSid);
      return [found, found && (await events.endOf(topLevelSidOf(found.path)))];
    });
    authorizeOn(actor, 'readEvents', account);
    const scope = streamBelow(account, actor.account);
    if (from !== undefined) {
      assertOfTree(from, scope, end!.alias);
      assertNotAhead(from, end!.position, from === first ? 'after' : lastEventIdHeader);
    }
    return this.#events(actor, scope, from ?? { position: end!.position, part: everyPart }, types, signal);
  }

  async *#events(
    actor: SignedIn,
    scope: StreamScope,
    from: StreamPlace,
    types: readonly EventType[] | undefined,
    signal: AbortSignal,
  ): AsyncGenerator<Event> {
    const stream = JSON.stringify([scope.treeSid, scope.account.sid, scope.receiver.sid, types]);
    const follower = this.watch.follow(scope.treeSid, signal);
    for (let after = from; !signal.aborted;) {
      follower.begin();
      const { found, end, hasMore } = await this.#stretches.load({ stream, scope, after, types });
      for (const { event } of found) {
        await this.#assertAllowed(actor, scope);
        if (signal.aborted) return;
        yield event;
      }
      after = end;
      if (!hasMore) await follower.grown();
    }
  }

  /** @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE, FORBIDDEN */
  async #assertAllowed(actor: SignedIn, { account }: StreamScope): Promise<void> {
    authorizeOn(revalidate(actor, await this.#callers.load(actor.account.sid)), 'readEvents', account);
  }
}

/**
 * Holds that the event has happened. It has not if the database was put back to an earlier state: whoever waited behind it would miss what
 * happens until then. @throws AppError BAD_USER_INPUT
 */
function assertNotAhead({ position }: StreamPlace, end: number, field: string): void {
  if (position <= end) return;
  throw new AppError('BAD_USER_INPUT', `${field} must be the ID of an event that has happened, and this one has not yet.`, { field });
}
