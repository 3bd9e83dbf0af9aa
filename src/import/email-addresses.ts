import { AccountStatus } from '../domain/account.js';
import type { Findings } from './rules.js';
import type { Draft } from './planned.js';
import { setStatus } from './statuses.js';
import { byAge } from './tree-shape.js';

/** The longest local part. */
const localPartMaxLength = 64;

/** Makes e-mail addresses unique among accounts that are not closed: the oldest of those with one address keeps it. */
export function claimEmailAddresses(accounts: readonly Draft[], findings: Findings): void {
  const claims = new Map<string, Draft[]>();
  for (const draft of accounts) {
    if (draft.planned.status === AccountStatus.CLOSED) continue;
    const holders = claims.get(draft.planned.emailAddress);
    if (holders === undefined) claims.set(draft.planned.emailAddress, [draft]);
    else holders.push(draft);
  }
  const taken = new Set(claims.keys());
  for (const [emailAddress, holders] of claims) {
    if (holders.length === 1) continue;
    // The root keeps its address in any case: nobody may close it.
    const [, ...others] = holders.toSorted((one, other) => Number(isBelow(one)) - Number(isBelow(other)) || byAge(one, other));
    for (const { planned, sourceSid } of others) {
      const remedy = findings.settle('duplicate-email', { kind: 'account', sid: sourceSid, found: emailAddress });
      if (remedy === 'suffix') taken.add((planned.emailAddress = suffixed(emailAddress, taken)));
      else setStatus(planned, AccountStatus.CLOSED);
    }
  }
}

const isBelow = ({ planned }: Draft): boolean => planned.parentSid !== null;

/** The first of address+2, address+3 and so on that nobody has. */
function suffixed(emailAddress: string, taken: ReadonlySet<string>): string {
  const at = emailAddress.indexOf('@');
  for (let number = 2; ; number++) {
    const suffix = `+${number}`;
    const address = emailAddress.slice(0, Math.min(at, localPartMaxLength - suffix.length)) + suffix + emailAddress.slice(at);
    if (!taken.has(address)) return address;
  }
}
