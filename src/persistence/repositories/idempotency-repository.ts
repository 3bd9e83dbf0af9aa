import type { Sid } from '../../domain/sid.js';
import { AppError } from '../../errors.js';
import type { Client } from '../connection/driver.js';
import { codeOf, sqlState } from '../connection/errors.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute } from '../connection/transaction.js';
import { ofAnotherKey, ofNoKey } from './keyed-hash.js';

/** What came of a request. */
export interface StoredResult {
  requestHash: Buffer;
  /** JSON, without secrets. */
  result: string;
}

/** How long a request can be repeated (SPEC §2). */
const lifetime = `interval '24 hours'`;

/** The table `idempotency_key`. */
export class IdempotencyRepository {
  constructor(private readonly client: Client) {}

  /**
   * Takes the key until the transaction ends. When another transaction has it, the statement fails at once, and so do the
   * statements that were sent after it, before they wait for any lock.
   * @throws AppError IDEMPOTENCY_IN_FLIGHT
   */
  async claim(accountSid: Sid, key: string): Promise<void> {
    const claim = `SELECT 1 / pg_try_advisory_xact_lock(hashtextextended($1, 0))::integer -- fails when the idempotency key is in use`;
    await queryRows(this.client, claim, [`${accountSid} ${key}`]).catch((error: unknown) => {
      if (codeOf(error) !== sqlState.divisionByZero) throw error;
      throw new AppError(
        'IDEMPOTENCY_IN_FLIGHT',
        'A request with this idempotency key is still in progress. Send this one again in a second.',
      );
    });
  }

  async find(accountSid: Sid, key: string): Promise<StoredResult | undefined> {
    const [done] = await queryRows<StoredResult>(
      this.client,
      `SELECT idempotency_key.request_hash AS "requestHash", idempotency_key.result FROM idempotency_key
       WHERE idempotency_key.account_sid = $1 AND idempotency_key.key = $2 AND idempotency_key.date_created > now() - ${lifetime}`,
      [accountSid, key],
    );
    return done;
  }

  /** Stores the result of a request. Removes up to ten that have expired: more than it adds, so that the table shrinks. */
  store(accountSid: Sid, key: string, { requestHash, result }: StoredResult): void {
    execute(
      this.client,
      `WITH expired AS (
         SELECT old.account_sid, old.key FROM idempotency_key AS old
         WHERE old.date_created <= now() - ${lifetime} AND (old.account_sid, old.key) <> ($1, $2)
         ORDER BY old.date_created LIMIT 10 FOR UPDATE SKIP LOCKED
       ), forgotten AS (
         DELETE FROM idempotency_key USING expired
         WHERE idempotency_key.account_sid = expired.account_sid AND idempotency_key.key = expired.key
       )
       INSERT INTO idempotency_key (account_sid, key, request_hash, result) VALUES ($1, $2, $3, $4)
       ON CONFLICT (account_sid, key)
       DO UPDATE SET request_hash = excluded.request_hash, result = excluded.result, date_created = excluded.date_created`,
      [accountSid, key, requestHash, result],
    );
  }

  /** How many requests no key of the ids has hashed, so that they cannot be repeated any more. */
  async countOfNoKey(keyIds: readonly Buffer[]): Promise<number> {
    const [counted] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM idempotency_key
       WHERE ${ofNoKey('idempotency_key.request_hash')} AND idempotency_key.date_created > now() - ${lifetime}`,
      [keyIds],
    );
    return counted!.count;
  }

  /** When the last request expires that was hashed with another key than that of the id. Null if there is none. */
  async lastExpiryOfOtherKeys(keyId: Buffer): Promise<Date | null> {
    const [last] = await queryRows<{ expiresAt: Date | null }>(
      this.client,
      `SELECT max(idempotency_key.date_created) + ${lifetime} AS "expiresAt" FROM idempotency_key
       WHERE ${ofAnotherKey('idempotency_key.request_hash')} AND idempotency_key.date_created > now() - ${lifetime}`,
      [keyId],
    );
    return last!.expiresAt;
  }
}
