import type { DataSource } from 'typeorm';
import type { Config } from '../config.js';
import { type CredentialsKeys, wrongKey } from '../credentials-key.js';
import { Database } from '../persistence/connection/database.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { clockDifference } from '../persistence/schema/clock-check.js';
import { examineDatabase } from '../persistence/schema/database-check.js';
import { assertLocksExclude } from '../persistence/schema/lock-check.js';
import { hasRightKey } from '../service/bootstrap.js';
import { lostSecrets } from '../service/key-replacement.js';
import { Secrets } from '../service/secrets.js';
import { type Finding, examined } from './finding.js';
import { counted } from './terminal.js';

/** By how many seconds clocks may differ before that is worth a warning. */
const clockTolerance = 2;

/**
 * Looks at the database, and at what can be told only with it: migrations, locks, clocks, the key, the replica.
 * @param keys undefined when there are none, which the caller tells
 */
export async function examineDatabaseAt(url: string, config: Config, keys: CredentialsKeys | undefined): Promise<Finding[]> {
  const dataSource = createDataSource({ url, poolSize: 3 });
  const { facts, mistakes, pending } = await examineDatabase(dataSource, { migrates: config.migrateOnStart, rights: 'all' });
  try {
    const message = `PostgreSQL ${facts.version} answers, and its database "${facts.database}" is fit for the gateway.`;
    return [
      ...(mistakes.length === 0 ? [{ check: 'database', result: 'ok', message } as const] : mistakes.map(failedDatabase)),
      migrations(pending, config),
      ...(await examined('locks', () => locks(dataSource))),
      ...(await examined('clock', () => clock(dataSource))),
      ...(keys === undefined ? [] : await examined('key', () => key(dataSource, pending, keys))),
      ...(await examined('replica', () => replica(dataSource, config))),
    ];
  } finally {
    await dataSource.destroy();
  }
}

function failedDatabase(message: string): Finding {
  return { check: 'database', result: 'failed', message };
}

function migrations(pending: readonly string[], { migrateOnStart }: Config): Finding {
  if (pending.length === 0) return { check: 'migrations', result: 'ok', message: 'All have run.' };
  const what = `${pending.length === 1 ? '1 has' : `${pending.length} have`} not run`;
  const then = migrateOnStart ? 'The next start runs them.' : 'Run "account-gateway migrate": until then, requests are refused.';
  return { check: 'migrations', result: 'warning', message: `${what}. ${then}` };
}

async function locks(dataSource: DataSource): Promise<Finding[]> {
  await assertLocksExclude(dataSource);
  return [{ check: 'locks', result: 'ok', message: 'Changes exclude each other.' }];
}

async function clock(dataSource: DataSource): Promise<Finding[]> {
  const difference = await clockDifference(dataSource);
  const seconds = Math.abs(difference).toFixed(1);
  if (Math.abs(difference) < clockTolerance) return [{ check: 'clock', result: 'ok', message: `${seconds} s from the database's.` }];
  const message = `This machine's clock is ${seconds} s ${difference < 0 ? 'ahead of' : 'behind'} the database's. Set both by NTP.`;
  return [{ check: 'clock', result: 'warning', message }];
}

async function key(
  dataSource: DataSource,
  pending: readonly string[],
  { credentialsKeys, credentialsKeysFrom }: CredentialsKeys,
): Promise<Finding[]> {
  if (pending.length > 0) {
    return [{ check: 'key', result: 'warning', message: 'Whether it is the right one can be told once all migrations have run.' }];
  }
  const [database, secrets] = [new Database(dataSource), new Secrets(credentialsKeys)];
  if (!(await hasRightKey(database, secrets))) return [{ check: 'key', result: 'failed', message: wrongKey(credentialsKeysFrom).message }];
  const { authTokens, webhooks } = await lostSecrets(database, secrets);
  if (authTokens + webhooks === 0) return [{ check: 'key', result: 'ok', message: `${credentialsKeysFrom} decrypts the AuthTokens.` }];
  const made = `${counted(authTokens, 'AuthToken')} and ${counted(webhooks, 'secret')} of webhooks were made with another key`;
  return [{ check: 'key', result: 'failed', message: `${made}. List that one too, or run "account-gateway replace-key".` }];
}

async function replica(primary: DataSource, { replicaUrl }: Config): Promise<Finding[]> {
  if (replicaUrl === undefined) return [];
  const dataSource = createDataSource({ url: replicaUrl, poolSize: 1 });
  await examineDatabase(dataSource, { migrates: false, rights: 'read history' });
  try {
    const [ours, its] = await Promise.all([primary, dataSource].map((each) => new Database(each).logPosition()));
    const isOurs = its!.isReplica && its!.cluster === ours!.cluster;
    if (isOurs) return [{ check: 'replica', result: 'ok', message: 'It follows the database.' }];
    const message = 'DATABASE_REPLICA_URL names no replica of the database at DATABASE_URL. The primary is read instead.';
    return [{ check: 'replica', result: 'failed', message }];
  } finally {
    await dataSource.destroy();
  }
}
