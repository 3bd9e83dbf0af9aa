import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { AccountEntity } from './src/persistence/account-entity.js';
import { CredentialEntity, PasswordResetTokenEntity } from './src/persistence/credential-entity.js';
import { Accounts1700000000000 } from './src/persistence/migrations/1700000000000-accounts.js';
import { OrganizationEntity } from './src/persistence/organization-entity.js';

export interface DataSourceSettings {
  /** `postgresql://…`; a unix socket goes by `?host=/folder`. */
  url: string;
  /** Connections at most. */
  poolSize?: number;
  /** Called when an idle connection breaks; the pool replaces it by itself. */
  onIdleError?: (error: Error) => void;
}

/** The DataSource of the server, the tests and the TypeORM command line. Connects when it is initialized. */
export function createDataSource({ url, poolSize = 10, onIdleError = () => {} }: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'account-gateway',
    connectTimeoutMS: 5_000,
    poolErrorHandler: onIdleError,
    entities: [OrganizationEntity, AccountEntity, CredentialEntity, PasswordResetTokenEntity],
    migrations: [Accounts1700000000000],
    migrationsTableName: 'migration',
  });
}

export default createDataSource({ url: process.env.DATABASE_URL ?? 'postgresql://localhost/gateway' });
