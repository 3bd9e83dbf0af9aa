import { type Account, type AccountReference, alreadyExists, assertOpen, parseAccountReference } from '../domain/account.js';
import type { SignedIn } from '../domain/actor.js';
import type { AuditEvent } from '../domain/history.js';
import {
  type OrganizationReference,
  OrganizationStatus,
  organizationNotFound,
  parseOrganizationReference,
} from '../domain/organization.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import { type Profile, type ProfileSummary, assertNotDefault, digestOf, parseDocument, profileNotFound } from '../domain/profile.js';
import type { Caller } from '../domain/request-context.js';
import { isSid, newSid, type Sid } from '../domain/sid.js';
import type { Repositories } from '../persistence/connection/database.js';
import type { AccountLock } from '../persistence/repositories/lock-repository.js';
import type { LinkedOwnerKind } from '../persistence/repositories/profile-repository.js';
import type { AuditedTransactions, ResultCodec } from './audited-transaction.js';

/** What to link a profile to, as callers name it. */
export type ProfileTarget = { account: AccountReference } | { organization: OrganizationReference };

/** How many of the links that end with a profile are recorded in the history, since each is a row (ADR 38). */
const maxRecordedLinks = 1000;

/** Conditions of a change. */
interface ProfileConditions {
  /** There must be no such profile yet. */
  isNew?: boolean;
}

/** Changing profiles and their links, which only the Super Admin does (SPEC §2). */
export class ProfileService {
  constructor(private readonly transactions: AuditedTransactions) {}

  /** @throws AppError FORBIDDEN, BAD_USER_INPUT, PAYLOAD_TOO_LARGE */
  async create({ actor: author, request }: Caller, document: string): Promise<Profile> {
    authorize(author, 'manageProfiles');
    const checked = parseDocument(document);
    return this.transactions.write(
      author,
      request,
      { operation: 'manageProfiles' },
      async ({ profiles }, { actor, record }) => {
        const profile = await profiles.insert(newSid('profile'), checked);
        record(actor.account.topLevelSid, { operation: 'createProfile', subjectSid: profile.sid, after: digestOf(checked) });
        return profile;
      },
      withoutDocument(checked),
    );
  }

  /** @throws AppError FORBIDDEN, PROFILE_NOT_FOUND, PRECONDITION_FAILED, BAD_USER_INPUT, PAYLOAD_TOO_LARGE */
  async update(
    { actor: author, request }: Caller,
    sid: Sid,
    document: string,
    { isNew = false }: ProfileConditions = {},
  ): Promise<Profile> {
    authorize(author, 'manageProfiles');
    assertNotDefault(sid);
    const checked = parseDocument(document);
    assertProfileSid(sid);
    return this.transactions.write(
      author,
      request,
      { operation: 'manageProfiles' },
      async ({ profiles }, { actor, record }) => {
        const before = (await profiles.lockDocument(sid, 'FOR NO KEY UPDATE')) ?? notFound();
        if (isNew) throw alreadyExists(`Profile ${sid}`);
        record(actor.account.topLevelSid, { operation: 'updateProfile', subjectSid: sid, before, after: digestOf(checked) });
        return (await profiles.update(sid, checked))!;
      },
      withoutDocument(checked),
    );
  }

  /**
   * Deletes the profile and its links. For what was linked to it, the next profile takes effect.
   * @throws AppError FORBIDDEN, PROFILE_NOT_FOUND, PRECONDITION_FAILED
   */
  async delete({ actor: author, request }: Caller, sid: Sid, { isNew = false }: ProfileConditions = {}): Promise<void> {
    authorize(author, 'manageProfiles');
    assertNotDefault(sid);
    assertProfileSid(sid);
    await this.transactions.write(author, request, { operation: 'manageProfiles' }, async ({ profiles }, { actor, record }) => {
      const digest = (await profiles.lockDocument(sid, 'FOR UPDATE')) ?? notFound();
      if (isNew) throw alreadyExists(`Profile ${sid}`);
      const { linked, count } = await profiles.delete(sid, maxRecordedLinks);
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
   * Links the account or organization to the profile. A link to another profile is replaced.
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

  /** Removes the link. If there is none, nothing changes. @throws AppError as `link` */
  async unlink(caller: Caller, sid: Sid, target: ProfileTarget): Promise<ProfileSummary> {
    return this.#onTarget(caller, sid, target, async ({ profiles }, { kind, ownerSid, linked }) => {
      if (linked !== sid) return undefined;
      await profiles.unlink(kind, ownerSid, sid);
      return { operation: 'unlinkProfile', subjectSid: ownerSid, before: { profileSid: sid } };
    });
  }

  /** Locks in the order of all writers: the tree, the organization, the profile. */
  async #onTarget(
    { actor: author, request }: Caller,
    sid: Sid,
    target: ProfileTarget,
    change: (repositories: Repositories, owner: LinkOwner) => Promise<AuditEvent | undefined>,
  ): Promise<ProfileSummary> {
    authorize(author, 'manageProfiles');
    const lock: AccountLock | undefined =
      'account' in target ? { account: parseAccountReference(target.account), scope: 'account' } : undefined;
    return this.transactions.write(
      author,
      request,
      { operation: 'manageProfiles', lock },
      async (repositories, { actor, account, record }) => {
        const owner =
          'account' in target
            ? linkOwnerOf(actor, account)
            : { ...(await lockOrganization(repositories, target.organization)), treeSid: actor.account.topLevelSid };
        assertProfileSid(sid);
        const profile = (await repositories.profiles.share(sid)) ?? notFound();
        const linked = (await repositories.profiles.linksOf([owner.ownerSid])).get(owner.ownerSid);
        const event = await change(repositories, { ...owner, linked });
        if (event !== undefined) record(owner.treeSid, event);
        return profile;
      },
    );
  }
}

/** An account or organization, locked so that its link can be changed. */
interface LinkOwner {
  kind: LinkedOwnerKind;
  ownerSid: Sid;
  /** The profile that it is linked to now. */
  linked: Sid | undefined;
}

function linkOwnerOf(actor: SignedIn, account: Account | undefined) {
  authorizeOn(actor, 'readAccount', account);
  assertOpen(account);
  return { kind: 'account', ownerSid: account.sid, treeSid: account.topLevelSid } as const;
}

/** A closed organization accepts no links, as it accepts no accounts. */
async function lockOrganization({ organizations }: Repositories, reference: OrganizationReference) {
  const key = parseOrganizationReference(reference);
  const organization = key && (await organizations.share(key));
  if (organization?.status !== OrganizationStatus.ACTIVE) throw organizationNotFound('organization');
  return { kind: 'organization', ownerSid: organization.sid } as const;
}

/** A malformed SID is that of no profile. @throws AppError PROFILE_NOT_FOUND */
function assertProfileSid(sid: Sid): void {
  if (!isSid('profile', sid)) throw profileNotFound();
}

/** Stores the result without the document, which can be long: a repeated request brings it again. */
function withoutDocument(document: string): ResultCodec<Profile> {
  return {
    encode: ({ document: _, ...summary }) => summary,
    decode: async (summary: ProfileSummary) => ({ ...summary, document }),
  };
}

function notFound(): never {
  throw profileNotFound();
}
