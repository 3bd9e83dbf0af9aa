import 'reflect-metadata';
import { DataSource } from 'typeorm';
import { AccountEntity } from './account-entity.js';
import { CredentialEntity, PasswordResetTokenEntity } from './credential-entity.js';
import { Accounts1700000000000 } from './migrations/1700000000000-accounts.js';
import { OrganizationEntity } from './organization-entity.js';

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
