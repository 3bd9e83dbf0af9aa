import { Failure } from '../api.js';
import type { Reach } from '../mutations.js';
import type { Status } from '../operations.js';
import { count, isolated, list, number, statusNames } from '../words.js';

/** How many names a plan mentions before it counts the rest. */
const named = 3;

/** `14 accounts: Jane's shop, Sales, Support and 11 more`. */
export function reachInWords({ reached, reachedCount, account }: Reach): string {
  const statuses = new Set<Status>(reached.map(({ status }) => status));
  const below = account.descendants?.nodes.filter(({ status }) => statuses.has(status)) ?? [];
  const names = [...(statuses.has(account.status) ? [account] : []), ...below]
    .slice(0, named)
    .map(({ friendlyName }) => isolated(friendlyName));
  const rest = reachedCount - names.length;
  return `${count(reachedCount, 'account')}: ${list(rest > 0 ? [...names, `${number(rest)} more`] : names)}`;
}

/** `Of these, 12 are active and 2 are suspended.` */
export function statusesInWords({ reached }: Reach): string {
  const parts = reached.map(({ status, count: amount }) => `${number(amount)} ${amount === 1 ? 'is' : 'are'} ${statusNames[status]}`);
  return `Right now, ${list(parts)}.`;
}

/** Asks for a dry run of an act, or does it to the account as it was in the version. @throws Failure */
export type Ask = (dryRun: boolean, version?: number) => Promise<Reach>;

/** Does what was planned, unless it would reach something else by now. @throws Failure */
export async function performAsPlanned(planned: Reach, ask: Ask): Promise<void> {
  assertAsPlanned(planned, await ask(true));
  await ask(false, planned.account.version);
}

/**
 * Holds that an act still reaches what its plan told. The version of the account says nothing of those below it: without this, an account that was
 * created there while somebody read the plan would be reached too.
 * @throws Failure
 */
function assertAsPlanned(planned: Reach, now: Reach): void {
  const of = ({ reached, account }: Reach): string =>
    JSON.stringify([account.version, reached.map(({ status, count: amount }) => `${status} ${amount}`).toSorted()]);
  if (of(now) !== of(planned)) throw new Failure('What this would reach was changed meanwhile.', 'VERSION_CONFLICT');
}
