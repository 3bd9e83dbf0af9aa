import { AppError } from '../errors.js';
import { isDomainName } from './organization.js';
import { type Sid, isSid, parseSid } from './sid.js';
import { assertPrintable, composed, parseWord } from './input.js';
import { type Path, levelOf } from './tree.js';

/** What an account is, commercially (SPEC §2). */
export const AccountType = { FULL: 'Full', TRIAL: 'Trial' } as const;
export type AccountType = (typeof AccountType)[keyof typeof AccountType];

/** Where an account stands in its life cycle (SPEC §2). */
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
  /** Absent for the root only. */
  parentSid: Sid | null;
  /** The top-level account above it, or itself; for the root, the root. Every lock of a tree is taken on this row. */
  topLevelSid: Sid;
  path: Path;
  organizationSid: Sid;
  /** In lower case; unique among accounts that are not closed. */
  emailAddress: string;
  /** 1 to 64 code points, in Unicode's form NFC. */
  friendlyName: string;
  type: AccountType;
  status: AccountStatus;
  /** Since when it has its status; not known of what has had it since before that was kept. */
  statusChangedAt: Date | null;
  /** The account by whose act it has its status; nothing where that is not known, or was the gateway itself. */
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

/** For whom work is done: whose turn it takes, and whose budget pays for it. */
export type Payer = Pick<Account, 'sid' | 'topLevelSid'>;

/**
 * An account as callers name it: by its SID, by its e-mail address, or by a text that may be `either` one, as the paths
 * of the documented API have it (SPEC §4). What is neither names no account.
 */
export type AccountReference = { sid: Sid } | { emailAddress: string } | { either: string };

/** A well-formed SID, or an e-mail address as it is stored: what an account is looked up by. */
export type AccountKey = { sid: Sid } | { emailAddress: string };

/** The key that a reference comes to; nothing for a text that is neither a SID nor an address. @throws AppError BAD_USER_INPUT, INVALID_EMAIL */
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
 * The life cycle (SPEC §2). `mayBecome` lists what a change of status can reach; that a password also makes an
 * uninitialized account active is the business of whoever sets the password.
 */
const lifeCycle: Record<AccountStatus, { capabilities: Capabilities; mayBecome: readonly AccountStatus[] }> = {
  uninitialized: { capabilities: allOff, mayBecome: ['closed'] },
  active: { capabilities: allOn, mayBecome: ['suspended', 'closed'] },
  suspended: { capabilities: allOff, mayBecome: ['active', 'closed'] },
  closed: { capabilities: allOff, mayBecome: [] },
};

export function capabilitiesIn(status: AccountStatus): Capabilities {
  return lifeCycle[status].capabilities;
}

/** The statuses that a cascade to the given one changes; accounts in any other are passed over. */
export function statusesThatMayBecome(status: AccountStatus): AccountStatus[] {
  return Object.values(AccountStatus).filter((from) => lifeCycle[from].mayBecome.includes(status));
}

/**
 * Holds that a change of status may be asked of the account. Asking for the status that it has already is no mistake:
 * the status is then applied to what lies below (seed, "Account Status transitions").
 * @throws AppError ACCOUNT_CLOSED, PASSWORD_RESET_REQUIRED, INVALID_STATUS
 */
export function assertMayBecome(account: Account, status: AccountStatus): void {
  assertOpen(account);
  if (account.status === status || lifeCycle[account.status].mayBecome.includes(status)) return;
  if (status === AccountStatus.ACTIVE) {
    throw new AppError('PASSWORD_RESET_REQUIRED', `Account ${account.sid} becomes active by setting a password.`, {
      field: 'status',
    });
  }
  throw new AppError('INVALID_STATUS', `An account that is ${account.status} cannot become ${status}.`, { field: 'status' });
}

/** @throws AppError ACCOUNT_CLOSED */
export function assertOpen(account: Account): void {
  if (account.status === AccountStatus.CLOSED) {
    throw new AppError('ACCOUNT_CLOSED', `Account ${account.sid} is closed; it cannot be changed any more.`);
  }
}

/**
 * The invariant of the tree: below an account that is not active, nothing is active. The message tells nothing of the
 * parent, which may be out of sight of whoever sets a password with a reset token.
 * @throws AppError PARENT_NOT_ACTIVE
 */
export function assertActiveParent(parent: Account): void {
  if (parent.status !== AccountStatus.ACTIVE) {
    throw new AppError('PARENT_NOT_ACTIVE', 'The account above it is not active; it must be active first.');
  }
}

/** The version that a caller read, or any of several; nothing when it does not matter; `none` when there must be no such account yet. */
export type ExpectedVersion = number | readonly number[] | 'none' | undefined;

/** Refuses a change that was decided on an older reading of the account. @throws AppError VERSION_CONFLICT, PRECONDITION_FAILED */
export function assertVersion(account: Account, expected: ExpectedVersion): void {
  if (expected === 'none') throw alreadyThere(`Account ${account.sid}`);
  if (expected !== undefined && ![expected].flat().includes(account.version)) {
    throw new AppError('VERSION_CONFLICT', `Account ${account.sid} is at version ${account.version} now; read it again.`, {
      field: 'version',
    });
  }
}

/** A change that was only to be made where nothing is yet (SPEC §4). */
export function alreadyThere(what: string): AppError {
  return new AppError('PRECONDITION_FAILED', `${what} is there already; leave If-None-Match out to change it.`, { field: 'ifNoneMatch' });
}

/** What an account cannot have because another one has it. */
export function emailInUse(): AppError {
  return new AppError('EMAIL_IN_USE', 'Another open account has this e-mail address.', { field: 'emailAddress' });
}

/** @throws AppError MAX_LEVELS_EXCEEDED when the tree has no level left below the parent. */
export function assertLevelBelow(parent: Account, maxLevels: number): void {
  if (levelOf(parent.path) >= maxLevels) {
    throw new AppError('MAX_LEVELS_EXCEEDED', `The tree has at most ${maxLevels} levels; ${parent.sid} is on the last one.`);
  }
}

export function isRoot(account: Pick<Account, 'parentSid'>): boolean {
  return account.parentSid === null;
}

export function isTopLevel(account: Account): boolean {
  return !isRoot(account) && account.topLevelSid === account.sid;
}

// SPEC §2: the local part doubles as a SIP login.
// Checked before lower-casing, which turns some letters of other alphabets into these.
const localPart = /^[a-z0-9._%+'-]{1,64}$/i;

function isEmailAddress(text: string): boolean {
  const [local, domain, ...rest] = text.split('@');
  return local !== undefined && domain !== undefined && rest.length === 0 && localPart.test(local) && isDomainName(domain);
}

/** The e-mail address as it is stored: in lower case. @throws AppError INVALID_EMAIL */
export function parseEmailAddress(text: string, field = 'emailAddress'): string {
  if (isEmailAddress(text)) return text.toLowerCase();
  const parts = "An e-mail address is a local part of letters, digits and . _ % + - ' (at most 64), one @, and a domain name.";
  // A form reads + as a space.
  const hint = text.includes(' ') ? ' This one has a space; where that was to be a +, a form or URL has %2B.' : '';
  throw new AppError('INVALID_EMAIL', parts + hint, { field });
}

export const friendlyNameMaxLength = 64;

/** What fonts show nothing for, and `trim` does not know: among them the fillers of Hangul, and the blank pattern of Braille. */
const invisible = /[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu;

/** The friendly name as it is stored: in Unicode's form NFC. @throws AppError FRIENDLY_NAME_TOO_LONG, BAD_USER_INPUT */
export function parseFriendlyName(text: string): string {
  const field = 'friendlyName';
  assertPrintable(text, field);
  const name = composed(text, friendlyNameMaxLength);
  if (name === undefined) {
    throw new AppError('FRIENDLY_NAME_TOO_LONG', `A friendly name has at most ${friendlyNameMaxLength} characters.`, { field });
  }
  if (name.replace(invisible, '').trim() === '') throw new AppError('BAD_USER_INPUT', 'A friendly name must not be blank.', { field });
  return name;
}

/** The friendly name of an account that was given none (SPEC §2). */
export function defaultFriendlyName(emailAddress: string): string {
  return emailAddress.slice(0, friendlyNameMaxLength);
}
