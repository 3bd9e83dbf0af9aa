import { AccountStatus } from '../domain/account.js';
import { levelOf } from '../domain/tree.js';
import type { Findings } from './rules.js';
import type { Draft } from './planned.js';
import { setStatus } from './statuses.js';
import { byAge } from './tree-shape.js';

/** The longest local part. */
const localPartMaxLength = 64;

/**
 * Makes e-mail addresses unique among accounts that are not closed: the oldest of those with one address keeps it. The accounts are
 * settled parents first. So one that is closed, because an account above it lost its address, claims none itself.
 */
export function claimEmailAddresses(accounts: readonly Draft[], findings: Findings): void {
  const isOpen = ({ planned }: Draft): boolean => planned.status !== AccountStatus.CLOSED;
  const taken = new Set(accounts.filter(isOpen).map(({ planned }) => planned.emailAddress));
  const claimed = new Set<string>();
  const closed = new Set<string>();
  for (const draft of parentsFirstByAge(accounts)) {
    const { planned, sourceSid } = draft;
    if (planned.parentSid !== null && closed.has(planned.parentSid)) setStatus(planned, AccountStatus.CLOSED);
    if (isOpen(draft) && claimed.has(planned.emailAddress)) {
      const remedy = findings.settle('duplicate-email', { kind: 'account', sid: sourceSid, found: planned.emailAddress });
      if (remedy === 'suffix') taken.add((planned.emailAddress = suffixed(planned.emailAddress, taken)));
      if (remedy === 'keep-oldest') setStatus(planned, AccountStatus.CLOSED);
    }
    if (isOpen(draft)) claimed.add(planned.emailAddress);
    else closed.add(planned.sid);
  }
}

/** The oldest first; an account counts as no older than those above it. The root comes first: nobody may close it. */
function parentsFirstByAge(accounts: readonly Draft[]): Draft[] {
  const times = new Map<string, number>();
  for (const { planned } of accounts) {
    const above = planned.parentSid === null ? -Infinity : times.get(planned.parentSid)!;
    times.set(planned.sid, Math.max(above, planned.dateCreated.getTime()));
  }
  const depths = new Map(accounts.map((draft) => [draft, levelOf(draft.planned.path)]));
  return accounts.toSorted(
    (one, other) =>
      times.get(one.planned.sid)! - times.get(other.planned.sid)! || depths.get(one)! - depths.get(other)! || byAge(one, other),
  );
}

/** The first of address+2, address+3 and so on that nobody has. */
function suffixed(emailAddress: string, taken: ReadonlySet<string>): string {
  const at = emailAddress.indexOf('@');
  for (let number = 2; ; number++) {
    const suffix = `+${number}`;
    const address = emailAddress.slice(0, Math.min(at, localPartMaxLength - suffix.length)) + suffix + emailAddress.slice(at);
    if (!taken.has(address)) return address;
  }
}
