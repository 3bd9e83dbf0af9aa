import {
  type Account,
  type AccountReference,
  AccountStatus,
  AccountType,
  type ExpectedVersion,
  type Role,
  assertActiveParent,
  assertLevelBelow,
  assertOpen,
  assertVersion,
  defaultFriendlyName,
  emailInUse,
  parseAccountReference,
  parseEmailAddress,
  parseFriendlyName,
} from '../domain/account.js';
import { authorSidOf } from '../domain/actor.js';
import { assertStrongPassword } from '../domain/password-policy.js';
import { type Operation, authorize, authorizeOn } from '../domain/permissions.js';
import { snapshotOf, updateEvents } from '../domain/history.js';
import { type Organization, type OrganizationReference, parseOrganizationReference } from '../domain/organization.js';
import type { Caller } from '../domain/request-context.js';
import { newSid } from '../domain/sid.js';
import { pathBelow, topLevelSidOf } from '../domain/tree.js';
import { AppError } from '../errors.js';
import type { AccountUpdate } from '../persistence/repositories/account-repository.js';
import type { EmailConflictCount } from '../persistence/repositories/email-conflict-repository.js';
import type { Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import { operationFor, readForStatus, setStatusInTree } from './account-status.js';
import type { AuditedTransactions, CurrentState } from './audited-transaction.js';
import type { CredentialService, PreparedPassword } from './credential-service.js';
import type { EmailConflicts } from './email-conflicts.js';
import { namedOrganization, organizationOf } from './named-organization.js';

/** The properties of a new account. */
export interface NewAccount {
  /** Default: the caller. */
  parent?: AccountReference | undefined;
  emailAddress: string;
  password?: string | undefined;
  friendlyName?: string | undefined;
  type?: AccountType | undefined;
  /** Default: active with a password, uninitialized without. */
  status?: AccountStatus | undefined;
  /** Default: the caller's. */
  role?: Role | undefined;
  /** Default: the parent's. Only the Super Admin may choose another, and only for a top-level account. */
  organization?: OrganizationReference | undefined;
}

/** The changes to an account. What is absent stays as it is. */
export interface AccountChanges {
  friendlyName?: string | undefined;
  password?: string | undefined;
  type?: AccountType | undefined;
  role?: Role | undefined;
  emailAddress?: string | undefined;
  /** A new status also changes everything below the account, after the account's other changes. */
  status?: AccountStatus | undefined;
  /** The version that the caller has read. If the account has another one by now, the change is refused. */
  version?: ExpectedVersion;
}

/** Creating and changing accounts (SPEC §2). Each use case locks, authorizes, checks, changes. */
export class AccountService {
  constructor(
    private readonly transactions: AuditedTransactions,
    private readonly credentials: CredentialService,
    private readonly emailConflicts: EmailConflicts,
    private readonly maxLevels: number,
  ) {}

  /**
   * Creates an account below the parent.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, PARENT_NOT_ACTIVE, MAX_LEVELS_EXCEEDED, ORGANIZATION_NOT_FOUND,
   * NOT_TOP_LEVEL, EMAIL_IN_USE, RATE_LIMITED, and for invalid input
   */
  async create({ actor: author, request }: Caller, input: NewAccount): Promise<Account> {
    authorize(author, 'createAccount');
    const emailAddress = parseEmailAddress(input.emailAddress);
    const friendlyName = input.friendlyName === undefined ? defaultFriendlyName(emailAddress) : parseFriendlyName(input.friendlyName);
    const organizationKey = input.organization && parseOrganizationReference(input.organization, 'organization');
    const status = input.status ?? (input.password === undefined ? AccountStatus.UNINITIALIZED : AccountStatus.ACTIVE);
    if (input.password === undefined && status !== AccountStatus.UNINITIALIZED) {
      throw new AppError('MISSING_PARAMETER', `password is required for a new account that is ${status}.`, { field: 'password' });
    }
    if (input.password !== undefined) assertStrongPassword(input.password, emailAddress);
    const intent = {
      operation: 'createAccount',
      lock: { account: parseAccountReference(input.parent ?? author.account, 'parentSid'), scope: 'place' },
    } as const;
    /** Runs twice: before the password is hashed, and under the locks. */
    const check = ({ actor, account: parent }: CurrentState, conflicts?: EmailConflictCount, organization?: Organization) => {
      authorizeOn(actor, 'createAccount', parent);
      assertActiveParent(parent);
      assertLevelBelow(parent, this.maxLevels);
      this.emailConflicts.assertBelowLimit(actor, conflicts);
      const organizationSid = organizationKey === undefined ? parent.organizationSid : organizationOf(actor, parent, organization);
      return { parent, organizationSid };
    };

    return this.emailConflicts.limited(author, request, emailAddress, async () => {
      let password: PreparedPassword | undefined;
      if (input.password !== undefined) {
        const alsoRead = (repositories: Repositories) =>
          pipelined(
            this.emailConflicts.ofTree(repositories, author),
            organizationKey && repositories.organizations.find(organizationKey),
            input.status === AccountStatus.CLOSED ? undefined : repositories.accounts.findByKey({ emailAddress }),
          );
        const earlier: { result: Account } | undefined = await this.transactions.preflight(
          author,
          request,
          { ...intent, alsoRead },
          (state) => {
            const [conflicts, named, holder] = state.read;
            check(state, conflicts, named);
            assertFree(holder);
          },
        );
        if (earlier !== undefined) return earlier.result;
        password = await this.credentials.preparePassword(input.password, emailAddress, author.account, request.slot);
      }

      const alsoRead = (repositories: Repositories) =>
        pipelined(
          this.emailConflicts.ofTree(repositories, author),
          organizationKey && namedOrganization(repositories, author, organizationKey),
        );
      return this.transactions.write(author, request, { ...intent, alsoRead }, async (repositories, transaction) => {
        const { parent, organizationSid } = check(transaction, ...transaction.read);
        const { actor, record } = transaction;
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
          statusChangedBy: authorSidOf(actor),
          role: input.role ?? actor.account.role,
        });
        if (password !== undefined && status !== AccountStatus.CLOSED) this.credentials.initialize(repositories, sid, password);
        record(account.topLevelSid, { operation: 'createAccount', subjectSid: sid, after: snapshotOf(account) });
        return account;
      });
    });
  }

  /**
   * Changes one account; a new status changes everything below it too. A password comes with a new AuthToken, and makes an
   * uninitialized account active. A new e-mail address ends all reset tokens. A value that the account already has is no change,
   * so it needs no permission (SPEC §2).
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT, PARENT_NOT_ACTIVE, EMAIL_IN_USE, RATE_LIMITED,
   * as `AccountStatusService`, and for invalid input
   */
  async update(
    { actor: author, request }: Caller,
    target: AccountReference,
    { version, password: newPassword, status, type, role, friendlyName, emailAddress }: AccountChanges,
  ): Promise<Account> {
    authorize(author, 'updateAccount');
    const key = parseAccountReference(target);
    const requested = defined({
      friendlyName: friendlyName === undefined ? undefined : parseFriendlyName(friendlyName),
      type,
      role,
      emailAddress: emailAddress === undefined ? undefined : parseEmailAddress(emailAddress),
      status,
    });
    // These decide whether the account signs in, and what it may do. Its own requests share the lock of its tree; none of them may
    // go on with the old values, so such a change takes the whole tree.
    const changesActor = [newPassword, status, role, emailAddress].some((given) => given !== undefined);
    const intent = { operation: 'updateAccount', lock: { account: key, scope: changesActor ? 'tree' : 'account' } } as const;
    const conflictsIn = (repositories: Repositories) =>
      emailAddress === undefined ? undefined : this.emailConflicts.ofTree(repositories, author);
    /** Runs twice: before the password is hashed, and under the locks. Returns what is left to change. */
    const check = ({ actor, account }: CurrentState, conflicts: EmailConflictCount | undefined) => {
      authorizeOn(actor, 'updateAccount', account);
      const { status: newStatus, ...changes } = differing(requested, account);
      for (const operation of operationsOf(changes, newStatus)) authorizeOn(actor, operation, account);
      assertVersion(account, version);
      const isUnchanged = newPassword === undefined && Object.keys(changes).length === 0;
      // A closed account cannot be changed, but a request that changes nothing is no error (SPEC §4).
      if (!isUnchanged || newStatus !== undefined) assertOpen(account);
      if (changes.emailAddress !== undefined) this.emailConflicts.assertBelowLimit(actor, conflicts);
      return { account, changes, newStatus, isUnchanged };
    };

    const update = async (): Promise<Account> => {
      let password: PreparedPassword | undefined;
      if (newPassword !== undefined) {
        let found: Account;
        let address: string;
        const alsoRead = (repositories: Repositories) =>
          pipelined(
            conflictsIn(repositories),
            requested.emailAddress === undefined ? undefined : repositories.accounts.findByKey({ emailAddress: requested.emailAddress }),
          );
        const earlier: { result: Account } | undefined = await this.transactions.preflight(
          author,
          request,
          { ...intent, alsoRead },
          (state) => {
            const [conflicts, holder] = state.read;
            const { account, changes } = check(state, conflicts);
            found = account;
            address = changes.emailAddress ?? account.emailAddress;
            if (changes.emailAddress !== undefined) assertFree(holder);
          },
        );
        if (earlier !== undefined) return earlier.result;
        password = await this.credentials.preparePassword(newPassword, address!, author.account, request.slot, found!);
      }

      const alsoRead = (repositories: Repositories) =>
        pipelined(
          conflictsIn(repositories),
          newPassword === undefined || key === undefined ? undefined : repositories.accounts.findParent(key, author.account.path),
          status && readForStatus(repositories, author, key, status),
        );
      return this.transactions.write(author, request, { ...intent, alsoRead }, async (repositories, transaction) => {
        const [conflicts, parent, statusReads] = transaction.read;
        const { account, changes, newStatus, isUnchanged } = check(transaction, conflicts);
        const { actor, record, onCommit } = transaction;
        let changed = account;
        if (!isUnchanged) {
          changed =
            password === undefined
              ? await repositories.accounts.update(account, changes)
              : await this.credentials.setPassword(repositories, account, parent, password, authorSidOf(actor), changes);
          if (changes.emailAddress !== undefined) repositories.credentials.removeResetTokens(account.sid);
          if (password !== undefined && account.sid === actor.account.sid)
            onCommit(() => this.credentials.acceptNewSecrets(actor, password));
          for (const event of updateEvents(account, changed, password !== undefined)) record(account.topLevelSid, event);
        }
        return newStatus === undefined
          ? changed
          : (await setStatusInTree(repositories, transaction, changed, newStatus, statusReads!)).account;
      });
    };
    return requested.emailAddress === undefined ? update() : this.emailConflicts.limited(author, request, requested.emailAddress, update);
  }
}

/** Holds that no open account has the e-mail address. @throws AppError EMAIL_IN_USE */
function assertFree(holder: Account | undefined): void {
  if (holder !== undefined) throw emailInUse();
}

/** The permissions that a change of one account needs beyond updating it. */
function operationsOf({ type, role, emailAddress }: AccountUpdate, newStatus: AccountStatus | undefined): Operation[] {
  const operations: Operation[] = [];
  if (type !== undefined || role !== undefined) operations.push('changeRole');
  if (emailAddress !== undefined) operations.push('changeEmailAddress');
  if (newStatus !== undefined) operations.push(operationFor(newStatus));
  return operations;
}

/** Those of the requested values that the account does not have yet. */
function differing(requested: AccountUpdate, account: Account): AccountUpdate {
  return Object.fromEntries(Object.entries(requested).filter(([name, value]) => account[name as keyof AccountUpdate] !== value));
}

/** The object without its undefined properties. */
function defined<Changes extends object>(changes: Changes): { [Key in keyof Changes]?: NonNullable<Changes[Key]> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as never;
}
