import { tracer } from '../../tracing/tracer.js';
import { type Client, holdWrites } from './driver.js';
import { lockTimeoutSettings } from './lock-timeout.js';
import { pipelined } from './pipeline.js';
import { queryRows } from './prepared-query.js';

/** How long a change may take, and how long it may wait for all of its locks together, in milliseconds. */
export interface ChangeLimits {
  changeMilliseconds: number;
  lockMilliseconds: number;
}

/** A transaction under way: when it began, by PostgreSQL's clock, and its statements whose answers nobody waits for. */
interface Transaction {
  startedAt: Promise<Date>;
  unanswered: Promise<unknown>[];
}

/**
 * What changes keep up to date by statements of their own, though it follows from the rows of `account`. The setting
 * `account_gateway.keeps` tells triggers so: they keep it for all other transactions, such as those of the version before, which does not
 * know of it. A trigger takes some microseconds for each row of a cascade, a statement that does the same for all rows a tenth of
 * that. Triggers ask in their WHEN: `(current_setting('account_gateway.keeps', true) LIKE '%email_claims%') IS NOT TRUE`.
 */
const kept = ['counts', 'email_claims', 'organization_accounts'];

const transactions = new WeakMap<Client, Transaction>();

/** What `now()` is in the transaction of the connection. */
export function transactionTime(client: Client): Promise<Date> {
  return transactions.get(client)!.startedAt;
}

/** Sends a statement that changes something. Nobody waits for its answer: if it fails, the transaction of the connection fails. */
export function execute(client: Client, sql: string, parameters: unknown[]): void {
  const answer = queryRows(client, sql, parameters);
  answer.catch(() => {});
  transactions.get(client)!.unanswered.push(answer);
}

/**
 * Runs work in a transaction that may change something.
 *
 * It takes no more round trips than the work has reads that wait for each other, and one (ADR 42). `BEGIN` is sent along with the
 * first reads: if it fails, nothing has been changed. What `execute` sends is not waited for, so `COMMIT` is sent along with it:
 * when a statement fails, PostgreSQL fails all that follow, and rolls back instead. So the first failure is the one to report.
 */
export async function changeTransaction<Result>(
  client: Client,
  { changeMilliseconds, lockMilliseconds }: ChangeLimits,
  work: () => Promise<Result>,
): Promise<Result> {
  // For the transaction, not for the session, which behind a pooler belongs to others too.
  const settings = Object.entries({
    ...lockTimeoutSettings(lockMilliseconds),
    statement_timeout: changeMilliseconds,
    'account_gateway.keeps': kept.join(),
  }).map(([name, value]) => `set_config('${name}', '${value}', true)`);
  holdWrites(client);
  const begun = command(client, 'BEGIN');
  const set = queryRows<{ startedAt: Date }>(client, `SELECT ${settings.join(', ')}, now()::timestamptz(3) AS "startedAt"`);
  const startedAt = set.then(([row]) => row!.startedAt);
  const unanswered: Promise<unknown>[] = [begun, startedAt];
  for (const answer of unanswered) answer.catch(() => {});
  transactions.set(client, { startedAt, unanswered });
  try {
    const result = await work();
    await pipelined(...unanswered, command(client, 'COMMIT'));
    return result;
  } catch (error) {
    await rollBack(client);
    await pipelined(...unanswered);
    throw error;
  } finally {
    transactions.delete(client);
  }
}

/** Runs reads in a transaction in which every statement sees what was committed when the first one began. */
export async function snapshotTransaction<Result>(client: Client, work: () => Promise<Result>): Promise<Result> {
  try {
    await command(client, 'BEGIN ISOLATION LEVEL REPEATABLE READ');
    const result = await work();
    await command(client, 'COMMIT');
    return result;
  } catch (error) {
    await rollBack(client);
    throw error;
  }
}

/** Where this fails, the connection is gone, and the server rolls back by itself. */
async function rollBack(client: Client): Promise<void> {
  await command(client, 'ROLLBACK').catch(() => {});
}

/** Sends a statement that begins or ends a transaction. */
async function command(client: Client, sql: string): Promise<void> {
  const span = tracer?.statement(sql);
  try {
    await client.query(sql);
  } finally {
    span?.end();
  }
}
