import { type Actor, type SignedIn } from '../domain/actor.js';
import { type Order, type PageArguments, type PageOf, type Position, parsePage } from '../domain/page.js';
import {
  assertSignedIn,
  authorize,
  authorizeOn,
  authorizeOnOrganization,
  hasRank,
  mayOnDescendants,
  minimumRank,
  seesOrganization,
} from '../domain/permissions.js';
import {
  type InEffect,
  type Profile,
  type ProfileOwner,
  type ProfileSummary,
  decidingSourceOf,
  effectiveProfileOf,
  profileNotFound,
  profileSourcesOf,
} from '../domain/profile.js';
import { isSid, type Sid } from '../domain/sid.js';
import type { Database } from '../persistence/connection/database.js';
import type { ProfileReadOptions } from '../persistence/repositories/profile-repository.js';
import { crossRequestLoader } from './cross-request-batching.js';
import { inBatches } from './streamed-list.js';

/** The order of every list of profiles. */
export const profileOrder: Order = { field: 'dateCreated', descending: false };

/** Reading profiles: everyone reads the profile in effect; only the Super Admin reads the others and lists them (SPEC §2). */
export class ProfileQueries {
  /** For each list of sources, a map from source to linked profile. The map may hold other sources too. */
  readonly #links = crossRequestLoader<readonly Sid[], Map<Sid, Sid>>(async (keys) => {
    const linked = await this.database.lookUp(undefined, ({ profiles }) => profiles.linksOf([...new Set(keys.flat())]));
    return keys.map(() => linked);
  });

  constructor(private readonly database: Database) {}

  /** The profile, if there is one that the caller may see. */
  async find(actor: Actor, sid: Sid): Promise<Profile | null> {
    return (await this.findMany(actor, [sid], { withDocument: true }))[0] as Profile | null;
  }

  /** The profile, or the reason why the caller cannot have it. @throws AppError FORBIDDEN, PROFILE_NOT_FOUND */
  async get(actor: Actor, sid: Sid): Promise<Profile> {
    const profile = await this.find(actor, sid);
    if (profile !== null) return profile;
    authorize(actor, 'manageProfiles');
    throw profileNotFound();
  }

  /**
   * Many profiles at once, in the order of the SIDs; null where there is none that the caller may see. The Super Admin sees all
   * profiles, others those in effect for an account or organization that they see.
   */
  async findMany(actor: Actor, sids: readonly Sid[], wanted: ProfileReadOptions): Promise<(ProfileSummary | Profile | null)[]> {
    authorize(actor, 'readProfile');
    const visible = await this.#visible(
      actor,
      sids.filter((sid) => isSid('profile', sid)),
    );
    const found =
      visible.length === 0 ? [] : await this.database.lookUp(actor.account, ({ profiles }) => profiles.findMany(visible, wanted));
    const bySid = new Map(found.map((profile) => [profile.sid, profile]));
    return sids.map((sid) => bySid.get(sid) ?? null);
  }

  async #visible(actor: SignedIn, sids: readonly Sid[]): Promise<readonly Sid[]> {
    if (hasRank(actor, minimumRank('manageProfiles'))) return sids;
    const { account } = actor;
    const organization = { sid: account.organizationSid };
    const linked = await this.#links.load(profileSourcesOf(account));
    const visible = new Set([effectiveProfileOf(account, linked)]);
    if (seesOrganization(actor, organization.sid)) visible.add(effectiveProfileOf(organization, linked));
    const others = sids.filter((sid) => !visible.has(sid));
    if (others.length > 0 && mayOnDescendants(actor, 'readProfile')) {
      for (const sid of await this.database.read(actor.account, ({ profiles }) => profiles.linkedInTree(others, account.path)))
        visible.add(sid);
    }
    return sids.filter((sid) => visible.has(sid));
  }

  /** The SID of the profile in effect for the owner. @throws AppError FORBIDDEN */
  async effectiveSid(actor: Actor, owner: ProfileOwner): Promise<Sid> {
    authorizeOwner(actor, owner);
    return effectiveProfileOf(owner, await this.#links.load(profileSourcesOf(owner)));
  }

  /** The profiles in effect for many owners, in their order, by one statement. @throws AppError FORBIDDEN */
  async effective(
    actor: Actor,
    owners: readonly ProfileOwner[],
    wanted: ProfileReadOptions,
  ): Promise<InEffect<ProfileSummary | Profile>[]> {
    authorize(actor, 'readProfile');
    for (const owner of owners) authorizeOwner(actor, owner);
    const sources = [...new Set(owners.flatMap(profileSourcesOf))];
    const found = await this.database.lookUp(actor.account, ({ profiles }) => profiles.findLinked(sources, wanted));
    const bySid = new Map(found.map(({ sources: _, ...profile }) => [profile.sid, profile]));
    const linked = new Map(found.flatMap(({ sid, sources: linkedTo }) => linkedTo.map((source) => [source, sid])));
    return owners.map((owner) => ({
      ...bySid.get(effectiveProfileOf(owner, linked))!,
      linkedSid: decidingSourceOf(owner, linked) ?? null,
    }));
  }

  /** One page of all profiles. @throws AppError FORBIDDEN, INVALID_PAGE */
  async list(actor: Actor, pageArguments: PageArguments): Promise<PageOf<ProfileSummary>> {
    authorize(actor, 'manageProfiles');
    const page = parsePage(pageArguments, profileOrder);
    return this.database.read(actor.account, ({ profiles }) => profiles.page(page));
  }

  /** All profiles, in batches, each read when it is asked for. @throws AppError FORBIDDEN, UNAVAILABLE */
  async all(actor: Actor): Promise<AsyncIterable<ProfileSummary[]>> {
    assertSignedIn(actor);
    return inBatches(this.database, actor, {
      authorize: (caller) => authorize(caller, 'manageProfiles'),
      read: ({ profiles }, page) => profiles.page(page),
      positionOf: profilePosition,
    });
  }

  /** The number of profiles, which may be stale. @throws AppError FORBIDDEN */
  async count(actor: Actor): Promise<number> {
    authorize(actor, 'manageProfiles');
    return this.database.readStale(actor.account, (reads) => reads.countProfiles());
  }
}

/** The position of a profile in the list of all profiles. */
export function profilePosition({ dateCreated, sid }: ProfileSummary): Position {
  return { key: dateCreated.toISOString(), sid };
}

function authorizeOwner(actor: Actor, owner: ProfileOwner): void {
  if ('path' in owner) authorizeOn(actor, 'readProfile', owner);
  else authorizeOnOrganization(actor, owner.sid);
}
