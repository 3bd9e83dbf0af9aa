import { type Account, type AccountReference, alreadyThere, assertOpen, parseAccountReference } from '../domain/account.js';
import { type OrganizationReference, OrganizationStatus, parseOrganizationReference } from '../domain/organization.js';
import { type Order, type PageArguments, type PageOf, type Position, parsePage } from '../domain/page.js';
import type { Actor, SignedIn } from '../domain/actor.js';
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
  type Profile,
  type ProfileOwner,
  type ProfileSummary,
  assertNotDefault,
  digestOf,
  effectiveProfileOf,
  parseDocument,
  profileSourcesOf,
} from '../domain/profile.js';
import type { Caller } from '../domain/request-context.js';
import type { AuditEvent } from '../domain/history.js';
import { isSid, newSid, type Sid } from '../domain/sid.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { Held } from '../persistence/repositories/lock-repository.js';
import type { LinkedKind, Wanted } from '../persistence/repositories/profile-repository.js';
import { inBatches } from './streamed-list.js';
import type { AuditedTransactions, ResultCodec } from './audited-transaction.js';
import { organizationNotFound } from './organization-service.js';
import { crossRequestLoader } from './cross-request-batching.js';

/** The order of every list of profiles. */
export const profileOrder: Order = { field: 'dateCreated', descending: false };

/** What to link a profile to, as callers name it. */
export type ProfileTarget = { account: AccountReference } | { organization: OrganizationReference };

/** In the history of how many of those that were linked to it the end of a profile is told: each is a row (ADR 38). */
const toldAtMost = 1000;
/** What must be so for a change to be made. */
export interface ProfileConditions {
  /** That there is no such profile yet. */
  isNew?: boolean;
}

/** Profiles: everyone reads the one that is in effect; all else only the Super Admin does (SPEC §2). */
export class ProfileService {
  /** By sources, the links of these, among others. */
  readonly #links = crossRequestLoader<readonly Sid[], Map<Sid, Sid>>(async (keys) => {
    const linked = await this.database.lookUp(undefined, ({ profiles }) => profiles.linksOf([...new Set(keys.flat())]));
    return keys.map(() => linked);
  });

  constructor(
    private readonly database: Database,
    private readonly changes: AuditedTransactions,
  ) {}

  /** The profile, if there is one and the caller may see it. */
  async find(actor: Actor, sid: Sid): Promise<Profile | null> {
    return (await this.findMany(actor, [sid], { withDocument: true }))[0] as Profile | null;
  }

  /** The profile, for a caller who is told why not. @throws AppError FORBIDDEN, PROFILE_NOT_FOUND */
  async get(actor: Actor, sid: Sid): Promise<Profile> {
    const profile = await this.find(actor, sid);
    if (profile !== null) return profile;
    authorize(actor, 'manageProfiles');
    throw profileNotFound();
  }

  /**
   * Many profiles at once, in the order of the SIDs; null where there is none that the caller may see: one that is in
   * effect for an account or organization that it sees.
   */
  async findMany(actor: Actor, sids: readonly Sid[], wanted: Wanted): Promise<(ProfileSummary | Profile | null)[]> {
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
    const seen = new Set([effectiveProfileOf(account, linked)]);
    if (seesOrganization(actor, organization.sid)) seen.add(effectiveProfileOf(organization, linked));
    const others = sids.filter((sid) => !seen.has(sid));
    if (others.length > 0 && mayOnDescendants(actor, 'readProfile')) {
      for (const sid of await this.database.read(actor.account, ({ profiles }) => profiles.linkedWithin(others, account.path)))
        seen.add(sid);
    }
    return sids.filter((sid) => seen.has(sid));
  }

  /** The SID of the profile that is in effect for the owner. @throws AppError FORBIDDEN */
  async effectiveSid(actor: Actor, owner: ProfileOwner): Promise<Sid> {
    authorizeOwner(actor, owner);
    return effectiveProfileOf(owner, await this.#links.load(profileSourcesOf(owner)));
  }

  /** The profiles that are in effect for many owners, in their order: one statement for them all. @throws AppError FORBIDDEN */
  async effective(actor: Actor, owners: readonly ProfileOwner[], wanted: Wanted): Promise<(ProfileSummary | Profile)[]> {
    authorize(actor, 'readProfile');
    for (const owner of owners) authorizeOwner(actor, owner);
    const sources = [...new Set(owners.flatMap(profileSourcesOf))];
    const found = await this.database.lookUp(actor.account, ({ profiles }) => profiles.findLinked(sources, wanted));
    const bySid = new Map(found.map(({ sources: _, ...profile }) => [profile.sid, profile]));
    const linked = new Map(found.flatMap(({ sid, sources: linkedTo }) => linkedTo.map((source) => [source, sid])));
    return owners.map((owner) => bySid.get(effectiveProfileOf(owner, linked))!);
  }

  /** One page of all profiles. @throws AppError FORBIDDEN, INVALID_PAGE */
  async list(actor: Actor, pageArguments: PageArguments): Promise<PageOf<ProfileSummary>> {
    authorize(actor, 'manageProfiles');
    const page = parsePage(pageArguments, profileOrder);
    return this.database.read(actor.account, ({ profiles }) => profiles.page(page));
  }

  /** All profiles, in batches that are read as they are asked for. @throws AppError FORBIDDEN, UNAVAILABLE */
  async all(actor: Actor): Promise<AsyncIterable<ProfileSummary[]>> {
    assertSignedIn(actor);
    return inBatches(this.database, actor, {
      authorize: (caller) => authorize(caller, 'manageProfiles'),
      read: ({ profiles }, page) => profiles.page(page),
      positionOf: profilePosition,
    });
  }

  /** How many there are, which may be late. @throws AppError FORBIDDEN */
  async count(actor: Actor): Promise<number> {
    authorize(actor, 'manageProfiles');
    return this.database.readStale(actor.account, (reads) => reads.countProfiles());
  }

  /** @throws AppError FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE */
  async create({ actor: caller, request }: Caller, document: string): Promise<Profile> {
    authorize(caller, 'manageProfiles');
    const checked = parseDocument(document);
    return this.changes.write(
      caller,
      request,
      { operation: 'manageProfiles' },
      async ({ profiles }, { actor, record }) => {
        const profile = await profiles.insert(newSid('profile'), checked);
        record(actor.account.topLevelSid, { operation: 'createProfile', subjectSid: profile.sid, after: digestOf(checked) });
        return profile;
      },
      withDocument(checked),
    );
  }

  /** @throws AppError FORBIDDEN, PROFILE_NOT_FOUND, PRECONDITION_FAILED, BAD_USER_INPUT, PAYLOAD_TOO_LARGE */
  async update(
    { actor: caller, request }: Caller,
    sid: Sid,
    document: string,
    { isNew = false }: ProfileConditions = {},
  ): Promise<Profile> {
    authorize(caller, 'manageProfiles');
    assertNotDefault(sid);
    const checked = parseDocument(document);
    assertProfile(sid);
    return this.changes.write(
      caller,
      request,
      { operation: 'manageProfiles' },
      async ({ profiles }, { actor, record }) => {
        const before = (await profiles.lockDocument(sid, 'FOR NO KEY UPDATE')) ?? notFound();
        if (isNew) throw alreadyThere(`Profile ${sid}`);
        record(actor.account.topLevelSid, { operation: 'updateProfile', subjectSid: sid, before, after: digestOf(checked) });
        return (await profiles.update(sid, checked))!;
      },
      withDocument(checked),
    );
  }

  /** Deletes the profile and its links; what was linked has the next effective one. @throws AppError FORBIDDEN, PROFILE_NOT_FOUND, PRECONDITION_FAILED */
  async delete({ actor: caller, request }: Caller, sid: Sid, { isNew = false }: ProfileConditions = {}): Promise<void> {
    authorize(caller, 'manageProfiles');
    assertNotDefault(sid);
    assertProfile(sid);
    await this.changes.write(caller, request, { operation: 'manageProfiles' }, async ({ profiles }, { actor, record }) => {
      const digest = (await profiles.lockDocument(sid, 'FOR UPDATE')) ?? notFound();
      if (isNew) throw alreadyThere(`Profile ${sid}`);
      const { linked, count } = await profiles.delete(sid, toldAtMost);
      const root = actor.account.topLevelSid;
      for (const owner of linked) {
        record(owner.treeSid ?? root, { operation: 'unlinkProfile', subjectSid: owner.sid, before: { profileSid: sid } });
      }
      const before = { ...digest, linked: linked.map((owner) => owner.sid), linkedCount: count };
      record(root, { operation: 'deleteProfile', subjectSid: sid, before });
      return null;
    });
  }

  /**
   * Links the account or organization to the profile, instead of to any other that it was linked to.
   * @throws AppError FORBIDDEN, PROFILE_NOT_FOUND, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, ORGANIZATION_NOT_FOUND
   */
  async link(caller: Caller, sid: Sid, target: ProfileTarget): Promise<ProfileSummary> {
    return this.#onTarget(caller, sid, target, async ({ profiles }, { kind, ownerSid, linked }) => {
      if (linked === sid) return undefined;
      await profiles.link(kind, ownerSid, sid);
      return {
        operation: 'linkProfile',
        subjectSid: ownerSid,
        before: linked === undefined ? undefined : { profileSid: linked },
        after: { profileSid: sid },
      };
    });
  }

  /** Undoes such a link. Where there is none, nothing changes. @throws AppError as `link` */
  async unlink(caller: Caller, sid: Sid, target: ProfileTarget): Promise<ProfileSummary> {
    return this.#onTarget(caller, sid, target, async ({ profiles }, { kind, ownerSid, linked }) => {
      if (linked !== sid) return undefined;
      await profiles.unlink(kind, ownerSid, sid);
      return { operation: 'unlinkProfile', subjectSid: ownerSid, before: { profileSid: sid } };
    });
  }

  /** The locks come in the order that all writers keep: the tree, the organization, the profile. */
  async #onTarget(
    { actor: caller, request }: Caller,
    sid: Sid,
    target: ProfileTarget,
    change: (repositories: Repositories, owner: LinkOwner) => Promise<AuditEvent | undefined>,
  ): Promise<ProfileSummary> {
    authorize(caller, 'manageProfiles');
    const held: Held | undefined = 'account' in target ? { account: parseAccountReference(target.account), hold: 'account' } : undefined;
    return this.changes.write(caller, request, { operation: 'manageProfiles', held }, async (repositories, { actor, account, record }) => {
      const owner =
        'account' in target
          ? linkOwnerOf(actor, account)
          : { ...(await lockOrganization(repositories, target.organization)), treeSid: actor.account.topLevelSid };
      assertProfile(sid);
      const profile = (await repositories.profiles.share(sid)) ?? notFound();
      const linked = (await repositories.profiles.linksOf([owner.ownerSid])).get(owner.ownerSid);
      const event = await change(repositories, { ...owner, linked });
      if (event !== undefined) record(owner.treeSid, event);
      return profile;
    });
  }
}

/** An account or organization that is locked to change its link. */
interface LinkOwner {
  kind: LinkedKind;
  ownerSid: Sid;
  /** The profile that it is linked to. */
  linked: Sid | undefined;
}

function linkOwnerOf(actor: SignedIn, account: Account | undefined) {
  authorizeOn(actor, 'readAccount', account);
  assertOpen(account);
  return { kind: 'account', ownerSid: account.sid, treeSid: account.topLevelSid } as const;
}

/** A closed organization takes no more links, as it takes no more accounts. */
async function lockOrganization({ organizations }: Repositories, reference: OrganizationReference) {
  const key = parseOrganizationReference(reference);
  const organization = key && (await organizations.share(key));
  if (organization?.status !== OrganizationStatus.ACTIVE) throw organizationNotFound('organization');
  return { kind: 'organization', ownerSid: organization.sid } as const;
}

/** Where in the list of all profiles a profile stands. */
export function profilePosition({ dateCreated, sid }: ProfileSummary): Position {
  return { key: dateCreated.toISOString(), sid };
}

function authorizeOwner(actor: Actor, owner: ProfileOwner): void {
  if ('path' in owner) authorizeOn(actor, 'readProfile', owner);
  else authorizeOnOrganization(actor, owner.sid);
}

function profileNotFound(): AppError {
  return new AppError('PROFILE_NOT_FOUND', 'There is no such profile.', { field: 'sid' });
}

/** What is malformed names no profile. @throws AppError PROFILE_NOT_FOUND */
function assertProfile(sid: Sid): void {
  if (!isSid('profile', sid)) throw profileNotFound();
}

/** A document need not be kept with the result: a request that is repeated has it again. */
function withDocument(document: string): ResultCodec<Profile> {
  return {
    encode: ({ document: _, ...summary }) => summary,
    decode: async (summary: ProfileSummary) => ({ ...summary, document }),
  };
}

function notFound(): never {
  throw profileNotFound();
}
