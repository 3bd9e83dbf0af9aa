import { AppError } from '../errors.js';
import { isDomainName } from './organization.js';
import { type Sid, isSid, parseSid } from './sid.js';
import { assertPrintable, composed, lengthOf, parseWord } from './input.js';
import { type Path, levelOf } from './tree.js';

/** Whether the account is a paying customer's or on trial (SPEC §2). */
export const AccountType = { FULL: 'Full', TRIAL: 'Trial' } as const;
export type AccountType = (typeof AccountType)[keyof typeof AccountType];

/** The states of an account's life cycle (SPEC §2). */
export const AccountStatus = {
  UNINITIALIZED: 'uninitialized',
  ACTIVE: 'active',
  SUSPENDED: 'suspended',
  CLOSED: 'closed',
} as const;
export type AccountStatus = (typeof AccountStatus)[keyof typeof AccountStatus];

/** What the credentials of an account permit (seed, "Role"); permissions.ts has the table. */
export const Role = {
  ADMINISTRATOR: 'Administrator',
  DEVELOPER: 'Developer',
  PROVISIONING_AGENT: 'ProvisioningAgent',
} as const;
export type Role = (typeof Role)[keyof typeof Role];

/** A status by its name, in any case (SPEC §4). @throws AppError INVALID_STATUS */
export function parseStatus(text: string): AccountStatus {
  return parseWord(text, Object.values(AccountStatus), 'INVALID_STATUS', 'status');
}

/** A role by its name, in any case (SPEC §4). @throws AppError INVALID_ROLE */
export function parseRole(text: string): Role {
  return parseWord(text, Object.values(Role), 'INVALID_ROLE', 'role');
}

/** An account of the provider's tree (SPEC §2; seed, "Resource Properties"). */
export interface Account {
  sid: Sid;
  /** Null for the root only. */
  parentSid: Sid | null;
  /** The top-level account above it, or itself; for the root, the root. It names the tree that changes lock. */
  topLevelSid: Sid;
  path: Path;
  organizationSid: Sid;
  /** In lower case; unique among accounts that are not closed. */
  emailAddress: string;
  /** 1 to 64 code points, in Unicode's form NFC. */
  friendlyName: string;
  type: AccountType;
  status: AccountStatus;
  /** When it got its status; null where that was before this was recorded. */
  statusChangedAt: Date | null;
  /** The account that gave it its status; null where that is unknown, or was the gateway itself or its operator. */
  statusChangedBy: Sid | null;
  role: Role;
  dateCreated: Date;
  dateUpdated: Date;
  /** Grows by one with each change. */
  version: number;
}

/** Where an account stands in the tree. Permissions and the lists below it depend on nothing else. */
export type AccountPlace = Pick<Account, 'sid' | 'path' | 'parentSid'>;

/** How many accounts with one status a change of a tree reaches. */
export interface StatusCount {
  status: AccountStatus;
  count: number;
}

/** The account that work is done for: it is queued as that account's, and charged to its budget. */
export type Payer = Pick<Account, 'sid' | 'topLevelSid'>;

/**
 * How callers name an account: by its SID, by its e-mail address, or by a text that may be `either`, as in the paths of the
 * documented API (SPEC §4). A text that is neither names no account.
 */
export type AccountReference = { sid: Sid } | { emailAddress: string } | { either: string };

/** What an account is looked up by: a well-formed SID, or an e-mail address as it is stored. */
export type AccountKey = { sid: Sid } | { emailAddress: string };

/**
 * The key that a reference stands for; undefined for a text that is neither a SID nor an address.
 * @throws AppError BAD_USER_INPUT, INVALID_EMAIL
 */
export function parseAccountReference(by: AccountReference, field?: string): AccountKey | undefined {
  if ('sid' in by) return { sid: parseSid('account', by.sid, field ?? 'sid') };
  if ('emailAddress' in by) return { emailAddress: parseEmailAddress(by.emailAddress, field) };
  if (isSid('account', by.either)) return { sid: by.either };
  return isEmailAddress(by.either) ? { emailAddress: by.either.toLowerCase() } : undefined;
}

/** Whether two keys are the same. */
export function isSameKey(one: AccountKey, other: AccountKey): boolean {
  return 'sid' in one ? 'sid' in other && one.sid === other.sid : 'emailAddress' in other && one.emailAddress === other.emailAddress;
}

/** What the gateway lets an account do right now (SPEC §2, "Life cycle"). */
export interface Capabilities {
  restApi: boolean;
  voiceAndSms: boolean;
  clientRegistration: boolean;
}

const allOn: Capabilities = { restApi: true, voiceAndSms: true, clientRegistration: true };
const allOff: Capabilities = { restApi: false, voiceAndSms: false, clientRegistration: false };

/**
 * The life cycle (SPEC §2). `mayBecome` lists the statuses that a change of status can set. One transition is not listed: setting a
 * password makes an uninitialized account active. `subresources` is what can be done to its subresources (SPEC §6).
 */
const lifeCycle: Record<
  AccountStatus,
  { capabilities: Capabilities; mayBecome: readonly AccountStatus[]; subresources: 'all' | 'read' | 'none' }
> = {
  uninitialized: { capabilities: allOff, mayBecome: ['closed'], subresources: 'read' },
  active: { capabilities: allOn, mayBecome: ['suspended', 'closed'], subresources: 'all' },
  suspended: { capabilities: allOff, mayBecome: ['active', 'closed'], subresources: 'read' },
  closed: { capabilities: allOff, mayBecome: [], subresources: 'none' },
};

/**
 * Holds that the account's subresources may be used so (SPEC §6): those of an account that is not active can only be read, and those
 * of a closed one are gone.
 * @throws AppError NOT_FOUND, ACCOUNT_NOT_ACTIVE
 */
export function assertSubresources({ sid, status }: Account, use: 'read' | 'change'): void {
  const { subresources } = lifeCycle[status];
  if (subresources === 'none') throw new AppError('NOT_FOUND', `Account ${sid} is closed, and its resources have been removed.`);
  if (subresources === 'all' || use === 'read') return;
  throw new AppError('ACCOUNT_NOT_ACTIVE', `Account ${sid} is ${status}. Its resources can be read, but not changed.`);
}

/** The capabilities of an account with the status. */
export function capabilitiesIn(status: AccountStatus): Capabilities {
  return lifeCycle[status].capabilities;
}

/** The statuses that a cascade changes to the given one. It skips accounts with any other status. */
export function statusesThatMayBecome(status: AccountStatus): AccountStatus[] {
  return Object.values(AccountStatus).filter((from) => lifeCycle[from].mayBecome.includes(status));
}

/**
 * Holds that the account may be given the status. The status that it already has is allowed: it is then applied to the accounts
 * below (seed, "Account Status transitions").
 * @throws AppError ACCOUNT_CLOSED, PASSWORD_RESET_REQUIRED, INVALID_STATUS
 */
export function assertMayBecome(account: Account, status: AccountStatus): void {
  assertOpen(account);
  if (account.status === status || lifeCycle[account.status].mayBecome.includes(status)) return;
  if (status === AccountStatus.ACTIVE) {
    throw new AppError('PASSWORD_RESET_REQUIRED', `Account ${account.sid} has no password yet. Setting one makes it active.`, {
      field: 'status',
    });
  }
  throw new AppError('INVALID_STATUS', `An account that is ${account.status} cannot become ${status}.`, { field: 'status' });
}

/** @throws AppError ACCOUNT_CLOSED */
export function assertOpen(account: Account): void {
  if (account.status === AccountStatus.CLOSED) {
    throw new AppError('ACCOUNT_CLOSED', `Account ${account.sid} is closed for good, and can no longer be changed.`);
  }
}

/**
 * The invariant of the tree: below an account that is not active, no account is active. The message says nothing else about the
 * parent, since whoever sets a password with a reset token may not be allowed to see it.
 * @throws AppError PARENT_NOT_ACTIVE
 */
export function assertActiveParent(parent: Account): void {
  if (parent.status !== AccountStatus.ACTIVE) {
    throw new AppError(
      'PARENT_NOT_ACTIVE',
      'The account above this one is not active, and nothing below it can be. Activate that one first.',
    );
  }
}

/** The version that a change requires, or several of which any will do. Undefined: any version. `none`: it must not exist yet. */
export type ExpectedVersion = number | readonly number[] | 'none' | undefined;

/** Refuses a change that is based on an outdated version of its subject. @throws AppError VERSION_CONFLICT, PRECONDITION_FAILED */
export function assertVersion({ sid, version }: Pick<Account, 'sid' | 'version'>, expected: ExpectedVersion, what = 'Account'): void {
  if (expected === 'none') throw alreadyExists(`${what} ${sid}`);
  if (expected !== undefined && ![expected].flat().includes(version)) {
    throw new AppError('VERSION_CONFLICT', `${what} ${sid} is at version ${version} now. Read it again, then make your change.`, {
      field: 'version',
    });
  }
}

/** The change was only to be made if nothing exists yet (SPEC §4). */
export function alreadyExists(what: string): AppError {
  return new AppError('PRECONDITION_FAILED', `${what} already exists. To change it, leave out If-None-Match.`, { field: 'ifNoneMatch' });
}

/** Another account has the e-mail address. */
export function emailInUse(): AppError {
  return new AppError('EMAIL_IN_USE', 'Another open account has this e-mail address. Choose another address.', { field: 'emailAddress' });
}

/** Holds that an account can be created below the parent. @throws AppError MAX_LEVELS_EXCEEDED */
export function assertLevelBelow(parent: Account, maxLevels: number): void {
  if (levelOf(parent.path) >= maxLevels) {
    throw new AppError(
      'MAX_LEVELS_EXCEEDED',
      `The tree has at most ${maxLevels} levels, and account ${parent.sid} is on the last one. Create the account further up.`,
    );
  }
}

/** Whether the account is the one without a parent. */
export function isRoot(account: Pick<Account, 'parentSid'>): boolean {
  return account.parentSid === null;
}

/** Whether the account is directly below the root. */
export function isTopLevel(account: Account): boolean {
  return !isRoot(account) && account.topLevelSid === account.sid;
}

// SPEC §2: the local part doubles as a SIP login.
// Checked before lower-casing, because that turns some letters of other alphabets into these, such as the Kelvin sign into k.
const localPart = /^[a-z0-9._%+'-]{1,64}$/i;

function isEmailAddress(text: string): boolean {
  const [local, domain, ...rest] = text.split('@');
  return local !== undefined && domain !== undefined && rest.length === 0 && localPart.test(local) && isDomainName(domain);
}

/** The e-mail address as it is stored: in lower case. @throws AppError INVALID_EMAIL */
export function parseEmailAddress(text: string, field = 'emailAddress'): string {
  if (isEmailAddress(text)) return text.toLowerCase();
  const parts = "An e-mail address has at most 64 letters, digits and . _ % + - ' before the @, and a domain name after it.";
  // Forms and URLs decode + as a space.
  const hint = text.includes(' ') ? ' This one contains a space. In a form or URL, send + as %2B.' : '';
  throw new AppError('INVALID_EMAIL', parts + hint, { field });
}

/** In Unicode code points. */
export const friendlyNameMaxLength = 64;

/** Characters that show nothing but that `trim` keeps, among them the fillers of Hangul and the blank pattern of Braille. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The friendly name as it is stored: in Unicode's form NFC. @throws AppError FRIENDLY_NAME_TOO_LONG, BAD_USER_INPUT */
export function parseFriendlyName(text: string): string {
  const field = 'friendlyName';
  assertPrintable(text, field);
  const name = composed(text, friendlyNameMaxLength);
  if (name === undefined) {
    throw new AppError(
      'FRIENDLY_NAME_TOO_LONG',
      `${field} must have at most ${friendlyNameMaxLength} characters; it has ${lengthOf(text)}.`,
      { field },
    );
  }
  if (name.replace(invisible, '').trim() === '')
    throw new AppError('BAD_USER_INPUT', `${field} must not be blank. Leave it out instead.`, { field });
  return name;
}

/** The friendly name of an account that is created without one (SPEC §2). */
export function defaultFriendlyName(emailAddress: string): string {
  return emailAddress.slice(0, friendlyNameMaxLength);
}
