import { randomInt } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import {
  type Account,
  type AccountKey,
  type AccountReference,
  type Payer,
  assertActiveParent,
  assertOpen,
  isRoot,
  parseAccountReference,
} from '../domain/account.js';
import { type Actor, type SignedIn, actorOf, assertActive, revalidate } from '../domain/actor.js';
import {
  type Credential,
  type PresentedCredentials,
  ProvenSecret,
  overlapSecondsMax,
  resetTokenSeconds,
  maxResetTokens,
} from '../domain/credentials.js';
import { assertStrongPassword } from '../domain/password-policy.js';
import { assertSignedIn, authorize, authorizeOn, may } from '../domain/permissions.js';
import { assertWithin } from '../domain/input.js';
import type { Organization } from '../domain/organization.js';
import { type Caller, type RequestContext, withoutIdempotencyKey } from '../domain/request-context.js';
import { parseSid, type Sid } from '../domain/sid.js';
import { AppError, type ErrorCode } from '../errors.js';
import type { OwnChanges } from '../persistence/repositories/account-repository.js';
import type { KeptToken, SignInData, SignInKey, TokenKey } from '../persistence/repositories/credential-repository.js';
import { type AuditEvent, differences } from '../domain/history.js';
import type { AuditedTransactions, ResultCodec } from './audited-transaction.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { Held } from '../persistence/repositories/lock-repository.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { Passwords } from './passwords.js';
import type { Secrets } from './secrets.js';
import type { SignInLimit } from './sign-in-limit.js';
import { crossRequestLoader } from './cross-request-batching.js';

/** A password that may be set, with what is kept of it and the AuthToken that comes with it. */
export interface PreparedPassword {
  passwordHash: string;
  authToken: string;
  tokenIsRandom: boolean;
}

/** That PostgreSQL finds nothing some microseconds sooner than something drowns in a delay by chance, of less than this. */
const refusalLaterByMilliseconds = 10;

/** What no account is found by. */
const nobody: AccountKey = { sid: '' };

/** Who signs in, and the account to prefetch. */
interface SignInLookUp extends SignInKey {
  prefetch: AccountKey | undefined;
}

/** What was found of who signs in, and the prefetched account. */
interface SignInResult extends SignInData {
  prefetched: Account | undefined;
}

/** An account that the request names, read by the statement that reads the caller. Says nothing of who may see it. */
export interface PrefetchedAccount {
  readonly key: AccountKey;
  readonly account: Account | undefined;
}

/** The caller, and what was prefetched. */
export interface Authenticated {
  readonly actor: SignedIn;
  readonly prefetched: PrefetchedAccount | undefined;
}

/** Who is who: signing in, AuthTokens, passwords and the one-time tokens that reset them (SPEC §5). */
export class CredentialService {
  #nobodysCredential: Promise<Credential> | undefined;

  readonly #callers = crossRequestLoader<SignInLookUp, SignInResult>((callers) => this.#lookUp(callers));
  readonly #tokens = crossRequestLoader<TokenKey, KeptToken | undefined>((keys) =>
    this.database.lookUp(undefined, ({ credentials }) => credentials.findTokens(keys)),
  );

  constructor(
    private readonly database: Database,
    private readonly changes: AuditedTransactions,
    private readonly secrets: Secrets,
    private readonly passwords: Passwords,
    private readonly limit: SignInLimit,
    /** Told why a sign-in was refused. */
    private readonly observeRefusal: (reason: ErrorCode) => void = () => {},
  ) {
    // Not in the place of the first request that needs it: all others would wait for it in theirs.
    void this.#nobodys();
  }

  /**
   * Signs in. That an account is not active is told only to whoever knows its secret. A login that nobody has is looked
   * for, counted and refused as a wrong secret is, by the same statements and the same work, so that neither the answer nor
   * its time tells them apart. While a limit is on, a random AuthToken still signs in, and all else is refused alike.
   * The account to prefetch is looked at only once the caller has proved who it is.
   * @throws AppError UNAUTHENTICATED, ACCOUNT_NOT_ACTIVE, RATE_LIMITED
   */
  async authenticate(presented: PresentedCredentials, prefetch?: AccountReference): Promise<Authenticated> {
    try {
      return await this.#signIn(presented, prefetch && prefetchKey(prefetch));
    } catch (error) {
      if (error instanceof AppError) this.observeRefusal(error.code);
      throw error;
    }
  }

  async #signIn({ login, secret, address }: PresentedCredentials, prefetch: AccountKey | undefined): Promise<Authenticated> {
    // An empty secret is no guess: it tells nothing, and counts as nothing.
    if (secret === '') throw wrongCredentials();
    const attempt = this.limit.begin(address, login, secret);
    const key = parseAccountReference({ either: login }) ?? nobody;
    const found = await this.#callers.load({ ...attempt, key, prefetch });
    const { account } = found;
    const subject = account?.sid ?? attempt.login;
    const limited = this.limit.refusalOf(attempt, subject, found.failures);
    // Who has no secret is verified against one that nobody knows: whatever is behind a login, the work is the same.
    const { sid, version } = account ?? { sid: attempt.login, version: 0 };
    const credential = found.credential ?? (await this.#nobodys());
    const isToken = this.#isAuthToken(sid, credential, secret, limited ? 'random' : 'any');
    const isPassword = async (): Promise<boolean> => {
      if (this.passwords.remembers({ sid, version }, credential.passwordHash, secret)) return true;
      // Addresses that failed lately share one turn, so that many of them do not keep others from theirs.
      const turn = { group: found.failures.ofAddress.count > 0 ? 'failed lately' : subject, member: attempt.address };
      return this.limit.verify(attempt, subject, () => this.passwords.verify({ sid, version }, credential.passwordHash, secret, turn));
    };
    const isProven = isToken || (limited === undefined && (await isPassword()));
    if (!isProven || account === undefined || found.credential === undefined) {
      await setTimeout(randomInt(refusalLaterByMilliseconds));
      throw limited ?? wrongCredentials();
    }
    assertActive(account);
    const proven = new ProvenSecret(
      isToken ? (now) => this.#isAuthToken(sid, now, secret) : ({ passwordHash }) => passwordHash === credential.passwordHash,
    );
    return { actor: actorOf(account, proven), prefetched: prefetch && { key: prefetch, account: found.prefetched } };
  }

  async #lookUp(callers: readonly SignInLookUp[]): Promise<SignInResult[]> {
    const prefetches = callers.some(({ prefetch }) => prefetch !== undefined);
    const [found, prefetched] = await this.database.lookUp(undefined, ({ credentials, accounts }) =>
      pipelined(
        credentials.findForSignIn(callers),
        prefetches ? accounts.findManyBy(callers.map(({ prefetch }) => prefetch ?? nobody)) : [],
      ),
    );
    return found.map((data, index) => ({ ...data, prefetched: prefetched[index] }));
  }

  /** The caller with the standing that it has now, for a request that goes on. @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED */
  async signInAgain(actor: Actor): Promise<SignedIn> {
    assertSignedIn(actor);
    return this.database.lookUp(actor.account, async ({ credentials }) =>
      revalidate(actor, (await credentials.findForChange(actor.account)).caller),
    );
  }

  /** The caller goes on with the secrets that it gave itself. */
  goOnWith(
    { account, secret }: SignedIn,
    { passwordHash, authToken }: Pick<PreparedPassword, 'authToken'> & Partial<PreparedPassword>,
  ): void {
    secret.alsoAccept((now) => now.passwordHash === passwordHash || this.#isAuthToken(account.sid, now, authToken));
  }

  /** Whether the secret is one of the account's AuthTokens: any, or one that is known to be random and so cannot be guessed. */
  #isAuthToken(sid: Sid, credential: Credential, secret: string, which: 'any' | 'random' = 'any'): boolean {
    const { tokenHash, tokenIsRandom, previousTokenHash, previousTokenIsRandom } = credential;
    if (this.secrets.isAuthToken(sid, secret, tokenHash)) return which === 'any' || tokenIsRandom === true;
    if (previousTokenHash === null || !this.secrets.isAuthToken(sid, secret, previousTokenHash)) return false;
    return which === 'any' || previousTokenIsRandom === true;
  }

  /** What is verified for an account that does not exist, or has no credential. */
  #nobodys(): Promise<Credential> {
    this.#nobodysCredential ??= this.passwords.hash(this.secrets.newAuthToken(), undefined).then((passwordHash) => {
      const { tokenHash } = this.secrets.keptAuthToken('', this.secrets.newAuthToken());
      return { passwordHash, tokenHash, tokenIsRandom: true, previousTokenHash: null, previousTokenIsRandom: null };
    });
    return this.#nobodysCredential;
  }

  /** The account's AuthToken; nothing when it has none, or is out of the caller's sight. */
  async authToken({ actor, request }: Caller, sid: Sid): Promise<string | null> {
    authorize(actor, 'readAuthToken');
    parseSid('account', sid, 'sid');
    const account = await this.database.lookUp(actor.account, ({ accounts }) => accounts.find(sid));
    return account === undefined || !may(actor, 'readAuthToken', account) ? null : this.authTokenOf({ actor, request }, account);
  }

  /**
   * The AuthToken of an account that the caller has read; nothing when it has none. Who is shown it for the first time is
   * in the history before that (SPEC §5).
   * @throws AppError FORBIDDEN
   */
  async authTokenOf({ actor, request }: Caller, account: Account): Promise<string | null> {
    authorize(actor, 'readAuthToken');
    authorizeOn(actor, 'readAuthToken', account);
    const token = await this.#tokens.load({ sid: account.sid, readerSid: actor.account.sid });
    if (token === undefined) return null;
    const authToken = this.secrets.readAuthToken(account.sid, token.ciphertext);
    const after = { tokenSince: token.date };
    if (token.lastShown !== JSON.stringify(after)) {
      const event: AuditEvent = { operation: 'readAuthToken', subjectSid: account.sid, after };
      const held: Held = { account, hold: 'place' };
      await this.changes.write(actor, withoutIdempotencyKey(request), { operation: 'readAuthToken', held }, async (_, now) => {
        authorizeOn(now.actor, 'readAuthToken', now.account);
        now.record(account.topLevelSid, event);
      });
    }
    return authToken;
  }

  /**
   * Writes down that the caller is shown the AuthTokens of a list: of the children of an account, or of the accounts of an organization.
   * One entry stands for all that the caller is shown of it in a clock hour (ADR 35).
   * @throws AppError FORBIDDEN, UNAVAILABLE, OVERLOADED
   */
  async noteTokenList({ actor, request }: Caller, owner: Account | Organization): Promise<void> {
    authorize(actor, 'readAuthToken');
    const isNoted = ({ history }: Repositories): Promise<boolean> => history.hasTokenList(owner.sid, actor.account.sid);
    if (await this.database.lookUp(actor.account, isNoted)) return;
    const held: Held | undefined = 'path' in owner ? { account: { sid: owner.sid }, hold: 'place' } : undefined;
    await this.changes.write(actor, withoutIdempotencyKey(request), { operation: 'readAuthToken', held }, async (repositories, now) => {
      if ('path' in owner) authorizeOn(now.actor, 'listSubAccounts', now.account);
      else authorize(now.actor, 'manageOrganizations');
      const treeSid = 'path' in owner ? owner.topLevelSid : now.actor.account.topLevelSid;
      if (!(await isNoted(repositories))) now.record(treeSid, { operation: 'listAuthTokens', subjectSid: owner.sid });
    });
  }

  /**
   * Gives the account a new AuthToken; the one before stays valid for the overlap, so that clients can change over.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, PASSWORD_RESET_REQUIRED, BAD_USER_INPUT
   */
  async rotateAuthToken(
    { actor: caller, request }: Caller,
    sid: Sid,
    overlapSeconds = 0,
  ): Promise<{ account: Account; authToken: string }> {
    authorize(caller, 'rotateAuthToken');
    parseSid('account', sid, 'sid');
    assertWithin(overlapSeconds, { min: 0, max: overlapSecondsMax }, 'overlapSeconds');
    const authToken = this.secrets.newAuthToken();
    const kept = this.secrets.keptAuthToken(sid, authToken);
    return this.changes.write(
      caller,
      request,
      { operation: 'rotateAuthToken', held: { account: { sid }, hold: overlapSeconds === 0 ? 'tree' : 'account' } },
      async ({ accounts, credentials }, { actor, account, record, onCommit }) => {
        authorizeOn(actor, 'rotateAuthToken', account);
        assertOpen(account);
        if (!(await credentials.rotateToken(sid, kept, overlapSeconds))) {
          throw new AppError('PASSWORD_RESET_REQUIRED', `Account ${sid} has no credentials yet; set a password first.`);
        }
        if (sid === actor.account.sid) onCommit(() => this.goOnWith(actor, { authToken }));
        record(account.topLevelSid, { operation: 'rotateAuthToken', subjectSid: sid, after: { overlapSeconds } });
        return { account: await accounts.update(sid, {}), authToken };
      },
      this.#sealed('authToken'),
    );
  }

  /**
   * Makes a token that lets whoever holds it set the account's password once.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, BAD_USER_INPUT
   */
  async createPasswordResetToken(
    { actor: caller, request }: Caller,
    sid: Sid,
    expiresInSeconds = resetTokenSeconds.default,
  ): Promise<{ account: Account; resetToken: string; expiresAt: Date }> {
    authorize(caller, 'createPasswordResetToken');
    parseSid('account', sid, 'sid');
    assertWithin(expiresInSeconds, resetTokenSeconds, 'expiresInSeconds');
    const { token, tokenHash } = this.secrets.newResetToken();
    return this.changes.write(
      caller,
      request,
      { operation: 'createPasswordResetToken', held: { account: { sid }, hold: 'account' } },
      async ({ credentials }, { actor, account, record }) => {
        authorizeOn(actor, 'createPasswordResetToken', account);
        assertOpen(account);
        const expiresAt = await credentials.addResetToken(sid, tokenHash, expiresInSeconds, maxResetTokens - 1);
        record(account.topLevelSid, { operation: 'createPasswordResetToken', subjectSid: sid, after: { expiresAt } });
        return { account, resetToken: token, expiresAt };
      },
      this.#sealed('resetToken'),
    );
  }

  /** A result with a token in it is kept with the token encrypted. */
  #sealed<Name extends string, Result extends { account: Account } & Record<Name, string>>(name: Name): ResultCodec<Result> {
    return {
      encode: (result) => ({ ...result, [name]: this.secrets.seal(result.account.sid, result[name]).toString('base64') }),
      decode: async (kept: Result) => ({
        ...kept,
        [name]: this.secrets.readAuthToken(kept.account.sid, Buffer.from(kept[name], 'base64')),
      }),
    };
  }

  /**
   * Sets a password with a one-time token, without signing in. An uninitialized account becomes active by it. Tokens that
   * nobody has count as failed sign-ins from the address.
   * @throws AppError BAD_USER_INPUT for a token that is unknown, used or expired; PASSWORD_TOO_WEAK, PARENT_NOT_ACTIVE, RATE_LIMITED
   */
  async resetPassword({ address, requestId }: RequestContext, token: string, password: string): Promise<Account> {
    const tokenHashes = this.secrets.hashesOfResetToken(token);
    const account = await this.limit.verifyFrom(address, () =>
      this.database.lookUp(undefined, async ({ accounts, credentials }) => {
        const sid = await credentials.findResetToken(tokenHashes);
        return sid === undefined ? undefined : accounts.find(sid);
      }),
    );
    if (account === undefined) throw unusableToken();
    const prepared = await this.preparePassword(password, account.emailAddress, account, account);
    // Whoever holds the token acts as the account.
    return this.changes.writeUnsigned({ account, requestId }, async (repositories, { account: locked, record }) => {
      if (locked === undefined || !(await repositories.credentials.takeResetToken(tokenHashes))) throw unusableToken();
      assertOpen(locked);
      const changed = await this.setPassword(repositories, locked, prepared, locked.sid);
      record(locked.topLevelSid, { operation: 'resetPassword', subjectSid: locked.sid, ...differences(locked, changed, ['status']) });
      return changed;
    });
  }

  /** Whether the key that AuthTokens were encrypted with is one that this instance has; true when there is none yet. */
  async hasRightKey(): Promise<boolean> {
    const root = await this.database.lookUp(undefined, async ({ accounts, credentials }) => {
      const account = await accounts.findRoot();
      return account && { sid: account.sid, token: (await credentials.findTokens([{ sid: account.sid, readerSid: account.sid }]))[0] };
    });
    if (root?.token === undefined) return true;
    try {
      this.secrets.readAuthToken(root.sid, root.token.ciphertext);
      return true;
    } catch {
      return false;
    }
  }

  /**
   * Does what takes long for a password that a use case is about to set, on account of the payer; of nobody at the first start. The
   * account is the one that it is for, where that is there already.
   * @throws AppError PASSWORD_TOO_WEAK, OVERLOADED
   */
  async preparePassword(password: string, emailAddress: string, payer: Payer | undefined, account?: Account): Promise<PreparedPassword> {
    assertStrongPassword(password, emailAddress);
    const authToken = this.secrets.newAuthToken(password);
    if (!this.secrets.newTokensAreRandom && account !== undefined)
      await this.#assertNotReplaced(account, password, authToken, payer ?? account);
    return { passwordHash: await this.passwords.hash(password, payer), authToken, tokenIsRandom: this.secrets.newTokensAreRandom };
  }

  /**
   * Where AuthTokens follow from passwords, the same password would bring back an AuthToken that was replaced, perhaps because it had
   * leaked (SPEC §5). @throws AppError PASSWORD_TOO_WEAK
   */
  async #assertNotReplaced(account: Account, password: string, authToken: string, { topLevelSid, sid }: Payer): Promise<void> {
    const { caller } = await this.database.lookUp(account, ({ credentials }) => credentials.findForChange(account));
    if (caller.credential === undefined || this.secrets.isAuthToken(account.sid, authToken, caller.credential.tokenHash)) return;
    if (!(await this.passwords.verify(account, caller.credential.passwordHash, password, { group: topLevelSid, member: sid }))) return;
    throw new AppError(
      'PASSWORD_TOO_WEAK',
      'The password is too weak: it is the one before, and would bring back the AuthToken that was replaced. Choose another.',
      { field: 'password' },
    );
  }

  /** Gives an account its password and AuthToken; whatever it had before stops. */
  async initialize({ credentials }: Repositories, sid: Sid, { authToken, ...prepared }: PreparedPassword): Promise<void> {
    await credentials.set(sid, { ...prepared, ...this.secrets.keptAuthToken(sid, authToken) });
  }

  /**
   * Sets the password of an account that is locked, by the act of the account with the SID. The AuthToken before stops at once,
   * and an uninitialized account becomes active. Returns the account as it is then.
   * @throws AppError PARENT_NOT_ACTIVE
   */
  async setPassword(
    repositories: Repositories,
    account: Account,
    password: PreparedPassword,
    by: Sid,
    changes: OwnChanges = {},
  ): Promise<Account> {
    const activates = account.status === 'uninitialized';
    if (activates && !isRoot(account)) assertActiveParent((await repositories.accounts.find(account.parentSid!))!);
    await this.initialize(repositories, account.sid, password);
    return repositories.accounts.update(account.sid, activates ? { ...changes, status: 'active' } : changes, by);
  }
}

/** What to prefetch by. A malformed reference is refused later, once it is known who asks. */
function prefetchKey(reference: AccountReference): AccountKey | undefined {
  try {
    return parseAccountReference(reference);
  } catch {
    return undefined;
  }
}

function wrongCredentials(): AppError {
  return new AppError('UNAUTHENTICATED', 'The SID or e-mail address, or the password or AuthToken, is wrong.');
}

function unusableToken(): AppError {
  return new AppError('BAD_USER_INPUT', 'The reset token is unknown, used or expired.', { field: 'token' });
}
