import type { Account, AccountKey } from '../../domain/account.js';
import type { Sid } from '../../domain/sid.js';
import type { SignInFailures } from '../../domain/sign-in-limit.js';
import type { CurrentCaller } from '../../domain/actor.js';
import type { Credential } from '../../domain/credentials.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute, transactionTime } from '../connection/transaction.js';
import { accountAt, allColumns, keyColumns, treeAt } from './account-sql.js';
import { failureJoins, noFailures } from './sign-in-failure-repository.js';
import { unnestedKeys } from './key-lists.js';
import { ofAnotherKey, ofNoKey } from './keyed-hash.js';

/** A new password and the AuthToken that comes with it. */
export interface NewCredential {
  passwordHash: string;
  tokenCiphertext: Buffer;
  tokenHash: Buffer;
  /** Whether the token is random; otherwise it is derived from the password. */
  tokenIsRandom: boolean;
}

/** An AuthToken as it is stored, and when its reader was last shown one of the account's. */
export interface StoredToken {
  ciphertext: Buffer;
  /** Since when the account has it. */
  date: Date;
  /** What the history says of the last time, as JSON; null if there was none. */
  lastShown: string | null;
}

/** An account with its current AuthToken, encrypted and hashed. */
export interface AccountToken {
  accountSid: Sid;
  tokenCiphertext: Buffer;
  tokenHash: Buffer;
}

/** Asks for the AuthToken of the account `sid`, for the account `readerSid`. */
export interface TokenKey {
  sid: Sid;
  readerSid: Sid;
}

/** Asks for everything that a sign-in needs. */
export interface SignInKey {
  key: AccountKey;
  /** The caller's login and address, in the form by which failures are counted. */
  login: string;
  address: string;
}

/** Everything that a sign-in is decided by. */
export interface SignInData extends CurrentCaller {
  failures: SignInFailures;
}

type SignInRow = CallerRow & { failures: SignInFailures | null };
type CallerRow = (Account | { sid: null }) & (Credential | Record<keyof Credential, null>);

/** The credential of the account, in SQL. */
const credentialAt = (sid: string): string =>
  `LATERAL (SELECT credential.* FROM credential WHERE credential.account_sid = ${sid} LIMIT 1) AS credential`;

const credentialColumns = `
  credential.password_hash AS "passwordHash", credential.token_hash AS "tokenHash",
  CASE WHEN credential.previous_token_expires_at > clock_timestamp() THEN credential.previous_token_hash END AS "previousTokenHash",
  credential.token_hash = ANY (credential.random_token_hashes) AS "tokenIsRandom",
  credential.previous_token_hash = ANY (credential.random_token_hashes) AS "previousTokenIsRandom"`;

/** Text in SQL for callers, null for accounts to prefetch: they have no login. By null, PostgreSQL finds nothing without looking. */
const ofCaller = (text: string): string => `CASE WHEN caller.login IS NOT NULL THEN ${text} END`;

const failures = failureJoins(ofCaller('COALESCE(account.sid, caller.login)'), 'caller.address');

/*
 * Callers and accounts to prefetch are rows of one statement, since each statement is an answer of its own to be sent and read.
 *
 * LATERAL with a LIMIT makes PostgreSQL look up key after key in an index. Otherwise a plan that it kept from when the tables were
 * empty might read them whole.
 */
const signInStatement = `
  SELECT ${allColumns}, ${credentialColumns}, ${failures.column} AS failures
  FROM ${unnestedKeys(4)} WITH ORDINALITY AS caller(sid, email_address, login, address, number)
  LEFT JOIN ${accountAt('caller')} ON true
  LEFT JOIN ${credentialAt(ofCaller('account.sid'))} ON true
  ${failures.joins}
  ORDER BY caller.number`;

/** The caller with its credential (1), and the account that a change is about (2); both at the path `$4` or below. */
const changeStatement = `
  SELECT ${allColumns}, ${credentialColumns}
  FROM (VALUES (1, $1::text, NULL), (2, $2::text, $3::text)) AS key(number, sid, email_address)
  LEFT JOIN ${accountAt('key')} ON ${treeAt('$4')}
  LEFT JOIN ${credentialAt('CASE WHEN key.number = 1 THEN account.sid END')} ON true
  ORDER BY key.number`;

/** The tables `credential` and `password_reset_token`. */
export class CredentialRepository {
  constructor(private readonly client: Client) {}

  /**
   * Everything that sign-ins need, for many callers in one statement, in their order: the account of the key; its credential, unless
   * it has none; and the failures from the caller's address, for the account or, where there is none, for the login. Also the accounts
   * to prefetch, in the order of their keys.
   */
  async findForSignIn(
    callers: readonly SignInKey[],
    prefetches: readonly AccountKey[] = [],
  ): Promise<{ found: SignInData[]; prefetched: (Account | undefined)[] }> {
    const rows = await queryRows<SignInRow>(this.client, signInStatement, [
      ...keyColumns([...callers.map(({ key }) => key), ...prefetches]),
      [...callers.map(({ login }) => login), ...prefetches.map(() => null)],
      [...callers.map(({ address }) => address), ...prefetches.map(() => null)],
    ]);
    const read = rows.map(({ failures: failed, ...found }) => ({ ...callerOf(found), failures: failed ?? noFailures }));
    return { found: read.slice(0, callers.length), prefetched: read.slice(callers.length).map(({ account }) => account) };
  }

  /** The caller of a change as it is now, and the account that the change is about, if that is the caller or below it. */
  async findForChange({ sid, path }: Account, about?: AccountKey): Promise<{ caller: CurrentCaller; account: Account | undefined }> {
    const [[aboutSid], [aboutEmailAddress]] = keyColumns(about === undefined ? [] : [about]);
    const parameters = [sid, aboutSid ?? null, aboutEmailAddress ?? null, path];
    const [caller, account] = await queryRows<CallerRow>(this.client, changeStatement, parameters);
    return { caller: callerOf(caller!), account: callerOf(account!).account };
  }

  /** The AuthToken for each key, in the order of the keys; undefined where the account has none. */
  async findTokens(keys: readonly TokenKey[]): Promise<(StoredToken | undefined)[]> {
    const rows = await queryRows<StoredToken | Record<keyof StoredToken, null>>(
      this.client,
      `SELECT credential.token_ciphertext AS ciphertext, credential.token_date AS date, (
         SELECT history.after FROM history
         WHERE history.subject_sid = key.sid AND history.actor_sid = key.reader_sid AND history.operation = 'readAuthToken'
         ORDER BY history.position DESC LIMIT 1
       ) AS "lastShown"
       FROM ${unnestedKeys(2)} WITH ORDINALITY AS key(sid, reader_sid, number)
       LEFT JOIN ${credentialAt('key.sid')} ON true
       ORDER BY key.number`,
      [keys.map(({ sid }) => sid), keys.map(({ readerSid }) => readerSid)],
    );
    return rows.map((token) => (token.ciphertext === null ? undefined : token));
  }

  /** The root's AuthToken or, where it has none, that of some account. */
  async findSampleToken(): Promise<AccountToken | undefined> {
    const [token] = await queryRows<AccountToken>(
      this.client,
      `SELECT credential.account_sid AS "accountSid", credential.token_ciphertext AS "tokenCiphertext", credential.token_hash AS "tokenHash"
       FROM (
         SELECT account.sid, 1 AS choice FROM account WHERE account.parent_sid IS NULL
         UNION ALL (SELECT credential.account_sid, 2 FROM credential LIMIT 1)
       ) AS sample JOIN credential ON credential.account_sid = sample.sid
       ORDER BY sample.choice LIMIT 1`,
    );
    return token;
  }

  /** Sets the account's password and token. Those that it had before end, and so do its reset tokens. */
  set(sid: Sid, { passwordHash, tokenCiphertext, tokenHash, tokenIsRandom }: NewCredential): void {
    execute(
      this.client,
      `WITH forgotten AS (DELETE FROM password_reset_token WHERE password_reset_token.account_sid = $1)
       INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash, token_date, random_token_hashes)
       VALUES ($1, $2, $3, $4, clock_timestamp(), CASE WHEN $5 THEN ARRAY[$4::bytea] END)
       ON CONFLICT (account_sid) DO UPDATE SET
         password_hash = excluded.password_hash, token_ciphertext = excluded.token_ciphertext, token_hash = excluded.token_hash,
         token_date = excluded.token_date, previous_token_hash = NULL, previous_token_expires_at = NULL,
         random_token_hashes = excluded.random_token_hashes`,
      [sid, passwordHash, tokenCiphertext, tokenHash, tokenIsRandom],
    );
  }

  /** Keeps the same password under another hash, unless it was changed meanwhile. */
  replacePasswordHash(sid: Sid, before: string, after: string): void {
    execute(this.client, `UPDATE credential SET password_hash = $3 WHERE credential.account_sid = $1 AND credential.password_hash = $2`, [
      sid,
      before,
      after,
    ]);
  }

  /** Whether the account has a password and an AuthToken. */
  async exists(sid: Sid): Promise<boolean> {
    return (await queryRows(this.client, `SELECT 1 FROM credential WHERE credential.account_sid = $1`, [sid])).length > 0;
  }

  /** Replaces the account's token by a random one; the old one stays valid for the overlap. */
  rotateToken(sid: Sid, token: Pick<NewCredential, 'tokenCiphertext' | 'tokenHash'>, overlapSeconds: number): void {
    execute(
      this.client,
      `UPDATE credential
       SET previous_token_hash = credential.token_hash, previous_token_expires_at = now() + make_interval(secs => $4),
           token_ciphertext = $2, token_hash = $3, token_date = clock_timestamp(),
           random_token_hashes = array_append(
             CASE WHEN credential.token_hash = ANY (credential.random_token_hashes) THEN ARRAY[credential.token_hash] END, $3)
       WHERE credential.account_sid = $1`,
      [sid, token.tokenCiphertext, token.tokenHash, overlapSeconds],
    );
  }

  /** Stores a new reset token, and returns when it expires. Removes those of the account that have expired; of the others, those that expire last remain, at most `othersAtMost`. */
  async addResetToken(sid: Sid, tokenHash: Buffer, seconds: number, othersAtMost: number): Promise<Date> {
    execute(
      this.client,
      `DELETE FROM password_reset_token WHERE account_sid = $1 AND token_hash NOT IN (
         SELECT live.token_hash FROM password_reset_token AS live WHERE live.account_sid = $1 AND live.expires_at > now()
         ORDER BY live.expires_at DESC, live.token_hash LIMIT $2
       )`,
      [sid, othersAtMost],
    );
    const expiresAt = new Date((await transactionTime(this.client)).getTime() + seconds * 1000);
    execute(this.client, `INSERT INTO password_reset_token (token_hash, account_sid, expires_at) VALUES ($1, $2, $3)`, [
      tokenHash,
      sid,
      expiresAt,
    ]);
    return expiresAt;
  }

  /** Removes all reset tokens of the account. */
  removeResetTokens(sid: Sid): void {
    execute(this.client, `DELETE FROM password_reset_token WHERE account_sid = $1`, [sid]);
  }

  /** The account that a reset token is for, unless it has expired. The token is stored as one of the hashes, which differ by key. */
  async findByResetToken(tokenHashes: readonly Buffer[]): Promise<Account | undefined> {
    const [account] = await queryRows<Account>(
      this.client,
      `SELECT ${allColumns} FROM account WHERE account.sid = (
         SELECT token.account_sid FROM password_reset_token AS token WHERE token.token_hash = ANY ($1) AND token.expires_at > now() LIMIT 1
       )`,
      [tokenHashes],
    );
    return account;
  }

  /**
   * Locks up to `count` AuthTokens that were not encrypted with the key of the id, of accounts after the SID. It skips those that are
   * locked, so it never waits.
   */
  async lockTokensOfOtherKeys(keyId: Buffer, afterSid: string, count: number): Promise<AccountToken[]> {
    return queryRows(
      this.client,
      `SELECT credential.account_sid AS "accountSid", credential.token_ciphertext AS "tokenCiphertext", credential.token_hash AS "tokenHash"
       FROM credential WHERE ${ofAnotherKey('credential.token_hash')} AND credential.account_sid > $2
       ORDER BY credential.account_sid LIMIT $3 FOR UPDATE SKIP LOCKED`,
      [keyId, afterSid, count],
    );
  }

  /**
   * Stores the same AuthTokens, encrypted and hashed with another key. An imported password that is kept by its md5 is hashed like the
   * AuthToken, as long as that is the same md5, and moves on with it.
   */
  async reEncryptTokens(tokens: readonly AccountToken[]): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE credential SET token_ciphertext = rewritten.ciphertext, token_hash = rewritten.hash,
              random_token_hashes = array_replace(credential.random_token_hashes, credential.token_hash, rewritten.hash),
              password_hash = CASE WHEN credential.password_hash = 'md5:' || encode(credential.token_hash, 'hex')
                                   THEN 'md5:' || encode(rewritten.hash, 'hex') ELSE credential.password_hash END
       FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS rewritten (sid, ciphertext, hash)
       WHERE credential.account_sid = rewritten.sid`,
      [
        tokens.map(({ accountSid }) => accountSid),
        tokens.map(({ tokenCiphertext }) => tokenCiphertext),
        tokens.map(({ tokenHash }) => tokenHash),
      ],
    );
  }

  /** Gives accounts other AuthTokens, which are random. What was valid before ends. */
  async replaceTokens(tokens: readonly AccountToken[]): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE credential SET token_ciphertext = other.ciphertext, token_hash = other.hash, token_date = clock_timestamp(),
              previous_token_hash = NULL, previous_token_expires_at = NULL, random_token_hashes = ARRAY[other.hash]
       FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS other (sid, ciphertext, hash)
       WHERE credential.account_sid = other.sid`,
      [
        tokens.map(({ accountSid }) => accountSid),
        tokens.map(({ tokenCiphertext }) => tokenCiphertext),
        tokens.map(({ tokenHash }) => tokenHash),
      ],
    );
  }

  /**
   * How many AuthTokens, imported passwords that are kept by their md5, and reset tokens that have not expired, no key of the ids has made; and
   * how many AuthTokens there are.
   */
  async countOfNoKey(keyIds: readonly Buffer[]): Promise<Record<'all' | 'authTokens' | 'passwords' | 'resetTokens', number>> {
    const [counts] = await queryRows<Record<'all' | 'authTokens' | 'passwords' | 'resetTokens', number>>(
      this.client,
      `SELECT (SELECT count(*)::integer FROM credential) AS "all",
              (SELECT count(*)::integer FROM credential WHERE ${ofNoKey('credential.token_hash')}) AS "authTokens",
              (SELECT count(*)::integer FROM credential WHERE CASE WHEN credential.password_hash LIKE 'md5:%'
                 THEN ${ofNoKey(`decode(substring(credential.password_hash FROM 5), 'hex')`)} ELSE false END) AS passwords,
              (SELECT count(*)::integer FROM password_reset_token AS token
               WHERE ${ofNoKey('token.token_hash')} AND token.expires_at > now()) AS "resetTokens"`,
      [keyIds],
    );
    return counts!;
  }

  /** Removes reset tokens that no key of the ids has made, at most so many, and returns how many. */
  async removeResetTokensOfNoKey(keyIds: readonly Buffer[], atMost: number): Promise<number> {
    const removed = await queryRows(
      this.client,
      `DELETE FROM password_reset_token WHERE password_reset_token.token_hash IN (
         SELECT token.token_hash FROM password_reset_token AS token WHERE ${ofNoKey('token.token_hash')} LIMIT $2
       ) RETURNING 1`,
      [keyIds, atMost],
    );
    return removed.length;
  }

  /** How many AuthTokens were not hashed with the key of the id. */
  async countTokensOfOtherKeys(keyId: Buffer): Promise<number> {
    const [counted] = await queryRows<{ count: string }>(
      this.client,
      `SELECT count(*) FROM credential WHERE ${ofAnotherKey('credential.token_hash')}`,
      [keyId],
    );
    return Number(counted!.count);
  }

  /** How many imported passwords are kept by their md5, hashed with another key than that of the id, apart from their AuthToken. */
  async countPasswordsOfOtherKeys(keyId: Buffer): Promise<number> {
    const [counted] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM credential
       WHERE credential.password_hash LIKE 'md5:%' AND credential.password_hash NOT LIKE 'md5:' || encode($1, 'hex') || '%'`,
      [keyId],
    );
    return counted!.count;
  }

  /** When the last token expires that is stored only as a hash, with another key than that of the id. Null if there is none. */
  async lastExpiryOfOtherKeys(keyId: Buffer): Promise<Date | null> {
    const [last] = await queryRows<{ expiresAt: Date | null }>(
      this.client,
      `SELECT max(expires_at) AS "expiresAt" FROM (
         SELECT credential.previous_token_expires_at FROM credential WHERE ${ofAnotherKey('credential.previous_token_hash')}
         UNION ALL
         SELECT password_reset_token.expires_at FROM password_reset_token WHERE ${ofAnotherKey('password_reset_token.token_hash')}
       ) AS token (expires_at) WHERE expires_at > now()`,
      [keyId],
    );
    return last!.expiresAt;
  }
}

function callerOf({
  passwordHash,
  tokenHash,
  previousTokenHash,
  tokenIsRandom,
  previousTokenIsRandom,
  ...account
}: CallerRow): CurrentCaller {
  return {
    account: account.sid === null ? undefined : account,
    credential: passwordHash === null ? undefined : { passwordHash, tokenHash, previousTokenHash, tokenIsRandom, previousTokenIsRandom },
  };
}
