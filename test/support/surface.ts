import type { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import type { OrganizationStatus } from '../../src/domain/organization.js';
import type { ErrorCode } from '../../src/errors.js';
import type { Login } from './graphql-client.js';

/** An account as every surface shows it. */
export interface AccountView {
  sid: string;
  emailAddress: string;
  friendlyName: string;
  type: AccountType;
  status: AccountStatus;
  role: Role;
  organizationSid: string;
}

export interface OrganizationView {
  sid: string;
  domainName: string;
  status: OrganizationStatus;
}

export interface ProfileView {
  sid: string;
  document: object;
}

/** What a profile is linked to, by SID. */
export type ProfileTarget = { account: string } | { organization: string };

/** What a surface answers: what was asked for, or why not. */
export type Answer<Value> = { value: Value } | { refused: ErrorCode; field?: string };

export interface NewAccount {
  parent?: string;
  emailAddress: string;
  password: string;
  friendlyName?: string;
  status?: AccountStatus;
  role: Role;
  /** SID of the organization. */
  organization?: string;
}

export interface Changes {
  friendlyName?: string;
  password?: string;
  role?: Role;
  emailAddress?: string;
}

/**
 * All that the conformance cases ask of a surface of the gateway. Each surface has one adapter; the cases, the tests of
 * random commands and the model are the same for all. A target is a SID or an e-mail address.
 */
export interface Surface {
  name: string;
  /** Whether a refusal names the input at fault apart from its message. */
  namesFields: boolean;
  /** What is changed by a form, where a value that stays the same is no change (SPEC §2), and what by an operation of its own. */
  byForm: { setStatus: boolean; close: boolean };
  read(login: Login, target: string): Promise<Answer<AccountView>>;
  create(login: Login, account: NewAccount): Promise<Answer<AccountView>>;
  update(login: Login, target: string, changes: Changes): Promise<Answer<AccountView>>;
  setStatus(login: Login, target: string, status: AccountStatus): Promise<Answer<AccountView>>;
  close(login: Login, target: string): Promise<Answer<AccountView>>;
  /** `organization` is a SID or a domain name; absent, it is left out of the request. */
  migrate(login: Login, target: string, organization: string | undefined): Promise<Answer<AccountView>>;
  /** The sub-accounts of the caller. */
  list(login: Login): Promise<Answer<AccountView[]>>;
  /** All accounts of an organization, named by SID or domain name. */
  listOfOrganization(login: Login, organization: string): Promise<Answer<AccountView[]>>;
  authToken(login: Login, target: string): Promise<Answer<string | null>>;
  readOrganization(login: Login, sid: string): Promise<Answer<OrganizationView>>;
  listOrganizations(login: Login, status?: OrganizationStatus): Promise<Answer<OrganizationView[]>>;
  createOrganization(login: Login, domainName: string): Promise<Answer<OrganizationView>>;
  createProfile(login: Login, document: object): Promise<Answer<ProfileView>>;
  readProfile(login: Login, sid: string): Promise<Answer<ProfileView>>;
  updateProfile(login: Login, sid: string, document: object): Promise<Answer<ProfileView>>;
  /** These three answer with the profile's SID. */
  deleteProfile(login: Login, sid: string): Promise<Answer<string>>;
  linkProfile(login: Login, sid: string, target: ProfileTarget): Promise<Answer<string>>;
  unlinkProfile(login: Login, sid: string, target: ProfileTarget): Promise<Answer<string>>;
  /** The SIDs of all profiles. */
  listProfiles(login: Login): Promise<Answer<string[]>>;
  /** The SID of the profile in effect. */
  effectiveProfile(login: Login, target: ProfileTarget): Promise<Answer<string>>;
}
