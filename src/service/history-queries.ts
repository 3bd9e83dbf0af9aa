import type { AccountPlace } from '../domain/account.js';
import type { HistoryEntry, HistoryScope } from '../domain/history.js';
import type { Organization } from '../domain/organization.js';
import type { Page, PageOf, Position } from '../domain/page.js';
import type { Actor, SignedIn } from '../domain/actor.js';
import { authorize, authorizeOn, authorizeOnOrganization } from '../domain/permissions.js';
import type { Sid } from '../domain/sid.js';
import { isBelow, levelOf, sidsAlong, topLevelSidOf } from '../domain/tree.js';
import type { Database } from '../persistence/connection/database.js';
import type { HistoryKey, ListedEntry } from '../persistence/repositories/history-repository.js';

/** Whose history to read. */
export type HistoryOwner = AccountPlace | Pick<Organization, 'sid'>;

/** An entry as a caller is shown it, who must not learn of accounts out of sight. */
export interface VisibleEntry extends HistoryEntry {
  /** The account that did it; null if that is out of sight, or was the gateway itself or its operator. */
  visibleActorSid: Sid | null;
  /** The request that it was done for; null if the account that did it is out of sight. */
  visibleRequestId: string | null;
}

/** Reading the history (SPEC §7): what was done to an account or organization, and by whom. */
export class HistoryQueries {
  constructor(private readonly database: Database) {}

  /** The page of each owner's entries: one statement for them all. @throws AppError FORBIDDEN */
  async pages(actor: Actor, owners: readonly HistoryOwner[], scope: HistoryScope, page: Page): Promise<PageOf<VisibleEntry>[]> {
    authorize(actor, 'readHistory');
    const keys = owners.map((owner) => keyOf(actor, owner));
    const pages = await this.database.read(actor.account, ({ history }) => history.pages(keys, scope, page));
    return pages.map((read) => ({ ...read, rows: read.rows.map((entry) => visibleTo(actor, entry)) }));
  }

  /** The length of each owner's list of entries: one statement for them all. @throws AppError FORBIDDEN */
  async counts(actor: Actor, owners: readonly HistoryOwner[], scope: HistoryScope): Promise<number[]> {
    authorize(actor, 'readHistory');
    const keys = owners.map((owner) => keyOf(actor, owner));
    return this.database.read(actor.account, ({ history }) => history.counts(keys, scope));
  }
}

/** Cascades from accounts above are part of an account's history, as far up as the caller sees. */
function keyOf(actor: SignedIn, owner: HistoryOwner): HistoryKey {
  if ('path' in owner) {
    authorizeOn(actor, 'readHistory', owner);
    const aboveSids = sidsAlong(owner.path).slice(levelOf(actor.account.path) - 1, -1);
    return { treeSid: topLevelSidOf(owner.path), sid: owner.sid, path: owner.path, aboveSids };
  }
  authorizeOnOrganization(actor, owner.sid);
  // Organizations and profiles are in the chain of the root. Every path begins with the root.
  const [root] = sidsAlong(actor.account.path);
  return { treeSid: root!, sid: owner.sid, path: null, aboveSids: [] };
}

function visibleTo({ account }: SignedIn, { actorPath, ...entry }: ListedEntry): VisibleEntry {
  const isInSight = actorPath !== null && (actorPath === account.path || isBelow(actorPath, account.path));
  return {
    ...entry,
    visibleActorSid: isInSight ? entry.actorSid : null,
    visibleRequestId: isInSight || entry.actorSid === null ? entry.requestId : null,
  };
}

/** The position of an entry in a list. */
export function historyPosition({ position, subjectSid }: HistoryEntry): Position {
  return { key: String(position), sid: subjectSid };
}
