import { type Account, type Payer, assertActiveParent, assertOpen, isRoot } from '../domain/account.js';
import type { SignedIn } from '../domain/actor.js';
import { maxResetTokens, overlapSecondsMax, resetTokenSeconds } from '../domain/credentials.js';
import { differences } from '../domain/history.js';
import { assertWithin } from '../domain/input.js';
import { assertStrongPassword } from '../domain/password-policy.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import type { Caller, RequestContext } from '../domain/request-context.js';
import { parseSid, type Sid } from '../domain/sid.js';
import type { Slot } from '../domain/slot.js';
import { AppError } from '../errors.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { AccountUpdate } from '../persistence/repositories/account-repository.js';
import { type AuditedTransactions, sealing } from './audited-transaction.js';
import type { Passwords } from './passwords.js';
import type { Secrets } from './secrets.js';
import type { SignInLimit } from './sign-in-limit.js';

/** A new password, hashed, and the AuthToken that comes with it. */
export interface PreparedPassword {
  passwordHash: string;
  authToken: string;
  tokenIsRandom: boolean;
}

/** Changing credentials: AuthTokens, passwords, and the one-time tokens that reset passwords (SPEC §5). */
export class CredentialService {
  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
    private readonly secrets: Secrets,
    private readonly passwords: Passwords,
    private readonly limit: SignInLimit,
  ) {}

  /**
   * Gives the account a new AuthToken. The old one stays valid for the overlap, so that clients can change over.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, PASSWORD_RESET_REQUIRED, BAD_USER_INPUT
   */
  async rotateAuthToken(
    { actor: author, request }: Caller,
    sid: Sid,
    overlapSeconds = 0,
  ): Promise<{ account: Account; authToken: string }> {
    authorize(author, 'rotateAuthToken');
    parseSid('account', sid, 'sid');
    assertWithin(overlapSeconds, { min: 0, max: overlapSecondsMax }, 'overlapSeconds');
    const authToken = this.secrets.newAuthToken();
    const stored = this.secrets.storedAuthToken(sid, authToken);
    return this.transactions.write(
      author,
      request,
      {
        operation: 'rotateAuthToken',
        lock: { account: { sid }, scope: overlapSeconds === 0 ? 'tree' : 'account' },
        alsoRead: ({ credentials }) => credentials.exists(sid),
      },
      async ({ accounts, credentials }, { actor, account, read: hasCredential, record, onCommit }) => {
        authorizeOn(actor, 'rotateAuthToken', account);
        assertOpen(account);
        if (!hasCredential) throw new AppError('PASSWORD_RESET_REQUIRED', `Account ${sid} has no credentials yet. Set a password first.`);
        credentials.rotateToken(sid, stored, overlapSeconds);
        if (sid === actor.account.sid) onCommit(() => this.acceptNewSecrets(actor, { authToken }));
        record(account.topLevelSid, { operation: 'rotateAuthToken', subjectSid: sid, after: { overlapSeconds } });
        return { account: await accounts.update(account, {}), authToken };
      },
      sealing(this.secrets, 'authToken', ({ account }) => account.sid),
    );
  }

  /**
   * Makes a token that lets whoever holds it set the account's password once.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, BAD_USER_INPUT
   */
  async createPasswordResetToken(
    { actor: author, request }: Caller,
    sid: Sid,
    expiresInSeconds = resetTokenSeconds.default,
  ): Promise<{ account: Account; resetToken: string; expiresAt: Date }> {
    authorize(author, 'createPasswordResetToken');
    parseSid('account', sid, 'sid');
    assertWithin(expiresInSeconds, resetTokenSeconds, 'expiresInSeconds');
    const { token, tokenHash } = this.secrets.newResetToken();
    return this.transactions.write(
      author,
      request,
      { operation: 'createPasswordResetToken', lock: { account: { sid }, scope: 'account' } },
      async ({ credentials }, { actor, account, record }) => {
        authorizeOn(actor, 'createPasswordResetToken', account);
        assertOpen(account);
        const expiresAt = await credentials.addResetToken(sid, tokenHash, expiresInSeconds, maxResetTokens - 1);
        record(account.topLevelSid, { operation: 'createPasswordResetToken', subjectSid: sid, after: { expiresAt } });
        return { account, resetToken: token, expiresAt };
      },
      sealing(this.secrets, 'resetToken', ({ account }) => account.sid),
    );
  }

  /**
   * Sets a password with a one-time token, without signing in. An uninitialized account becomes active. An unknown token counts
   * as a failed sign-in from the address.
   * @throws AppError BAD_USER_INPUT for a token that is unknown, used or expired; PASSWORD_TOO_WEAK, PARENT_NOT_ACTIVE, RATE_LIMITED
   */
  async resetPassword(request: RequestContext, token: string, password: string): Promise<Account> {
    const tokenHashes = this.secrets.hashesOfResetToken(token);
    const account = await this.limit.findFrom(request, ({ credentials }) => credentials.findByResetToken(tokenHashes));
    if (account === undefined) throw unusableToken();
    const prepared = await this.preparePassword(password, account.emailAddress, account, request.slot, account);
    // Whoever holds the token acts as the account.
    const author = { account, requestId: request.requestId };
    const alsoRead = ({ accounts, credentials }: Repositories) =>
      pipelined(credentials.findByResetToken(tokenHashes), accounts.findParent({ sid: account.sid }, account.path));
    return this.transactions.writeUnauthenticated(
      author,
      { alsoRead },
      async (repositories, { account: locked, read: [holder, parent], record }) => {
        // Of many who use the token at once, only the first finds it: setting the password removes it.
        if (locked === undefined || holder === undefined) throw unusableToken();
        assertOpen(locked);
        const changed = await this.setPassword(repositories, locked, parent, prepared, locked.sid);
        record(locked.topLevelSid, { operation: 'resetPassword', subjectSid: locked.sid, ...differences(locked, changed, ['status']) });
        return changed;
      },
    );
  }

  /**
   * The slow part of setting a password, done before the transaction and charged to the payer; to nobody when the gateway first
   * starts. `account` is the one that gets the password, unless it is yet to be created.
   * @throws AppError PASSWORD_TOO_WEAK, OVERLOADED
   */
  async preparePassword(
    password: string,
    emailAddress: string,
    payer: Payer | undefined,
    slot: Slot | undefined,
    account?: Account,
  ): Promise<PreparedPassword> {
    assertStrongPassword(password, emailAddress);
    const authToken = this.secrets.newAuthToken(password);
    if (!this.secrets.newTokensAreRandom && account !== undefined)
      await this.#assertNotReplaced(account, password, authToken, payer ?? account, slot);
    return { passwordHash: await this.passwords.hash(password, payer, slot), authToken, tokenIsRandom: this.secrets.newTokensAreRandom };
  }

  /**
   * Where AuthTokens follow from passwords, setting the same password again would bring back an AuthToken that was replaced,
   * perhaps because it had leaked (SPEC §5). @throws AppError PASSWORD_TOO_WEAK
   */
  async #assertNotReplaced(
    account: Account,
    password: string,
    authToken: string,
    { topLevelSid, sid }: Payer,
    slot: Slot | undefined,
  ): Promise<void> {
    const { caller } = await this.database.lookUp(account, ({ credentials }) => credentials.findForChange(account));
    if (caller.credential === undefined || this.secrets.isAuthToken(account.sid, authToken, caller.credential.tokenHash)) return;
    const queueKey = { group: topLevelSid, member: sid, slot };
    if (!(await this.passwords.verify(account, caller.credential.passwordHash, password, queueKey))) return;
    throw new AppError(
      'PASSWORD_TOO_WEAK',
      'The password is too weak: it is the current one, and would bring back the AuthToken that was replaced. Choose another.',
      { field: 'password' },
    );
  }

  /** Gives an account its password and AuthToken. Whatever it had before stops working. */
  initialize({ credentials }: Repositories, sid: Sid, { authToken, ...prepared }: PreparedPassword): void {
    credentials.set(sid, { ...prepared, ...this.secrets.storedAuthToken(sid, authToken) });
  }

  /**
   * Sets the password of a locked account below the parent, on behalf of the account with the SID `by`, if any. The old AuthToken stops at
   * once, and an uninitialized account becomes active. Returns the account as it is then.
   * @throws AppError PARENT_NOT_ACTIVE
   */
  async setPassword(
    repositories: Repositories,
    account: Account,
    parent: Account | undefined,
    password: PreparedPassword,
    by: Sid | null,
    changes: AccountUpdate = {},
  ): Promise<Account> {
    const activates = account.status === 'uninitialized';
    if (activates && !isRoot(account)) assertActiveParent(parent!);
    this.initialize(repositories, account.sid, password);
    return repositories.accounts.update(account, activates ? { ...changes, status: 'active' } : changes, by);
  }

  /** Lets the actor's request go on after it has changed the actor's own password or AuthToken. */
  acceptNewSecrets(
    { account, secret }: SignedIn,
    { passwordHash, authToken }: Pick<PreparedPassword, 'authToken'> & Partial<PreparedPassword>,
  ): void {
    secret.alsoAccept((now) => now.passwordHash === passwordHash || this.secrets.isAuthTokenOf(account.sid, now, authToken));
  }
}

function unusableToken(): AppError {
  return new AppError('BAD_USER_INPUT', 'The reset token is unknown, used or expired. Ask an administrator for a new one.', {
    field: 'token',
  });
}
