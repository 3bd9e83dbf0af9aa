import { AccountStatus } from '../domain/account.js';
import { nameOf } from './account-view.js';
import { asObject } from './accounts-tree.js';
import { asOperator } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { counted, print, printJson } from './terminal.js';

/** How the changes are called in sentences. */
const words = {
  suspended: { done: 'suspended', would: 'Suspending' },
  active: { done: 'activated', would: 'Activating' },
  closed: { done: 'closed', would: 'Closing' },
} as const;

/** `account-gateway accounts suspend`, `activate`, `close`: changes the status of an account and of everything below it, or says what that would reach. */
export async function changeStatus(
  named: string,
  status: keyof typeof words,
  { dryRun = false, json }: { dryRun?: boolean; json?: boolean },
  shutdown: Shutdown,
): Promise<void> {
  await asOperator(shutdown, {}, async ({ accountStatus, caller }) => {
    const target = { either: named };
    const cascade =
      status === AccountStatus.CLOSED
        ? await accountStatus.close(caller, target, { dryRun })
        : await accountStatus.setStatus(caller, target, status, { dryRun });
    const { account, reached } = cascade;
    if (json)
      return printJson({
        sid: account.sid,
        emailAddress: account.emailAddress,
        status: account.status,
        dryRun,
        reached: asObject(reached),
      });
    const total = reached.reduce((sum, { count }) => sum + count, 0);
    const before = reached.map(({ status, count }) => `${count.toLocaleString('en')} ${status}`).join(', ');
    const { done, would } = words[status];
    if (total === 0) print(`Nothing to do: ${nameOf(account)} (${account.sid}) and what is below it need no change.`);
    else if (dryRun)
      print(`${would} ${nameOf(account)} (${account.sid}) would change ${counted(total, 'account')}: ${before}. Nothing was changed.`);
    else
      print(
        `${nameOf(account)} (${account.sid}) was ${done}, with all that is below it: ${counted(total, 'account')} changed, before ${before}.`,
      );
  });
}
