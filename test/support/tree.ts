import { Role } from '../../src/domain/account.js';
import { newSid } from '../../src/domain/sid.js';
import { admin } from './gateway.js';
import type { Login } from './graphql-client.js';
import type { AccountView, NewAccount, Surface } from './surface.js';

/** Every account that tests create signs in with this. */
export const password = 'a decent password';

let count = 0;

/** An e-mail address that no other account of the run has. */
export function uniqueEmail(name = 'account'): string {
  count += 1;
  return `${name}-${count}@tests.test`;
}

/** An account that was created for a test, and its key. */
export interface Created extends AccountView {
  login: Login;
}

/** Creates an account by the Super Admin, below the root unless said otherwise; fails the test when it is refused. */
export async function create(surface: Surface, account: Partial<NewAccount> = {}): Promise<Created> {
  const answer = await surface.create(admin, { emailAddress: uniqueEmail(), password, role: Role.ADMINISTRATOR, ...account });
  if ('refused' in answer) throw new Error(`creating an account was refused: ${answer.refused}`);
  return { ...answer.value, login: { login: answer.value.sid, secret: account.password ?? password } };
}

/** A SID that no account has. */
export function missingSid(): string {
  return newSid('account');
}
