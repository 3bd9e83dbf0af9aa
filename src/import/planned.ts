import type { Account } from '../domain/account.js';
import type { Organization } from '../domain/organization.js';
import type { Profile } from '../domain/profile.js';
import type { Sid } from '../domain/sid.js';
import type { Finding } from './rules.js';

/** An account as it is taken over. */
export interface PlannedAccount extends Omit<Account, 'version' | 'statusChangedBy' | 'organizationSid'> {
  /** Null where the root goes into this gateway's own organization, and everything with it. */
  organizationSid: Sid | null;
  /** An md5 of the password, or null where the account comes without secrets. */
  authToken: string | null;
}

/** What is taken over, parents before children, and what was found in the way. */
export interface ImportPlan {
  /** A hash of all that is taken over: the same source and choices give the same import. */
  id: string;
  organizations: Organization[];
  profiles: Profile[];
  accounts: PlannedAccount[];
  links: { ownerSid: Sid; profileSid: Sid; treeSid: Sid | null }[];
  findings: Finding[];
  /** How many of the findings refuse the import. */
  refused: number;
}

/** An account on its way from a row to the plan. */
export interface Draft {
  planned: PlannedAccount;
  /** The row's own SID, parent and organization, as keys. */
  key: string;
  parentKey: string | null;
  organizationKey: string;
  /** The SID as the source has it, for findings. */
  sourceSid: string;
  /** Whether it is left out, with everything below it. */
  isLeftOut: boolean;
}
