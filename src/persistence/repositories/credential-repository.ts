import type { Account, AccountKey } from '../../domain/account.js';
import type { Sid } from '../../domain/sid.js';
import type { SignInFailures } from '../../domain/sign-in-limit.js';
import type { CurrentCaller } from '../../domain/actor.js';
import type { Credential } from '../../domain/credentials.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { accountAt, allColumns, keyColumns, treeAt } from './account-sql.js';
import { failuresIn, noFailures } from './sign-in-failure-repository.js';
import { unnestedKeys } from './key-lists.js';
import { ofAnotherKey } from './keyed-hash.js';

/** A new password and the token that comes with it. */
export interface NewCredential {
  passwordHash: string;
  tokenCiphertext: Buffer;
  tokenHash: Buffer;
  /** Whether the token is random; else it follows from the password. */
  tokenIsRandom: boolean;
}

/** An AuthToken, encrypted. */
export interface KeptToken {
  ciphertext: Buffer;
  /** Since when it is the account's. */
  date: Date;
  /** JSON. */
  lastShown: string | null;
}

/** The AuthToken of an account, as it is kept. */
export interface KeptTokenOf {
  accountSid: Sid;
  tokenCiphertext: Buffer;
  tokenHash: Buffer;
}

/** Whose AuthToken is asked for, and by whom. */
export interface TokenKey {
  sid: Sid;
  readerSid: Sid;
}

/** What a caller is looked up by. */
export interface SignInKey {
  key: AccountKey;
  /** What the caller says who it is, and where it comes from, as failures are counted by them. */
  login: string;
  address: string;
}

/** What signing in decides on. */
export interface SignInData extends CurrentCaller {
  failures: SignInFailures;
}

/** A row of the statement by which callers are looked up. */
type FoundForSignIn = FoundWithCredential & { failures: SignInFailures | null };
type FoundWithCredential = (Account | { sid: null }) & (Credential | Record<keyof Credential, null>);

/** The credential of the account with the SID, in SQL. */
const credentialAt = (sid: string): string =>
  `LATERAL (SELECT credential.* FROM credential WHERE credential.account_sid = ${sid} LIMIT 1) AS credential`;

const credentialColumns = `
  credential.password_hash AS "passwordHash", credential.token_hash AS "tokenHash",
  CASE WHEN credential.previous_token_expires_at > clock_timestamp() THEN credential.previous_token_hash END AS "previousTokenHash",
  credential.token_hash = ANY (credential.random_token_hashes) AS "tokenIsRandom",
  credential.previous_token_hash = ANY (credential.random_token_hashes) AS "previousTokenIsRandom"`;

const failures = failuresIn('COALESCE(account.sid, caller.login)', 'caller.address');

/*
 * Everything is looked up key by key, each by its index: LATERAL with a LIMIT leaves PostgreSQL no other way. A plan that is
 * kept from when the tables were empty would read them whole.
 */
const signInStatement = `
  SELECT ${allColumns}, ${credentialColumns}, ${failures.column} AS failures
  FROM ${unnestedKeys(4)} WITH ORDINALITY AS caller(sid, email_address, login, address, number)
  LEFT JOIN ${accountAt('caller')} ON true
  LEFT JOIN ${credentialAt('account.sid')} ON true
  ${failures.joins}
  ORDER BY caller.number`;

/** The caller with its credential, and the account that is found by the other keys; both at the caller's path or below. */
const changeStatement = `
  SELECT ${allColumns}, ${credentialColumns}
  FROM (VALUES (1, $1::text, NULL), (2, $2::text, $3::text)) AS key(number, sid, email_address)
  LEFT JOIN ${accountAt('key')} ON ${treeAt('$4')}
  LEFT JOIN ${credentialAt('account.sid')} ON key.number = 1
  ORDER BY key.number`;

/** Every statement on the tables `credential` and `password_reset_token`. */
export class CredentialRepository {
  constructor(private readonly client: Client) {}

  /**
   * All that signing in needs, for many callers in one statement, in their order: the account of the SID, or the one that is
   * not closed and has the e-mail address; what verifies its secrets, unless it has none; and how often it failed from the
   * address, which for a login that no account has is counted by the login.
   */
  async findForSignIn(callers: readonly SignInKey[]): Promise<SignInData[]> {
    const rows = await queryRows<FoundForSignIn>(this.client, signInStatement, [
      ...keyColumns(callers.map(({ key }) => key)),
      callers.map(({ login }) => login),
      callers.map(({ address }) => address),
    ]);
    return rows.map(({ failures: failed, ...found }) => ({ ...callerOf(found), failures: failed ?? noFailures }));
  }

  /** Who changes something, and the account that it is about: nothing where there is none at or below the caller. */
  async findForChange({ sid, path }: Account, about?: AccountKey): Promise<{ caller: CurrentCaller; account: Account | undefined }> {
    const [[aboutSid], [aboutEmailAddress]] = keyColumns(about === undefined ? [] : [about]);
    const parameters = [sid, aboutSid ?? null, aboutEmailAddress ?? null, path];
    const [caller, account] = await queryRows<FoundWithCredential>(this.client, changeStatement, parameters);
    return { caller: callerOf(caller!), account: callerOf(account!).account };
  }

  /** The AuthToken of each account, in their order, and what the history says of the last time that its reader was shown one of the account's. */
  async findTokens(keys: readonly TokenKey[]): Promise<(KeptToken | undefined)[]> {
    const rows = await queryRows<KeptToken | Record<keyof KeptToken, null>>(
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

  /** Sets the account's password and token; whatever it had before stops, outstanding reset tokens too. */
  async set(sid: Sid, { passwordHash, tokenCiphertext, tokenHash, tokenIsRandom }: NewCredential): Promise<void> {
    await queryRows(
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

  /** Replaces the account's token by a random one; the old one stays valid for the overlap. */
  async rotateToken(sid: Sid, token: Pick<NewCredential, 'tokenCiphertext' | 'tokenHash'>, overlapSeconds: number): Promise<boolean> {
    const rotated = await queryRows(
      this.client,
      `UPDATE credential
       SET previous_token_hash = credential.token_hash, previous_token_expires_at = now() + make_interval(secs => $4),
           token_ciphertext = $2, token_hash = $3, token_date = clock_timestamp(),
           random_token_hashes = array_append(
             CASE WHEN credential.token_hash = ANY (credential.random_token_hashes) THEN ARRAY[credential.token_hash] END, $3)
       WHERE credential.account_sid = $1
       RETURNING credential.account_sid`,
      [sid, token.tokenCiphertext, token.tokenHash, overlapSeconds],
    );
    return rotated.length > 0;
  }

  /** Keeps a new reset token. Forgets those of the account that have expired and, of the others, those that end first, but for so many. */
  async addResetToken(sid: Sid, tokenHash: Buffer, seconds: number, othersAtMost: number): Promise<Date> {
    await queryRows(
      this.client,
      `DELETE FROM password_reset_token WHERE account_sid = $1 AND token_hash NOT IN (
         SELECT live.token_hash FROM password_reset_token AS live WHERE live.account_sid = $1 AND live.expires_at > now()
         ORDER BY live.expires_at DESC, live.token_hash LIMIT $2
       )`,
      [sid, othersAtMost],
    );
    const [added] = await queryRows<{ expiresAt: Date }>(
      this.client,
      `INSERT INTO password_reset_token (token_hash, account_sid, expires_at)
       VALUES ($1, $2, now() + make_interval(secs => $3))
       RETURNING expires_at AS "expiresAt"`,
      [tokenHash, sid, seconds],
    );
    return added!.expiresAt;
  }

  /** Ends the reset tokens of the account that are left. */
  async removeResetTokens(sid: Sid): Promise<void> {
    await queryRows(this.client, `DELETE FROM password_reset_token WHERE account_sid = $1`, [sid]);
  }

  /** The account that an unexpired reset token is for; it is kept as one of the hashes. */
  async findResetToken(tokenHashes: readonly Buffer[]): Promise<Sid | undefined> {
    const [token] = await queryRows<{ accountSid: Sid }>(
      this.client,
      `SELECT account_sid AS "accountSid" FROM password_reset_token WHERE token_hash = ANY ($1) AND expires_at > now()`,
      [tokenHashes],
    );
    return token?.accountSid;
  }

  /** Uses a reset token up. Of many who try at once, one is told true. */
  async takeResetToken(tokenHashes: readonly Buffer[]): Promise<boolean> {
    const taken = await queryRows(
      this.client,
      `DELETE FROM password_reset_token WHERE token_hash = ANY ($1) AND expires_at > now() RETURNING account_sid`,
      [tokenHashes],
    );
    return taken.length > 0;
  }

  /**
   * Locks some AuthTokens that another key than that with the id made, of accounts that come after the one of the SID. Passes over those
   * that others are changing: so it never waits, and none of them waits for long.
   */
  async lockTokensOfOtherKeys(keyId: Buffer, afterSid: string, count: number): Promise<KeptTokenOf[]> {
    return queryRows(
      this.client,
      `SELECT credential.account_sid AS "accountSid", credential.token_ciphertext AS "tokenCiphertext", credential.token_hash AS "tokenHash"
       FROM credential WHERE ${ofAnotherKey('credential.token_hash')} AND credential.account_sid > $2
       ORDER BY credential.account_sid LIMIT $3 FOR UPDATE SKIP LOCKED`,
      [keyId, afterSid, count],
    );
  }

  /** Keeps the same AuthTokens in another form. */
  async rewriteTokens(tokens: readonly KeptTokenOf[]): Promise<void> {
    await queryRows(
      this.client,
      `UPDATE credential SET token_ciphertext = rewritten.ciphertext, token_hash = rewritten.hash,
              random_token_hashes = array_replace(credential.random_token_hashes, credential.token_hash, rewritten.hash)
       FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS rewritten (sid, ciphertext, hash)
       WHERE credential.account_sid = rewritten.sid`,
      [
        tokens.map(({ accountSid }) => accountSid),
        tokens.map(({ tokenCiphertext }) => tokenCiphertext),
        tokens.map(({ tokenHash }) => tokenHash),
      ],
    );
  }

  async countTokensOfOtherKeys(keyId: Buffer): Promise<number> {
    const [counted] = await queryRows<{ count: string }>(
      this.client,
      `SELECT count(*) FROM credential WHERE ${ofAnotherKey('credential.token_hash')}`,
      [keyId],
    );
    return Number(counted!.count);
  }

  /** When the last token expires that is kept as a hash only, and that another key than that with the id made. */
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
}: FoundWithCredential): CurrentCaller {
  return {
    account: account.sid === null ? undefined : account,
    credential: passwordHash === null ? undefined : { passwordHash, tokenHash, previousTokenHash, tokenIsRandom, previousTokenIsRandom },
  };
}
