import { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import { OrganizationStatus } from '../../src/domain/organization.js';
import type { ErrorCode } from '../../src/errors.js';
import type { Login } from '../support/graphql-client.js';
import type { AccountView, Changes, NewAccount, OrganizationView, ProfileTarget, Surface } from '../support/surface.js';

/*
 * SPEC §2 a second time, in memory and by hand: it shares no rule with src, so that the two can contradict each other.
 * Where SPEC leaves the order of two checks open, the order is the services': what is wrong with the input by itself, the
 * account and the caller's standing to it, the state of the account.
 */

const { ACTIVE, CLOSED, SUSPENDED, UNINITIALIZED } = AccountStatus;

export interface ModelAccount extends AccountView {
  parent: ModelAccount | null;
  /** Null once it is closed: its credentials are revoked. */
  password: string | null;
  /** One that it had before: it must not work any more. */
  formerPassword: string;
}

/** What a caller asks for; accounts go by SID or e-mail address, as the surfaces take them. */
export type Command =
  | { kind: 'create'; account: NewAccount }
  | { kind: 'update'; target: string; changes: Changes }
  | { kind: 'setStatus'; target: string; status: AccountStatus }
  | { kind: 'close'; target: string }
  | { kind: 'migrate'; target: string; organization: string | undefined }
  | { kind: 'createOrganization'; domainName: string }
  | { kind: 'linkProfile' | 'unlinkProfile'; profile: string; to: ProfileTarget };

/** An account, an organization, or the SID of a profile; or why not. */
export type Predicted = { value: AccountView | OrganizationView | string } | { refused: ErrorCode };

export class AccountTree {
  readonly accounts: ModelAccount[];
  /** Which profile an account or organization is linked to, by SID. */
  readonly links = new Map<string, string>();

  constructor(
    root: ModelAccount,
    readonly organizations: OrganizationView[],
    /** The SIDs of the profiles, the default one's first. */
    readonly profiles: string[],
    private readonly maxLevels: number,
  ) {
    this.accounts = [root];
  }

  /**
   * Predicts the answer of a surface and makes the change. What is created gets the SID that the gateway chose for it.
   */
  apply(login: Login, command: Command, newSid: string, byForm: Surface['byForm']): Predicted {
    try {
      return { value: this.#apply(this.#signIn(login), command, newSid, byForm) };
    } catch (error) {
      if (error instanceof Refusal) return { refused: error.code };
      throw error;
    }
  }

  /** The accounts right below the caller, for whoever may list them. */
  list(login: Login): { value: AccountView[] } | { refused: ErrorCode } {
    try {
      const caller = this.#signIn(login);
      check(isAdministrator(caller), 'FORBIDDEN');
      return { value: this.accounts.filter(({ parent }) => parent === caller).map(viewOf) };
    } catch (error) {
      if (error instanceof Refusal) return { refused: error.code };
      throw error;
    }
  }

  effectiveProfile(account: ModelAccount): string {
    const sources = [...pathOf(account).map(({ sid }) => sid), account.organizationSid];
    return sources.map((sid) => this.links.get(sid)).find((profile) => profile !== undefined) ?? this.profiles[0]!;
  }

  #apply(caller: ModelAccount, command: Command, newSid: string, byForm: Surface['byForm']): AccountView | OrganizationView | string {
    if (command.kind === 'setStatus' || command.kind === 'close') {
      const account = this.#reach(caller, command.target, { itself: true });
      const status = command.kind === 'close' ? CLOSED : command.status;
      // Whoever sends the form may change the name; the status in it is the one that the account has.
      if (byForm[command.kind] && account.status === status) return viewOf(account);
    }
    switch (command.kind) {
      case 'create':
        return viewOf(this.#create(caller, command.account, newSid));
      case 'update':
        return viewOf(this.#update(caller, command.target, command.changes));
      case 'setStatus':
        return viewOf(this.#setStatus(caller, command.target, command.status));
      case 'close':
        return viewOf(this.#close(caller, command.target));
      case 'migrate':
        return viewOf(this.#migrate(caller, command.target, command.organization));
      case 'createOrganization':
        return { ...this.#createOrganization(caller, command.domainName, newSid) };
      case 'linkProfile':
      case 'unlinkProfile':
        return this.#changeLink(caller, command.kind, command.profile, command.to);
    }
  }

  #signIn({ login, secret }: Login): ModelAccount {
    const account = this.#find(login);
    if (account === undefined || account.password !== secret) throw new Refusal('UNAUTHENTICATED');
    check(account.status === ACTIVE, 'ACCOUNT_NOT_ACTIVE');
    return account;
  }

  #create(caller: ModelAccount, input: NewAccount, sid: string): ModelAccount {
    check(isAdministrator(caller), 'FORBIDDEN');
    check(isEmailAddress(input.emailAddress), 'INVALID_EMAIL');
    const emailAddress = input.emailAddress.toLowerCase();
    const friendlyName = friendlyNameOf(input.friendlyName ?? emailAddress.slice(0, 64));
    check(isStrong(input.password, emailAddress), 'PASSWORD_TOO_WEAK');
    const parent = this.#reach(caller, input.parent ?? caller.sid, { itself: true });
    check(parent.status === ACTIVE, 'PARENT_NOT_ACTIVE');
    check(levelOf(parent) < this.maxLevels, 'MAX_LEVELS_EXCEEDED');
    const organizationSid = this.#organizationOf(caller, parent, input.organization);
    const status = input.status ?? ACTIVE;
    check(status === CLOSED || this.#findOpen(emailAddress) === undefined, 'EMAIL_IN_USE');

    const password = status === CLOSED ? null : input.password;
    const account = { sid, emailAddress, friendlyName, type: AccountType.FULL, status, role: input.role, organizationSid };
    this.accounts.push({ ...account, parent, password, formerPassword: input.password });
    return this.accounts.at(-1)!;
  }

  #organizationOf(caller: ModelAccount, parent: ModelAccount, named: string | undefined): string {
    if (named === undefined || named === parent.organizationSid) return parent.organizationSid;
    check(isRoot(caller), 'FORBIDDEN');
    check(this.#activeOrganization(named) !== undefined, 'ORGANIZATION_NOT_FOUND');
    check(isRoot(parent), 'NOT_TOP_LEVEL');
    return named;
  }

  #update(caller: ModelAccount, target: string, { friendlyName, password, ...changes }: Changes): ModelAccount {
    const name = friendlyName === undefined ? undefined : friendlyNameOf(friendlyName);
    check(changes.emailAddress === undefined || isEmailAddress(changes.emailAddress), 'INVALID_EMAIL');
    const account = this.#reach(caller, target, { itself: true });
    const role = changes.role === account.role ? undefined : changes.role;
    const emailAddress = changes.emailAddress?.toLowerCase() === account.emailAddress ? undefined : changes.emailAddress?.toLowerCase();
    check((role === undefined && emailAddress === undefined) || account !== caller, 'FORBIDDEN');
    const isChanged =
      (name !== undefined && name !== account.friendlyName) || [password, role, emailAddress].some((change) => change !== undefined);
    check(!isChanged || account.status !== CLOSED, 'ACCOUNT_CLOSED');
    check(emailAddress === undefined || this.#findOpen(emailAddress) === undefined, 'EMAIL_IN_USE');
    check(password === undefined || isStrong(password, emailAddress ?? account.emailAddress), 'PASSWORD_TOO_WEAK');
    if (password !== undefined) {
      if (account.status === UNINITIALIZED) {
        check(account.parent!.status === ACTIVE, 'PARENT_NOT_ACTIVE');
        account.status = ACTIVE;
      }
      account.formerPassword = account.password!;
      account.password = password;
    }
    account.friendlyName = name ?? account.friendlyName;
    account.role = role ?? account.role;
    account.emailAddress = emailAddress ?? account.emailAddress;
    return account;
  }

  #setStatus(caller: ModelAccount, target: string, status: AccountStatus): ModelAccount {
    const account = this.#reach(caller, target, { itself: false });
    check(account.status !== CLOSED, 'ACCOUNT_CLOSED');
    if (status === ACTIVE) {
      check(account.status !== UNINITIALIZED, 'PASSWORD_RESET_REQUIRED');
      check(account.parent!.status === ACTIVE, 'PARENT_NOT_ACTIVE');
    }
    check(account.status !== UNINITIALIZED, 'INVALID_STATUS');
    const changed = status === ACTIVE ? SUSPENDED : ACTIVE;
    for (const member of this.#treeOf(account)) if (member.status === changed) member.status = status;
    return account;
  }

  #close(caller: ModelAccount, target: string): ModelAccount {
    const account = this.#reach(caller, target, { itself: isAdministrator(caller) && !isRoot(caller) });
    check(account.status !== CLOSED, 'ACCOUNT_CLOSED');
    for (const member of this.#treeOf(account)) {
      member.status = CLOSED;
      member.formerPassword = member.password ?? member.formerPassword;
      member.password = null;
      this.links.delete(member.sid);
    }
    return account;
  }

  #migrate(caller: ModelAccount, target: string, named: string | undefined): ModelAccount {
    check(isRoot(caller), 'FORBIDDEN');
    const organization = named === undefined ? undefined : this.#activeOrganization(named);
    if (organization === undefined) throw new Refusal('ORGANIZATION_REQUIRED');
    const account = this.#find(target);
    if (account === undefined) throw new Refusal('ACCOUNT_NOT_FOUND');
    check(account.status !== CLOSED, 'ACCOUNT_CLOSED');
    check(account.parent !== null && isRoot(account.parent), 'NOT_TOP_LEVEL');
    check(account.organizationSid !== organization.sid, 'SAME_ORGANIZATION');
    for (const member of this.#treeOf(account)) member.organizationSid = organization.sid;
    return account;
  }

  #createOrganization(caller: ModelAccount, text: string, sid: string): OrganizationView {
    check(isRoot(caller), 'FORBIDDEN');
    check(isDomainName(text), 'INVALID_DOMAIN_NAME');
    const domainName = text.toLowerCase();
    const isTaken = this.organizations.some((other) => other.domainName === domainName && other.status === OrganizationStatus.ACTIVE);
    check(!isTaken, 'DOMAIN_NAME_IN_USE');
    this.organizations.push({ sid, domainName, status: OrganizationStatus.ACTIVE });
    return this.organizations.at(-1)!;
  }

  #changeLink(caller: ModelAccount, kind: 'linkProfile' | 'unlinkProfile', profile: string, to: ProfileTarget): string {
    check(isRoot(caller), 'FORBIDDEN');
    const sid = 'account' in to ? this.#accountToLink(to.account).sid : this.#activeOrganization(to.organization)?.sid;
    if (sid === undefined) throw new Refusal('ORGANIZATION_NOT_FOUND');
    check(this.profiles.includes(profile), 'PROFILE_NOT_FOUND');
    if (kind === 'linkProfile') this.links.set(sid, profile);
    else if (this.links.get(sid) === profile) this.links.delete(sid);
    return profile;
  }

  #accountToLink(target: string): ModelAccount {
    const account = this.#find(target);
    if (account === undefined) throw new Refusal('ACCOUNT_NOT_FOUND');
    check(account.status !== CLOSED, 'ACCOUNT_CLOSED');
    return account;
  }

  /** The account, if the caller may change it: administrators what is below them, and anyone itself where it may do so at all. */
  #reach(caller: ModelAccount, target: string, { itself }: { itself: boolean }): ModelAccount {
    const account = this.#find(target);
    if (account === undefined) throw new Refusal(isRoot(caller) ? 'ACCOUNT_NOT_FOUND' : 'FORBIDDEN');
    check(account === caller ? itself : isAdministrator(caller) && pathOf(account).includes(caller), 'FORBIDDEN');
    return account;
  }

  #find(named: string): ModelAccount | undefined {
    return named.includes('@') ? this.#findOpen(named) : this.accounts.find(({ sid }) => sid === named);
  }

  #findOpen(emailAddress: string): ModelAccount | undefined {
    return this.accounts.find((account) => account.status !== CLOSED && account.emailAddress === emailAddress.toLowerCase());
  }

  #activeOrganization(named: string): OrganizationView | undefined {
    return this.organizations.find(
      ({ sid, domainName, status }) => status === OrganizationStatus.ACTIVE && (sid === named || domainName === named.toLowerCase()),
    );
  }

  #treeOf(top: ModelAccount): ModelAccount[] {
    return this.accounts.filter((account) => pathOf(account).includes(top));
  }
}

class Refusal extends Error {
  constructor(readonly code: ErrorCode) {
    super(code);
  }
}

function check(holds: boolean, code: ErrorCode): void {
  if (!holds) throw new Refusal(code);
}

/** The account and those above it, up to the root. */
export function pathOf(account: ModelAccount): ModelAccount[] {
  return account.parent === null ? [account] : [account, ...pathOf(account.parent)];
}

function levelOf(account: ModelAccount): number {
  return pathOf(account).length;
}

function isRoot(account: ModelAccount): boolean {
  return account.parent === null;
}

function isAdministrator(account: ModelAccount): boolean {
  return isRoot(account) || account.role === Role.ADMINISTRATOR;
}

export function viewOf({ parent: _parent, password: _password, formerPassword: _formerPassword, ...view }: ModelAccount): AccountView {
  return view;
}

function isEmailAddress(text: string): boolean {
  const [, domain] = /^[a-z0-9._%+'-]+@(.*)$/i.exec(text) ?? [];
  return domain !== undefined && isDomainName(domain);
}

function isDomainName(text: string): boolean {
  return text.length <= 255 && /^[a-z0-9-]+(\.[a-z0-9-]+)*$/i.test(text);
}

function friendlyNameOf(text: string): string {
  const name = text.normalize('NFC');
  check([...name].length <= 64, 'FRIENDLY_NAME_TOO_LONG');
  return name;
}

/** Of the many passwords that are well known, the random commands try this one. */
export const wellKnownPassword = 'password1';

function isStrong(password: string, emailAddress: string): boolean {
  const length = [...password].length;
  return length >= 8 && length <= 128 && password !== wellKnownPassword && password.toLowerCase() !== emailAddress;
}
