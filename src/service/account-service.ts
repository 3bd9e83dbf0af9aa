import {
  type Account,
  type AccountKey,
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
  isRoot,
  parseAccountReference,
  parseEmailAddress,
  parseFriendlyName,
  statusesThatMayBecome,
} from '../domain/account.js';
import { differences, factsOf } from '../domain/history.js';
import { type OrganizationKey, type OrganizationReference, parseOrganizationReference } from '../domain/organization.js';
import { type Actor, type SignedIn, authorize, authorizeOn } from '../domain/permissions.js';
import { newSid, type Sid } from '../domain/sid.js';
import { pathBelow, topLevelSidOf } from '../domain/tree.js';
import { AppError } from '../errors.js';
import type { Reach } from '../persistence/account-repository.js';
import type { Database, Repositories } from '../persistence/database.js';
import type { Changes, Note } from './changes.js';
import type { CredentialService, PreparedPassword } from './credential-service.js';

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
  /** Reaches everything below the account too, after its other changes. */
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
  reached: Reach[];
  dryRun: boolean;
}

/** Changes of accounts (SPEC §2). Each use case locks, authorizes, checks, changes. */
export class AccountService {
  constructor(
    private readonly database: Database,
    private readonly changes: Changes,
    private readonly credentials: CredentialService,
    private readonly maxLevels: number,
  ) {}

  /**
   * Creates an account below the parent.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, PARENT_NOT_ACTIVE, MAX_LEVELS_EXCEEDED, ORGANIZATION_NOT_FOUND,
   * NOT_TOP_LEVEL, EMAIL_IN_USE, and what its inputs can be wrong by
   */
  async create(actor: Actor, input: NewAccount): Promise<Account> {
    authorize(actor, 'createAccount');
    const parentKey = parseAccountReference(input.parent ?? actor.account, 'parentSid');
    const emailAddress = parseEmailAddress(input.emailAddress);
    const friendlyName = input.friendlyName === undefined ? defaultFriendlyName(emailAddress) : parseFriendlyName(input.friendlyName);
    const organization = input.organization && parseOrganizationReference(input.organization, 'organization');
    const status = input.status ?? (input.password === undefined ? AccountStatus.UNINITIALIZED : AccountStatus.ACTIVE);
    if (input.password === undefined && status !== AccountStatus.UNINITIALIZED) {
      throw new AppError('MISSING_PARAMETER', `An account that is ${status} from the start needs a password.`, { field: 'password' });
    }
    const earlier = await this.changes.earlier<Account>(actor);
    if (earlier !== undefined) return earlier.result;
    const password =
      input.password === undefined ? undefined : await this.credentials.preparePassword(input.password, emailAddress, actor.account);
    const role = input.role ?? actor.account.role;

    return this.changes.write(actor, async (repositories, note) => {
      const parent = await repositories.accounts.lockTreeOf(parentKey, actor.account.path, 'FOR SHARE');
      authorizeOn(actor, 'createAccount', parent);
      assertActiveParent(parent);
      assertLevelBelow(parent, this.maxLevels);
      const sid = newSid('account');
      const path = pathBelow(parent.path, sid);
      const account = await repositories.accounts.insert({
        sid,
        parentSid: parent.sid,
        topLevelSid: topLevelSidOf(path),
        path,
        organizationSid: await this.#organizationOf(repositories, actor, parent, organization),
        emailAddress,
        friendlyName,
        type: input.type ?? AccountType.FULL,
        status,
        role,
      });
      if (password !== undefined && status !== AccountStatus.CLOSED) await this.credentials.initialize(repositories, sid, password);
      note(account.topLevelSid, { operation: 'createAccount', subjectSid: sid, after: factsOf(account) });
      return account;
    });
  }

  /** Only top-level accounts may wear another organization than their parent's, and only the Super Admin decides it. */
  async #organizationOf({ organizations }: Repositories, actor: Actor, parent: Account, named: OrganizationKey | undefined): Promise<Sid> {
    if (named === undefined) return parent.organizationSid;
    const organization = await organizations.share(named);
    if (organization?.sid === parent.organizationSid) return organization.sid;
    authorize(actor, 'manageOrganizations');
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

  /**
   * Changes one account, and by its status everything below it. A password makes a new AuthToken, and makes an
   * uninitialized account active.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT, PARENT_NOT_ACTIVE, what a change of
   * status can be refused by, and what its inputs can be wrong by
   */
  async update(
    actor: Actor,
    target: AccountReference,
    { version, password: newPassword, status, type, role, friendlyName: name }: AccountChanges,
  ): Promise<Account> {
    authorize(actor, 'updateAccount');
    const key = parseAccountReference(target);
    const friendlyName = name === undefined ? undefined : parseFriendlyName(name);
    const changes = defined({ friendlyName, type, role });
    const earlier = await this.changes.earlier<Account>(actor);
    if (earlier !== undefined) return earlier.result;
    const password = newPassword === undefined ? undefined : await this.#preparePassword(actor, key, newPassword);

    return this.changes.write(actor, async (repositories, note) => {
      const { accounts } = repositories;
      const account = await (status === undefined
        ? accounts.lock(key, actor.account.path)
        : accounts.lockTreeOf(key, actor.account.path, 'FOR UPDATE'));
      authorizeOn(actor, 'updateAccount', account);
      if (role !== undefined || type !== undefined) authorizeOn(actor, 'changeRole', account);
      if (status !== undefined) authorizeOn(actor, operationFor(status), account);
      assertVersion(account, version);
      const isUnchanged = password === undefined && Object.keys(changes).length === 0;
      // To ask for nothing is no change, of a closed account either (SPEC §4).
      if (isUnchanged && status === undefined) return account;
      assertOpen(account);
      const changed = isUnchanged
        ? account
        : password === undefined
          ? await accounts.update(account.sid, changes)
          : await this.credentials.setPassword(repositories, account, password, changes);
      if (!isUnchanged) {
        const { before, after } = differences(account, changed, Object.keys(changes));
        const passwordSet = password === undefined ? undefined : true;
        note(account.topLevelSid, { operation: 'updateAccount', subjectSid: account.sid, before, after: { ...after, passwordSet } });
      }
      return status === undefined ? changed : (await this.#setStatus(repositories, note, changed, status)).account;
    });
  }

  /** The policy needs the e-mail address, which never changes; and hashing takes too long to do it under a lock. */
  async #preparePassword(actor: SignedIn, key: AccountKey | undefined, password: string): Promise<PreparedPassword> {
    const account = key && (await this.database.lookUp(actor.account, ({ accounts }) => accounts.findBy(key)));
    authorizeOn(actor, 'updateAccount', account);
    return this.credentials.preparePassword(password, account.emailAddress, actor.account);
  }

  /**
   * Suspends or activates the account and, by cascade, what lies below it. Closing has a use case of its own.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, INVALID_STATUS, PASSWORD_RESET_REQUIRED,
   * PARENT_NOT_ACTIVE, VERSION_CONFLICT
   */
  async setStatus(actor: Actor, target: AccountReference, status: AccountStatus, options: CascadeOptions = {}): Promise<Cascade> {
    authorize(actor, 'setAccountStatus');
    if (status !== AccountStatus.ACTIVE && status !== AccountStatus.SUSPENDED) {
      throw new AppError('INVALID_STATUS', 'The status is set to active or suspended; an account is closed by closing it.', {
        field: 'status',
      });
    }
    return this.#cascade(actor, target, status, options);
  }

  /**
   * Closes the account and, by cascade, everything below it, for good. Credentials, reset tokens and profile links go.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, VERSION_CONFLICT
   */
  async close(actor: Actor, target: AccountReference, options: CascadeOptions = {}): Promise<Cascade> {
    authorize(actor, 'closeAccount');
    return this.#cascade(actor, target, AccountStatus.CLOSED, options);
  }

  async #cascade(
    actor: SignedIn,
    target: AccountReference,
    status: AccountStatus,
    { dryRun = false, version }: CascadeOptions,
  ): Promise<Cascade> {
    const key = parseAccountReference(target);
    return this.changes.write(actor, async (repositories, note) => {
      const account = await repositories.accounts.lockTreeOf(key, actor.account.path, dryRun ? 'FOR SHARE' : 'FOR UPDATE');
      authorizeOn(actor, operationFor(status), account);
      assertOpen(account);
      assertVersion(account, version);
      return this.#setStatus(repositories, note, account, status, dryRun);
    });
  }

  /** Gives the status to an account whose tree is locked, and to what lies below it. */
  async #setStatus({ accounts }: Repositories, note: Note, account: Account, status: AccountStatus, dryRun = false): Promise<Cascade> {
    assertMayBecome(account, status);
    if (status === AccountStatus.ACTIVE) assertActiveParent((await accounts.find(account.parentSid!))!);

    const from = statusesThatMayBecome(status);
    const reached = await accounts.countInTree(account, from);
    if (dryRun || reached.length === 0) return { account, reached, dryRun };
    await accounts.setStatusInTree(account, status, from);
    note(account.topLevelSid, {
      operation: operationFor(status),
      subjectSid: account.sid,
      before: { status: account.status },
      after: { status, reached },
    });
    return { account: (await accounts.find(account.sid))!, reached, dryRun };
  }
}

/** What a change to the status is, in the table of permissions. */
function operationFor(status: AccountStatus): 'closeAccount' | 'setAccountStatus' {
  return status === AccountStatus.CLOSED ? 'closeAccount' : 'setAccountStatus';
}

/** The object without its undefined properties. */
function defined<Changes extends object>(changes: Changes): { [Key in keyof Changes]?: NonNullable<Changes[Key]> } {
  return Object.fromEntries(Object.entries(changes).filter(([, value]) => value !== undefined)) as never;
}
