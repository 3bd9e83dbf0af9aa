import { AccountStatus } from '../domain/account.js';
import type { Findings } from './rules.js';
import type { Draft } from './planned.js';

/**
 * Makes statuses hold what they hold here (SPEC §2): below an account that is not active nothing is active, and below a closed one
 * everything is closed. Cascades of Restcomm-Connect stop at the first error. The accounts are given parents first.
 */
export function lowerStatuses(accounts: readonly Draft[], findings: Findings): void {
  if (accounts[0] !== undefined) settleRoot(accounts, findings);
  const statuses = new Map<string, AccountStatus>();
  for (const { planned, sourceSid } of accounts) {
    const above = planned.parentSid === null ? AccountStatus.ACTIVE : statuses.get(planned.parentSid)!;
    const status = statusBelow(above, planned.status);
    if (status !== planned.status) {
      findings.settle('not-closed-below', { kind: 'account', sid: sourceSid, found: `${planned.status} below ${above}` });
      setStatus(planned, status);
    }
    statuses.set(planned.sid, status);
  }
}

/** Gives an account a status, and takes away its secrets where the status has none. */
export function setStatus(planned: Draft['planned'], status: AccountStatus): void {
  planned.status = status;
  if (status === AccountStatus.CLOSED || status === AccountStatus.UNINITIALIZED) planned.authToken = null;
}

/** The status that an account can have below another. */
function statusBelow(above: AccountStatus, status: AccountStatus): AccountStatus {
  if (above === AccountStatus.CLOSED) return AccountStatus.CLOSED;
  return above !== AccountStatus.ACTIVE && status === AccountStatus.ACTIVE ? AccountStatus.SUSPENDED : status;
}

/** The root is active, or nobody has initialized it yet; then nothing below it is active. */
function settleRoot([root, ...others]: readonly Draft[], findings: Findings): void {
  const { planned, sourceSid } = root!;
  const isUnused =
    planned.status === AccountStatus.UNINITIALIZED && !others.some(({ planned: { status } }) => status === AccountStatus.ACTIVE);
  if (planned.status === AccountStatus.ACTIVE || isUnused) return;
  findings.settle('root-not-active', { kind: 'account', sid: sourceSid, found: planned.status });
  planned.status = AccountStatus.ACTIVE;
  planned.authToken = null;
}
