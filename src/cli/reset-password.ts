import { AccountStatus } from '../domain/account.js';
import { asOperator } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson, printable, readSecret } from './terminal.js';

interface ResetPasswordOptions {
  email?: string;
  json?: boolean;
}

/** `account-gateway reset-password`: gives the Super Admin, or the account that is named, a new password, and a new address if one is given. */
export async function resetPassword(named: string | undefined, { email, json }: ResetPasswordOptions, shutdown: Shutdown): Promise<void> {
  await asOperator(shutdown, { needsKey: true }, async ({ accounts, accountQueries, caller }) => {
    const target = named === undefined ? { sid: caller.actor.account.sid } : { either: named };
    // Known before anything is typed: whose password it is, and that there is such an account.
    const account = await accountQueries.get(caller.actor, target);
    const password = await readSecret(`new password of ${printable(account.emailAddress)}`);
    const changed = await accounts.update(caller, { sid: account.sid }, { password, emailAddress: email });
    const { sid, emailAddress, status } = changed;
    if (json) return printJson({ sid, emailAddress, status });
    print(
      `The password of ${printable(emailAddress)} (${sid}) was changed, and its AuthToken with it. What it signed in with before ends now.`,
    );
    if (status !== AccountStatus.ACTIVE) print(`The account is ${status}: it signs in once it is active.`);
  });
}
