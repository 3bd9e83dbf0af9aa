import type { AccountKey } from '../domain/account.js';
import type { Actor } from '../domain/actor.js';
import {
  type Event,
  EventType,
  type ParsedEventId,
  type StreamEntry,
  type StreamPlace,
  type StreamScope,
  eventOf,
  everyPart,
  parseEventId,
  placeId,
  streamBelow,
  streamStart,
  treeSeenBy,
} from '../domain/event.js';
import { authorize, may } from '../domain/permissions.js';
import { parseSize } from '../domain/page.js';
import { parseSid, type Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import type { EventRepository } from '../persistence/repositories/event-repository.js';

/** Which events of a stream are asked for. */
export interface EventsAsked {
  /** The ID of an event, or the cursor of a page. */
  after?: string | undefined;
  /** All, if absent. */
  types?: readonly EventType[] | undefined;
  first?: number | undefined;
}

/** A page of events. */
export interface EventPage {
  events: Event[];
  /** Where to go on, also if the page is empty; null before the first entry of a chain. */
  endCursor: string | null;
  hasNextPage: boolean;
}

/** How many statements one page takes at most, where a stream has few of the entries of its chain. */
const readsAtMost = 10;

/** How many entries one statement reads at least: not each of them has to be an event that is asked for. */
const entriesAtLeast = 20;

/** Reading the events of an account and of what is below it (SPEC §7). */
export class EventQueries {
  constructor(private readonly database: Database) {}

  /**
   * One page of the stream of an account; null if there is no such account, or the caller may not see it. A page may be short, or empty,
   * though more follow: then nothing was found in as much of the chain as one request reads.
   * @throws AppError FORBIDDEN, BAD_USER_INPUT, INVALID_PAGE
   */
  async page(actor: Actor, accountSid: Sid, { after, types, first }: EventsAsked): Promise<EventPage | null> {
    authorize(actor, 'readEvents');
    const key: AccountKey = { sid: parseSid('account', accountSid, 'accountSid') };
    const size = parseSize(first, 'first');
    const from = after === undefined ? undefined : parseEventId(after, 'after');
    return this.database.read(actor.account, async ({ accounts, events }) => {
      const account = await accounts.findByKey(key);
      if (account === undefined || !may(actor, 'readEvents', account)) return null;
      const scope = streamBelow(account, actor.account);
      const page = await readStream(events, scope, from ?? streamStart, types, size);
      if (from !== undefined) assertOfTree(from, scope, page.alias);
      return {
        events: page.found.map(({ event }) => event),
        endCursor: page.end.position === 0 ? null : placeId(page.tree, page.end),
        hasNextPage: page.hasMore,
      };
    });
  }
}

/** Holds that an event ID is of the stream's tree. The alias of a tree is known to whoever reads its stream; its SID only to some. @throws AppError BAD_USER_INPUT */
export function assertOfTree({ tree }: ParsedEventId, scope: StreamScope, alias: string): void {
  if (tree === alias || tree === treeSeenBy(scope, alias)) return;
  throw new AppError(
    'BAD_USER_INPUT',
    `after must be the ID of an event in the tree of account ${scope.account.sid}. This one is in another tree.`,
    {
      field: 'after',
    },
  );
}

/** An event, and the place in its stream behind it. */
export interface PlacedEvent {
  event: Event;
  place: StreamPlace;
}

/** A stretch of a stream, with how its receiver is told the tree. */
export interface Stretch {
  tree: string;
  alias: string;
  found: PlacedEvent[];
  /** How far it goes: past the last event, and past what is not asked for. */
  end: StreamPlace;
  hasMore: boolean;
}

/** The next events of a stream after a place that are of the types, at most so many, by at most so many statements one after the other. */
export async function readStream(
  repository: EventRepository,
  scope: StreamScope,
  after: StreamPlace,
  types: readonly EventType[] | undefined,
  size: number,
  lastRead = readsAtMost,
): Promise<Stretch> {
  const found: PlacedEvent[] = [];
  let end = after;
  for (let reads = 1; ; reads++) {
    const read = await repository.read(scope, end, Math.max(size - found.length, entriesAtLeast));
    const { alias } = read;
    const tree = treeSeenBy(scope, alias);
    for (const entry of read.entries) {
      const event = eventOf(entry, scope, tree);
      const isAsked = event !== undefined && (types === undefined || types.includes(event.type));
      if (isAsked) found.push({ event, place: placeAfter(entry) });
      if (found.length === size && entry !== read.entries.at(-1)) {
        return { tree, alias, found, end: { position: entry.position, part: entry.part }, hasMore: true };
      }
    }
    end = read.end;
    if (!read.hasMore || found.length === size || reads === lastRead) return { tree, alias, found, end, hasMore: read.hasMore };
  }
}

/** Behind the last part of an entry, nothing of it is left. */
function placeAfter({ position, part, parts }: StreamEntry): StreamPlace {
  return { position, part: part === (parts ?? 1) ? everyPart : part };
}

/** The first event of a stream after a place that is of the types, if there is any up to the position. */
export async function nextEvent(
  repository: EventRepository,
  scope: StreamScope,
  after: StreamPlace,
  until: number,
  types: readonly EventType[] | undefined,
): Promise<PlacedEvent | undefined> {
  for (let place = after; ;) {
    const { found, end, hasMore } = await readStream(repository, scope, place, types, 1);
    if (found.length > 0 || !hasMore || end.position >= until) return found[0];
    place = end;
  }
}
