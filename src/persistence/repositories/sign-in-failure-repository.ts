import type { Failures, SignInFailures } from '../../domain/sign-in-limit.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';

/** What failures are counted by: the account and the address of a sign-in. */
export interface FailureKey {
  /** The account's SID, or a hash of a login that no account has; absent where the sign-in names no account. */
  subject?: string | undefined;
  address: string;
}

interface FailureRow extends Failures {
  subject: string;
  address: string;
}

const secondsLeft = (table: string): string => `ceil(extract(epoch FROM ${table}.window_ends - now()))::integer`;

/**
 * Reads the failures of a subject and an address, both given in SQL, in a statement that adds the column and the joins. The column is
 * null where there are no failures, which is the rule.
 */
export function failureJoins(subject: string, address: string): { column: string; joins: string } {
  const keys = { ofPair: [subject, address], ofAccount: [subject, `''`], ofAddress: [`''`, address] };
  const names = Object.keys(keys);
  const counted = names.map(
    (name) =>
      `'${name}', json_build_object('count', COALESCE("${name}".failures, 0), 'secondsLeft', COALESCE(${secondsLeft(`"${name}"`)}, 0))`,
  );
  return {
    column: `CASE WHEN COALESCE(${names.map((name) => `"${name}".failures`).join(', ')}) IS NOT NULL
             THEN json_build_object(${counted.join(', ')}) END`,
    joins: Object.entries(keys)
      .map(
        ([name, [ofSubject, ofAddress]]) =>
          `LEFT JOIN LATERAL (
             SELECT failed.failures, failed.window_ends FROM sign_in_failure AS failed
             WHERE failed.subject = ${ofSubject} AND failed.address = ${ofAddress} AND failed.window_ends > now() LIMIT 1
           ) AS "${name}" ON true`,
      )
      .join('\n'),
  };
}

const none: Failures = { count: 0, secondsLeft: 0 };

export const noFailures: SignInFailures = { ofPair: none, ofAccount: none, ofAddress: none };

/** The table `sign_in_failure`. Sign-ins read it by a join, in `credential-repository.ts`. */
export class SignInFailureRepository {
  constructor(private readonly client: Client) {}

  /** The failures from an address, for all accounts together. */
  async ofAddress(address: string): Promise<Failures> {
    const [found] = await queryRows<Failures>(
      this.client,
      `SELECT sign_in_failure.failures AS count, ${secondsLeft('sign_in_failure')} AS "secondsLeft"
       FROM sign_in_failure
       WHERE sign_in_failure.subject = '' AND sign_in_failure.address = $1 AND sign_in_failure.window_ends > now()`,
      [address],
    );
    return found ?? none;
  }

  /**
   * Counts one more failure, and returns the new counts. A new window begins where the last one has ended. A failure has up to three
   * rows, which are locked in one order (account and address, account, address), so that two failures cannot deadlock.
   */
  async add({ subject, address }: FailureKey, windowSeconds: number): Promise<SignInFailures> {
    const ofAddress = ['', address];
    const keys = subject === undefined ? [ofAddress] : [[subject, address], [subject, ''], ofAddress];
    const rows = await queryRows<FailureRow>(
      this.client,
      `INSERT INTO sign_in_failure (subject, address, failures, window_ends)
       SELECT counted.subject, counted.address, 1, now() + make_interval(secs => $3)
       FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS counted (subject, address, position)
       ORDER BY counted.position
       ON CONFLICT (subject, address) DO UPDATE SET
         failures = CASE WHEN sign_in_failure.window_ends > now() THEN sign_in_failure.failures + 1 ELSE 1 END,
         window_ends = CASE WHEN sign_in_failure.window_ends > now() THEN sign_in_failure.window_ends ELSE excluded.window_ends END
       RETURNING sign_in_failure.subject, sign_in_failure.address, sign_in_failure.failures AS count,
                 ${secondsLeft('sign_in_failure')} AS "secondsLeft"`,
      [keys.map(([subjectOfKey]) => subjectOfKey), keys.map(([, addressOfKey]) => addressOfKey), windowSeconds],
    );
    const counted = (subjectOfKey: string | undefined, addressOfKey: string): Failures =>
      rows.find((row) => row.subject === subjectOfKey && row.address === addressOfKey) ?? none;
    return { ofPair: counted(subject, address), ofAccount: counted(subject, ''), ofAddress: counted('', address) };
  }

  /** Removes rows whose window has ended, at most so many. It skips those that another instance removes or counts. */
  async removeExpired(atMost: number): Promise<void> {
    await queryRows(
      this.client,
      `DELETE FROM sign_in_failure WHERE ctid = ANY (ARRAY(
         SELECT expired.ctid FROM sign_in_failure AS expired WHERE expired.window_ends <= now()
         ORDER BY expired.window_ends LIMIT $1 FOR UPDATE SKIP LOCKED))`,
      [atMost],
    );
  }
}
