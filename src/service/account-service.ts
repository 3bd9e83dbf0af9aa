import {
  type Account,
  type AccountReference,
  AccountStatus,
  AccountType,
  type ExpectedVersion,
  type Role,
  assertActiveParent,
  assertLevelBelow,
  assertMayBecome,
  assertOpen,
  assertVersion,
  defaultFriendlyName,
  type StatusCount,
  emailInUse,
  isRoot,
  parseAccountReference,
  parseEmailAddress,
  parseFriendlyName,
  statusesThatMayBecome,
} from '../domain/account.js';
import type { Actor } from '../domain/actor.js';
import { assertStrongPassword } from '../domain/password-policy.js';
import { type Operation, authorize, authorizeOn } from '../domain/permissions.js';
import { type AuditEvent, differences, snapshotOf } from '../domain/history.js';
import { type OrganizationKey, type OrganizationReference, parseOrganizationReference } from '../domain/organization.js';
import { type Caller, withoutIdempotencyKey } from '../domain/request-context.js';
import { newSid, type Sid } from '../domain/sid.js';
import { pathBelow, topLevelSidOf } from '../domain/tree.js';
import { AppError } from '../errors.js';
import type { OwnChanges } from '../persistence/repositories/account-repository.js';
import type { Repositories } from '../persistence/connection/database.js';
import type { Held } from '../persistence/repositories/lock-repository.js';
import type { Change, AuditedTransactions, Intent, Seen } from './audited-transaction.js';
import type { CredentialService, PreparedPassword } from './credential-service.js';
import type { EmailConflicts } from './email-conflicts.js';

/** What a new account is made from. */
export interface NewAccount {
  /** The caller, unless said otherwise. */
  parent?: AccountReference | undefined;
  emailAddress: string;
  password?: string | undefined;
  friendlyName?: string | undefined;
  type?: AccountType | undefined;
  /** Active with a password, uninitialized without one, unless said otherwise. */
  status?: AccountStatus | undefined;
  /** The creator's, unless said otherwise. */
  role?: Role | undefined;
  /** The parent's, unless the Super Admin says otherwise for a top-level account. */
  organization?: OrganizationReference | undefined;
}

/** What can be changed of an account; what is absent stays. */
export interface AccountChanges {
  friendlyName?: string | undefined;
  password?: string | undefined;
  type?: AccountType | undefined;
  role?: Role | undefined;
  emailAddress?: string | undefined;
  /** One that differs from the account's own reaches everything below it too, after its other changes. */
  status?: AccountStatus | undefined;
  /** The version that the caller read; a newer one refuses the change. */
  version?: ExpectedVersion;
}

export interface CascadeOptions {
  /** Says what the change would reach, and changes nothing. */
  dryRun?: boolean | undefined;
  version?: ExpectedVersion;
}

/** What a change of a whole tree reached, or in a dry run would reach. */
export interface Cascade {
  /** As it is after the change; in a dry run, as it is. */
  account: Account;
  /** The accounts changed, itself included, by the status that they had. */
  reached: StatusCount[];
  dryRun: boolean;
}

/** Changes of accounts (SPEC §2). Each use case locks, authorizes, checks, changes. */
export class AccountService {
  constructor(
    private readonly changes: AuditedTransactions,
    private readonly credentials: CredentialService,
    private readonly emailConflicts: EmailConflicts,
    private readonly maxLevels: number,
  ) {}

  /**
   * Creates an account below the parent.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, PARENT_NOT_ACTIVE, MAX_LEVELS_EXCEEDED, ORGANIZATION_NOT_FOUND,
   * NOT_TOP_LEVEL, EMAIL_IN_USE, RATE_LIMITED, and what its inputs can be wrong by
   */
  async create({ actor: caller, request }: Caller, input: NewAccount): Promise<Account> {
    authorize(caller, 'createAccount');
    const intent: Intent = {
      operation: 'createAccount',
      held: { account: parseAccountReference(input.parent ?? caller.account, 'parentSid'), hold: 'place' },
    };
    const emailAddress = parseEmailAddress(input.emailAddress);
    const friendlyName = input.friendlyName === undefined ? defaultFriendlyName(emailAddress) : parseFriendlyName(input.friendlyName);
    const named = input.organization && parseOrganizationReference(input.organization, 'organization');
    const status = input.status ?? (input.password === undefined ? AccountStatus.UNINITIALIZED : AccountStatus.ACTIVE);
    if (input.password === undefined && status !== AccountStatus.UNINITIALIZED) {
      throw new AppError('MISSING_PARAMETER', `An account that is ${status} from the start needs a password.`, { field: 'password' });
    }
    if (input.password !== undefined) assertStrongPassword(input.password, emailAddress);
    /** What may be refused, both before the password is hashed and under the locks. */
    const admit = async (repositories: Repositories, { actor, account: parent }: Seen, isLocking = false) => {
      authorizeOn(actor, 'createAccount', parent);
      assertActiveParent(parent);
      assertLevelBelow(parent, this.maxLevels);
      await this.emailConflicts.assertFew(repositories, actor);
      return { parent, organizationSid: await organizationOf(repositories.organizations, actor, parent, named, isLocking) };
    };

    return this.emailConflicts.limited(caller, request, emailAddress, async () => {
      let password: PreparedPassword | undefined;
      if (input.password !== undefined) {
        const before = await this.changes.beforehand<Account>(caller, request, intent, async (repositories, seen) => {
          await admit(repositories, seen);
          if (input.status !== AccountStatus.CLOSED) await assertFree(repositories, emailAddress);
        });
        if (before !== undefined) return before.result;
        password = await this.credentials.preparePassword(input.password, emailAddress, caller.account);
      }

      return this.changes.write(caller, request, intent, async (repositories, change) => {
        const { parent, organizationSid } = await admit(repositories, change, true);
        const { actor, record } = change;
        const sid = newSid('account');
        const path = pathBelow(parent.path, sid);
        const account = await repositories.accounts.insert({
          sid,
          parentSid: parent.sid,
          topLevelSid: topLevelSidOf(path),
          path,
          organizationSid,
          emailAddress,
          friendlyName,
          type: input.type ?? AccountType.FULL,
          status,
          statusChangedBy: actor.account.sid,
          role: input.role ?? actor.account.role,
        });
        if (password !== undefined && status !== AccountStatus.CLOSED) await this.credentials.initialize(repositories, sid, password);
        record(account.topLevelSid, { operation: 'createAccount', subjectSid: sid, after: snapshotOf(account) });
        return account;
      });
    });
  }

  /**
   * Changes one account, and by its status everything below it. A password makes a new AuthToken, and makes an
   * uninitialized account active; another e-mail address ends the reset tokens that are outstanding. A value that the account has
   * already is no change, whoever asks for it (SPEC §2).
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT, PARENT_NOT_ACTIVE, EMAIL_IN_USE, RATE_LIMITED,
   * what a change of status can be refused by, and what its inputs can be wrong by
   */
  async update(
    { actor: caller, request }: Caller,
    target: AccountReference,
    { version, password: newPassword, status, type, role, friendlyName, emailAddress }: AccountChanges,
  ): Promise<Account> {
    authorize(caller, 'updateAccount');
    const key = parseAccountReference(target);
    const asked = defined({
      friendlyName: friendlyName === undefined ? undefined : parseFriendlyName(friendlyName),
      type,
      role,
      emailAddress: emailAddress === undefined ? undefined : parseEmailAddress(emailAddress),
      status,
    });
    // Who it is, and what it may do: nobody goes on with what they were.
    const isOfStanding = [newPassword, status, role, emailAddress].some((given) => given !== undefined);
    const intent: Intent = { operation: 'updateAccount', held: { account: key, hold: isOfStanding ? 'tree' : 'account' } };
    /** What may be refused, both before the password is hashed and under the locks; and what is left to be changed. */
    const admit = async (repositories: Repositories, { actor, account }: Seen) => {
      authorizeOn(actor, 'updateAccount', account);
      // A value that stays the same is no change (SPEC §2).
      const { status: becomes, ...changes } = differing(asked, account);
      for (const operation of operationsOf(changes, becomes)) authorizeOn(actor, operation, account);
      assertVersion(account, version);
      const isUnchanged = newPassword === undefined && Object.keys(changes).length === 0;
      // To ask for nothing is no change, of a closed account either (SPEC §4).
      if (!isUnchanged || becomes !== undefined) assertOpen(account);
      if (changes.emailAddress !== undefined) await this.emailConflicts.assertFew(repositories, actor);
      return { account, changes, becomes, isUnchanged };
    };

    const update = async (): Promise<Account> => {
      let password: PreparedPassword | undefined;
      if (newPassword !== undefined) {
        let found: Account;
        let address: string;
        const before = await this.changes.beforehand<Account>(caller, request, intent, async (repositories, seen) => {
          const { account, changes } = await admit(repositories, seen);
          found = account;
          address = changes.emailAddress ?? account.emailAddress;
          if (changes.emailAddress !== undefined) await assertFree(repositories, changes.emailAddress);
        });
        if (before !== undefined) return before.result;
        password = await this.credentials.preparePassword(newPassword, address!, caller.account, found!);
      }

      return this.changes.write(caller, request, intent, async (repositories, change) => {
        const { account, changes, becomes, isUnchanged } = await admit(repositories, change);
        const { actor, onCommit } = change;
        let changed = account;
        if (!isUnchanged) {
          changed =
            password === undefined
              ? await repositories.accounts.update(account.sid, changes)
              : await this.credentials.setPassword(repositories, account, password, actor.account.sid, changes);
          if (changes.emailAddress !== undefined) await repositories.credentials.removeResetTokens(account.sid);
          if (password !== undefined && account.sid === actor.account.sid) onCommit(() => this.credentials.goOnWith(actor, password));
          for (const event of auditEventsOf(account, changed, password !== undefined)) change.record(account.topLevelSid, event);
        }
        return becomes === undefined ? changed : (await this.#setStatus(repositories, change, changed, becomes)).account;
      });
    };
    return asked.emailAddress === undefined ? update() : this.emailConflicts.limited(caller, request, asked.emailAddress, update);
  }

  /**
   * Suspends or activates the account and, by cascade, what lies below it. Closing has a use case of its own.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, INVALID_STATUS, PASSWORD_RESET_REQUIRED,
   * PARENT_NOT_ACTIVE, VERSION_CONFLICT
   */
  async setStatus(caller: Caller, target: AccountReference, status: AccountStatus, options: CascadeOptions = {}): Promise<Cascade> {
    authorize(caller.actor, 'setAccountStatus');
    if (status !== AccountStatus.ACTIVE && status !== AccountStatus.SUSPENDED) {
      throw new AppError('INVALID_STATUS', 'The status is set to active or suspended; an account is closed by closing it.', {
        field: 'status',
      });
    }
    return this.#cascade(caller, target, status, options);
  }

  /**
   * Closes the account and, by cascade, everything below it, for good. Credentials, reset tokens and profile links go.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT
   */
  async close(caller: Caller, target: AccountReference, options: CascadeOptions = {}): Promise<Cascade> {
    authorize(caller.actor, 'closeAccount');
    return this.#cascade(caller, target, AccountStatus.CLOSED, options);
  }

  async #cascade(
    { actor: caller, request }: Caller,
    target: AccountReference,
    status: AccountStatus,
    { dryRun = false, version }: CascadeOptions,
  ): Promise<Cascade> {
    const operation = operationFor(status);
    authorize(caller, operation);
    const held: Held = { account: parseAccountReference(target), hold: dryRun ? 'place' : 'tree' };
    return this.changes.write(
      caller,
      dryRun ? withoutIdempotencyKey(request) : request,
      { operation, held },
      async (repositories, change) => {
        const { actor, account } = change;
        authorizeOn(actor, operation, account);
        assertOpen(account);
        assertVersion(account, version);
        return this.#setStatus(repositories, change, account, status, dryRun);
      },
    );
  }

  /** Gives the status to an account whose tree is locked, and to what lies below it. */
  async #setStatus(
    { accounts }: Repositories,
    { actor, record }: Change,
    account: Account,
    status: AccountStatus,
    dryRun = false,
  ): Promise<Cascade> {
    assertMayBecome(account, status);
    if (status === AccountStatus.ACTIVE) assertActiveParent((await accounts.find(account.parentSid!))!);

    const from = statusesThatMayBecome(status);
    const reached = await accounts.countInTree(account, from);
    if (dryRun || reached.length === 0) return { account, reached, dryRun };
    const unlinked = await accounts.setStatusInTree(account, status, from, actor.account.sid);
    record(account.topLevelSid, {
      operation: operationFor(status),
      subjectSid: account.sid,
      before: { status: account.status },
      after: { status, reached, ...unlinked },
    });
    return { account: (await accounts.find(account.sid))!, reached, dryRun };
  }
}

/** Holds that no open account has the e-mail address, as it is stored. @throws AppError EMAIL_IN_USE */
async function assertFree({ accounts }: Repositories, emailAddress: string): Promise<void> {
  if ((await accounts.findBy({ emailAddress })) !== undefined) throw emailInUse();
}

/** Only top-level accounts may wear another organization than their parent's, and only the Super Admin decides it. */
async function organizationOf(
  organizations: Repositories['organizations'],
  actor: Actor,
  parent: Account,
  named: OrganizationKey | undefined,
  isLocking: boolean,
): Promise<Sid> {
  // The parent's own needs no lock: it cannot be closed while the parent is active.
  const found = named && (await organizations.find(named));
  if (named === undefined || found?.sid === parent.organizationSid) return parent.organizationSid;
  authorize(actor, 'manageOrganizations');
  const organization = isLocking ? await organizations.share(named) : found;
  if (organization?.status !== 'active') {
    throw new AppError('ORGANIZATION_NOT_FOUND', 'There is no such active organization.', { field: 'organization', status: 400 });
  }
  if (!isRoot(parent)) {
    throw new AppError('NOT_TOP_LEVEL', "Only a top-level account may be in another organization than its parent's.", {
      field: 'organization',
    });
  }
  return organization.sid;
}

/** What a change of one account asks for beyond updating it, in the table of permissions. */
function operationsOf({ type, role, emailAddress }: OwnChanges, becomes: AccountStatus | undefined): Operation[] {
  const operations: Operation[] = [];
  if (type !== undefined || role !== undefined) operations.push('changeRole');
  if (emailAddress !== undefined) operations.push('changeEmailAddress');
  if (becomes !== undefined) operations.push(operationFor(becomes));
  return operations;
}

/** An entry of the history for each kind of change: its name, type and role; its e-mail address; its password (SPEC §7). */
function auditEventsOf(before: Account, after: Account, isPasswordSet: boolean): AuditEvent[] {
  const event = { operation: 'updateAccount', subjectSid: before.sid } as const;
  const events: AuditEvent[] = [];
  const facts = differences(before, after, ['friendlyName', 'type', 'role']);
  const address = differences(before, after, ['emailAddress']);
  if (facts.after !== undefined) events.push({ ...event, ...facts });
  if (address.after !== undefined) events.push({ ...event, ...address });
  if (isPasswordSet) {
    const { before: then, after: now } = differences(before, after, ['status']);
    events.push({ ...event, before: then, after: { ...now, passwordSet: true } });
  }
  return events;
}

/** Those of the values that the account does not have already. */
function differing(asked: OwnChanges, account: Account): OwnChanges {
  return Object.fromEntries(Object.entries(asked).filter(([name, value]) => account[name as keyof OwnChanges] !== value));
}

/** What a change to the status is, in the table of permissions. */
function operationFor(status: AccountStatus): 'closeAccount' | 'setAccountStatus' {
  return status === AccountStatus.CLOSED ? 'closeAccount' : 'setAccountStatus';
}

/** The object without its undefined properties. */
function defined<Changes extends object>(changes: Changes): { [Key in keyof Changes]?: NonNullable<Changes[Key]> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as never;
}
