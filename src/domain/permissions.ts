import { AppError } from '../errors.js';
import { type Account, type AccountPlace, isRoot } from './account.js';
import { type Actor, type Rank, type SignedIn, rankOf, ranks } from './actor.js';
import type { Sid } from './sid.js';
import { isBelow } from './tree.js';

/** Where the account of an operation is, relative to the caller's. All other accounts are out of the caller's sight. */
type Place = 'self' | 'below';

const anyRank = 'ProvisioningAgent' satisfies Rank;
const developer = 'Developer' satisfies Rank;
const administrator = 'Administrator' satisfies Rank;
const superAdmin = 'SuperAdmin' satisfies Rank;

/**
 * Who may do what (SPEC §2): the lowest rank that may do an operation to its own account, and to the accounts below. Where a place
 * is left out, nobody may. Only this table says which rank may do what.
 */
const requiredRanks = {
  readAccount: { self: anyRank, below: administrator },
  listSubAccounts: { self: administrator, below: administrator },
  updateAccount: { self: anyRank, below: administrator },
  // Covers the type as well: like the role, it is for those above an account to decide.
  changeRole: { below: administrator },
  setAccountStatus: { below: administrator },
  closeAccount: { self: administrator, below: administrator },
  changeEmailAddress: { below: administrator },
  createAccount: { self: administrator, below: administrator },
  migrateAccount: { self: superAdmin, below: superAdmin },
  readAuthToken: { self: anyRank, below: administrator },
  rotateAuthToken: { self: anyRank, below: administrator },
  createPasswordResetToken: { below: administrator },
  resetPassword: { self: 'Anonymous' },
  readHistory: { self: administrator, below: administrator },
  readEvents: { self: administrator, below: administrator },
  /** To see, create, change and delete webhooks. */
  manageWebhooks: { self: administrator, below: administrator },
  /** Of a closed account, what is being removed in other services. */
  readResourceRemoval: { below: administrator },
  retryResourceRemoval: { below: administrator },
  /** The profile that is in effect for the account. */
  readProfile: { self: anyRank, below: administrator },
  /** To read, list, create, update, link and delete any profile. */
  manageProfiles: { self: superAdmin },
  // The subresources, which other services serve (SPEC §6). What the account's status permits is in its life cycle: see account.ts.
  readSubresources: { self: anyRank, below: administrator },
  createSubresources: { self: anyRank, below: administrator },
  changeSubresources: { self: anyRank, below: administrator },
  removeSubresources: { self: anyRank, below: administrator },
  /** The text of SMS and e-mail messages, and what notifications repeat of them. */
  readMessageText: { self: developer, below: administrator },
  removeRecordings: { self: developer, below: administrator },
  /** To have a list include what belongs to the accounts below: `SubAccounts=true`. */
  readSubresourcesOfSubAccounts: { self: administrator, below: administrator },
  /** The organization of the caller's account. */
  readOwnOrganization: { self: administrator },
  /** To read, list, create and close any organization, and to list its accounts. */
  manageOrganizations: { self: superAdmin },
} as const satisfies Record<string, { [place in Place]?: Rank }>;

export type Operation = keyof typeof requiredRanks;
/** All operations of the table. */
export const operations = Object.keys(requiredRanks) as Operation[];

/** The lowest rank that may do the operation anywhere. `@auth(requires: …)` shows it, and checks it before any data is read. */
export function minimumRank(operation: Operation): Rank {
  const needed = Object.values(requiredRanks[operation]).map((rank) => ranks.indexOf(rank));
  return ranks[Math.min(...needed)]!;
}

/** The lowest rank that may do the operation to its own account, and to the accounts below; absent where nobody may. */
export function requiredRanksFor(operation: Operation): { readonly [place in Place]?: Rank } {
  return requiredRanks[operation];
}

/** Whether the caller has the rank or a higher one. */
export function hasRank(actor: Actor, rank: Rank): boolean {
  return ranks.indexOf(actor.rank) >= ranks.indexOf(rank);
}

/** Whether the caller may do the operation to the account. */
export function may(actor: Actor, operation: Operation, account: AccountPlace): boolean {
  // An active root is the Super Admin: nobody switches it off (SPEC §2).
  if ((operation === 'closeAccount' || operation === 'setAccountStatus') && isRoot(account)) return false;
  const place = placeOf(actor, account);
  return place !== undefined && isAllowedAt(actor, operation, place);
}

/** Whether the caller may do the operation to every account below it. */
export function mayOnDescendants(actor: Actor, operation: Operation): boolean {
  return isAllowedAt(actor, operation, 'below');
}

/** Whether the account, as it is now, could do the operation to the accounts below it if it signed in. */
export function couldOnDescendants(account: Pick<Account, 'role' | 'parentSid'>, operation: Operation): boolean {
  const rank = requiredRanksFor(operation).below;
  return rank !== undefined && ranks.indexOf(rankOf(account)) >= ranks.indexOf(rank);
}

function isAllowedAt(actor: Actor, operation: Operation, place: Place): boolean {
  const rank = requiredRanksFor(operation)[place];
  return rank !== undefined && hasRank(actor, rank);
}

const rankNames: Record<Rank, string> = {
  Anonymous: 'whoever asks',
  ProvisioningAgent: 'an account that signed in',
  Developer: 'a Developer or Administrator',
  Administrator: 'an Administrator',
  SuperAdmin: 'the Super Admin',
};

/** What a refusal calls an operation; without an entry, "do this". */
const operationNames: { [operation in Operation]?: string } = {
  listSubAccounts: 'list accounts',
  createAccount: 'create accounts',
  closeAccount: 'close accounts',
  setAccountStatus: 'suspend or activate accounts',
  migrateAccount: 'migrate accounts',
  readHistory: 'read the history',
  readEvents: 'read events',
  manageWebhooks: 'see or change webhooks',
  readMessageText: 'filter or sort by the text of messages',
  removeRecordings: 'remove recordings',
  readSubresourcesOfSubAccounts: 'ask for SubAccounts',
  manageProfiles: 'list or change profiles',
  readOwnOrganization: 'read its organization',
  manageOrganizations: 'list, create or close organizations, or ask for their accounts',
};

/**
 * Holds that the caller has the rank, which needs no data.
 * @throws AppError UNAUTHENTICATED, FORBIDDEN
 */
export function authorizeRank(actor: Actor, rank: Rank, what = 'do this'): void {
  if (hasRank(actor, rank)) return;
  if (actor.rank === 'Anonymous')
    throw new AppError(
      'UNAUTHENTICATED',
      'Sign in by HTTP Basic authentication, with a SID or e-mail address and a password or AuthToken.',
    );
  throw new AppError('FORBIDDEN', `Your role does not permit this. Only ${rankNames[rank]} may ${what}.`);
}

/** @throws AppError UNAUTHENTICATED */
export function assertSignedIn(actor: Actor): asserts actor is SignedIn {
  authorizeRank(actor, anyRank);
}

/** Holds that the caller's rank permits the operation on some account at least. @throws AppError UNAUTHENTICATED, FORBIDDEN */
export function authorize(actor: Actor, operation: Operation): asserts actor is SignedIn {
  authorizeRank(actor, minimumRank(operation), operationNames[operation]);
}

/**
 * Holds that the caller may do the operation to the account. Except for the Super Admin, an account that does not exist and one
 * that is out of sight are refused alike, so that nobody can probe for accounts (SPEC §2).
 * @throws AppError UNAUTHENTICATED, FORBIDDEN, ACCOUNT_NOT_FOUND
 */
export function authorizeOn<Place extends AccountPlace>(
  actor: Actor,
  operation: Operation,
  account: Place | undefined,
): asserts account is Place {
  authorize(actor, operation);
  if (account !== undefined && may(actor, operation, account)) return;
  if (account === undefined && actor.rank === 'SuperAdmin')
    throw new AppError('ACCOUNT_NOT_FOUND', 'There is no such account. Check its SID or e-mail address.');
  if (actor.isOperator) throw new AppError('FORBIDDEN', 'Nobody may do this to that account: it is the root, which is always active.');
  throw new AppError(
    'FORBIDDEN',
    'You may not do this to that account, or there is no such account. Check its SID, or sign in as an administrator above it.',
  );
}

/**
 * The SID of the account's owner, as the caller is shown it: its parent. A caller never sees its own parent (SPEC §2), so it is
 * shown as its own owner, as the root is.
 */
export function ownerSeenBy(actor: SignedIn, account: AccountPlace): Sid {
  return account.sid === actor.account.sid ? account.sid : account.parentSid!;
}

/** The account, if there is one that the caller may read; else null, which does not tell the two cases apart. */
export function ifReadable(actor: Actor, account: Account | undefined): Account | null {
  return account !== undefined && may(actor, 'readAccount', account) ? account : null;
}

/** Whether the caller may know of the organization: administrators know their own, the Super Admin any. */
export function seesOrganization(actor: Actor, sid: Sid): boolean {
  if (hasRank(actor, minimumRank('manageOrganizations'))) return true;
  return actor.rank !== 'Anonymous' && hasRank(actor, minimumRank('readOwnOrganization')) && actor.account.organizationSid === sid;
}

/** Holds that the caller may know of the organization. @throws AppError UNAUTHENTICATED, FORBIDDEN */
export function authorizeOnOrganization(actor: Actor, sid: Sid): asserts actor is SignedIn {
  // Who manages organizations sees every one, so this refuses.
  if (!seesOrganization(actor, sid)) authorize(actor, 'manageOrganizations');
}

function placeOf(actor: Actor, account: AccountPlace): Place | undefined {
  if (actor.rank === 'Anonymous') return undefined;
  if (actor.isOperator) return 'below';
  if (actor.account.sid === account.sid) return 'self';
  return isBelow(account.path, actor.account.path) ? 'below' : undefined;
}
