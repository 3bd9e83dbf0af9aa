import { randomUUID } from 'node:crypto';
import type { DataSource } from 'typeorm';
import { ConfigError, readConfig } from '../config.js';
import { configuredCredentialsKeys, wrongKey } from '../credentials-key.js';
import { type SignedIn, operatorOf } from '../domain/actor.js';
import { commandLinePrefix } from '../domain/history.js';
import type { Caller } from '../domain/request-context.js';
import { createDataSource } from '../persistence/connection/data-source.js';
import { Database } from '../persistence/connection/database.js';
import { openDatabase } from '../persistence/schema/database-check.js';
import { AccountQueries } from '../service/account-queries.js';
import { AccountService } from '../service/account-service.js';
import { AccountStatusService } from '../service/account-status.js';
import { AuditedTransactions } from '../service/audited-transaction.js';
import { hasRightKey } from '../service/bootstrap.js';
import { CredentialService } from '../service/credential-service.js';
import { EmailConflicts } from '../service/email-conflicts.js';
import { HistoryQueries } from '../service/history-queries.js';
import { OrganizationService } from '../service/organization-service.js';
import { Passwords } from '../service/passwords.js';
import { ProfileQueries } from '../service/profile-queries.js';
import { ResourceRemovals } from '../service/resource-removal.js';
import { Secrets } from '../service/secrets.js';
import { SignInLimit } from '../service/sign-in-limit.js';
import { WebhookQueries } from '../service/webhook-queries.js';
import { createCommandLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { withDatabase } from './with-database.js';

/** What a command of the operator works with: the services of the gateway, and whom they are called by. */
export type Operator = ReturnType<typeof servicesOn> & { caller: Caller & { actor: SignedIn } };

interface OperatorNeeds {
  /** Whether the command only reads, so that a role that may only read is enough. */
  reads?: boolean;
  /** Whether it makes or reads secrets, for which it must have the right key. */
  needsKey?: boolean;
}

/**
 * Runs a command for the operator, on the database of a gateway that runs or does not. What it does is in the history by no account,
 * for a request `command-line:…`; a gateway that runs learns of it from there.
 * @throws ConfigError when there is no gateway yet, its database is of another version, or the key is wrong
 */
export async function asOperator(
  shutdown: Shutdown,
  { reads = false, needsKey = false }: OperatorNeeds,
  work: (operator: Operator) => Promise<void>,
): Promise<void> {
  const config = readConfig(undefined, { needsKey });
  await withDatabase({ config, log: createCommandLog(config), shutdown, needsKey, mustExist: true }, async (databaseUrl) => {
    const { credentialsKeys, credentialsKeysFrom } = needsKey
      ? await configuredCredentialsKeys(config)
      : { credentialsKeys: [], credentialsKeysFrom: '' };
    const dataSource = await openMigrated(databaseUrl, reads ? 'read' : 'all');
    try {
      const database = new Database(dataSource);
      const secrets = new Secrets(credentialsKeys, config.authTokenScheme);
      if (needsKey && !(await hasRightKey(database, secrets))) throw wrongKey(credentialsKeysFrom);
      const root = await database.lookUp(undefined, ({ accounts }) => accounts.findRoot());
      if (root === undefined) throw new ConfigError(['There is no Super Admin yet, and no account at all. Run: account-gateway migrate']);
      const request = { requestId: commandLineRequest(), address: '', slot: undefined };
      await shutdown.unlessRequested(work({ ...servicesOn(database, secrets, config), caller: { actor: operatorOf(root), request } }));
    } finally {
      await dataSource.destroy();
    }
  });
}

/** A request of the command line, as the history names it. */
export function commandLineRequest(): string {
  return `${commandLinePrefix}${randomUUID()}`;
}

/** The database of a gateway, which must be of this version. @throws ConfigError, UnfitDatabaseError */
export async function openMigrated(databaseUrl: string, rights: 'all' | 'read'): Promise<DataSource> {
  const dataSource = createDataSource({ url: databaseUrl, poolSize: 2 });
  const pending = await openDatabase(dataSource, { migrates: false, rights });
  if (pending.length === 0) return dataSource;
  await dataSource.destroy();
  throw new ConfigError([`Migrations have not run on this database: ${pending.join(', ')}. Run: account-gateway migrate`]);
}

/** Without a key, no service that is called reads or makes a secret. */
function servicesOn(database: Database, secrets: Secrets, { maxLevels, signInLimits }: ReturnType<typeof readConfig>) {
  const transactions = new AuditedTransactions(database, secrets);
  const signInLimit = new SignInLimit(database, secrets, signInLimits);
  const credentials = new CredentialService(database, transactions, secrets, new Passwords(undefined, { secrets }), signInLimit);
  return {
    accounts: new AccountService(transactions, credentials, new EmailConflicts(database, transactions), maxLevels),
    accountStatus: new AccountStatusService(transactions),
    accountQueries: new AccountQueries(database, secrets),
    history: new HistoryQueries(database),
    organizations: new OrganizationService(database, transactions),
    profiles: new ProfileQueries(database),
    removals: new ResourceRemovals(database, transactions),
    webhooks: new WebhookQueries(database),
  };
}
