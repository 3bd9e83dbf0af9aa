import 'reflect-metadata';
import { DataSource } from 'typeorm';
import type { Client } from './driver.js';
import { AccountEntity } from '../schema/account-entity.js';
import { AccountImportEntity, AccountImportRowEntity } from '../schema/account-import-entity.js';
import { EmailClaimEntity } from '../schema/email-claim-entity.js';
import { EmailConflictEntity } from '../schema/email-conflict-entity.js';
import { CascadePartEntity } from '../schema/cascade-part-entity.js';
import { CredentialEntity, PasswordResetTokenEntity } from '../schema/credential-entity.js';
import { HistoryEntity, HistoryHeadEntity } from '../schema/history-entity.js';
import { IdempotencyKeyEntity } from '../schema/idempotency-entity.js';
import { Accounts1700000000000 } from '../schema/migrations/1700000000000-accounts.js';
import { Profiles1700000001000 } from '../schema/migrations/1700000001000-profiles.js';
import { History1700000002000 } from '../schema/migrations/1700000002000-history.js';
import { Idempotency1700000003000 } from '../schema/migrations/1700000003000-idempotency.js';
import { SignInFailures1700000004000 } from '../schema/migrations/1700000004000-sign-in-failures.js';
import { ConstraintsByBytes1700000005000 } from '../schema/migrations/1700000005000-constraints-by-bytes.js';
import { RandomAuthTokens1700000025000 } from '../schema/migrations/1700000025000-random-auth-tokens.js';
import { EmailConflicts1700000026000 } from '../schema/migrations/1700000026000-email-conflicts.js';
import { HistoryRecordVersions1700000037000 } from '../schema/migrations/1700000037000-history-record-versions.js';
import { HistoryHeadDates1700000040000 } from '../schema/migrations/1700000040000-history-head-dates.js';
import { AccountCounts1700000050000 } from '../schema/migrations/1700000050000-account-counts.js';
import { RoomOnPages1700000051000 } from '../schema/migrations/1700000051000-room-on-pages.js';
import { EmailClaims1700000052000 } from '../schema/migrations/1700000052000-email-claims.js';
import { OrganizationAccounts1700000053000 } from '../schema/migrations/1700000053000-organization-accounts.js';
import { CascadeParts1700000054000 } from '../schema/migrations/1700000054000-cascade-parts.js';
import { ChangedHistoryHeads1700000055000 } from '../schema/migrations/1700000055000-changed-history-heads.js';
import { StreamAliases1700000056000 } from '../schema/migrations/1700000056000-stream-aliases.js';
import { StatusChanges1700000033000 } from '../schema/migrations/1700000033000-status-changes.js';
import { TokenLists1700000035000 } from '../schema/migrations/1700000035000-token-lists.js';
import { NamesOfClosedOrganizations1700000035100 } from '../schema/migrations/1700000035100-names-of-closed-organizations.js';
import { DefaultProfile1700000035200 } from '../schema/migrations/1700000035200-default-profile.js';
import { OrganizationAccountEntity } from '../schema/organization-account-entity.js';
import { OrganizationEntity } from '../schema/organization-entity.js';
import { AccountProfileEntity, OrganizationProfileEntity, ProfileEntity } from '../schema/profile-entity.js';
import { ResourceRemovals1700000058000 } from '../schema/migrations/1700000058000-resource-removals.js';
import { DuePlaces1700000059000 } from '../schema/migrations/1700000059000-due-places.js';
import { AccountImports1700000060000 } from '../schema/migrations/1700000060000-account-imports.js';
import { CountsByIndex1700000061000 } from '../schema/migrations/1700000061000-counts-by-index.js';
import { HistoryStatistics1700000062000 } from '../schema/migrations/1700000062000-history-statistics.js';
import { RemovalPlaceEntity, ResourceRemovalEntity } from '../schema/resource-removal-entity.js';
import { Webhooks1700000057000 } from '../schema/migrations/1700000057000-webhooks.js';
import { WebhookAttemptEntity, WebhookEntity, WebhookPlaceEntity } from '../schema/webhook-entity.js';
import { SignInFailureEntity } from '../schema/sign-in-failure-entity.js';

interface DataSourceSettings {
  /** `postgresql://…`; a Unix socket is named by `?host=/folder`. */
  url: string;
  /** How many connections it has at most. */
  poolSize?: number;
  /** Called when a connection breaks outside of a statement; the pool replaces it by itself. */
  onBrokenConnection?: (error: Error) => void;
}

/** The table in which TypeORM records the migrations that have run. */
export const migrationsTable = 'migration';

/** The DataSource of the server, the tests and the TypeORM command line. Connects when it is initialized. */
export function createDataSource({ url, poolSize = 10, onBrokenConnection = () => {} }: DataSourceSettings): DataSource {
  return new DataSource({
    type: 'postgres',
    url,
    poolSize,
    applicationName: 'account-gateway',
    connectTimeoutMS: 5_000,
    // PostgreSQL has gen_random_uuid() without any extension; TypeORM would install one.
    uuidExtension: 'pgcrypto',
    installExtensions: false,
    poolErrorHandler: onBrokenConnection,
    // `pipeline`: statements are sent without waiting for the answers to those before them.
    // `onConnect`: the pool listens to a client for errors only while the client is idle, and an error that nobody listens for ends the process.
    extra: { keepAlive: true, pipeline: true, onConnect: async (client: Client) => void client.on('error', onBrokenConnection) },
    entities: [
      OrganizationEntity,
      AccountEntity,
      CredentialEntity,
      PasswordResetTokenEntity,
      ProfileEntity,
      AccountProfileEntity,
      OrganizationProfileEntity,
      HistoryEntity,
      HistoryHeadEntity,
      CascadePartEntity,
      IdempotencyKeyEntity,
      SignInFailureEntity,
      EmailConflictEntity,
      EmailClaimEntity,
      OrganizationAccountEntity,
      WebhookEntity,
      WebhookPlaceEntity,
      WebhookAttemptEntity,
      RemovalPlaceEntity,
      ResourceRemovalEntity,
      AccountImportEntity,
      AccountImportRowEntity,
    ],
    migrations: [
      Accounts1700000000000,
      Profiles1700000001000,
      History1700000002000,
      Idempotency1700000003000,
      SignInFailures1700000004000,
      ConstraintsByBytes1700000005000,
      RandomAuthTokens1700000025000,
      EmailConflicts1700000026000,
      StatusChanges1700000033000,
      TokenLists1700000035000,
      NamesOfClosedOrganizations1700000035100,
      DefaultProfile1700000035200,
      HistoryRecordVersions1700000037000,
      HistoryHeadDates1700000040000,
      AccountCounts1700000050000,
      RoomOnPages1700000051000,
      EmailClaims1700000052000,
      OrganizationAccounts1700000053000,
      CascadeParts1700000054000,
      ChangedHistoryHeads1700000055000,
      StreamAliases1700000056000,
      Webhooks1700000057000,
      ResourceRemovals1700000058000,
      DuePlaces1700000059000,
      AccountImports1700000060000,
      CountsByIndex1700000061000,
      HistoryStatistics1700000062000,
    ],
    migrationsTableName: migrationsTable,
  });
}
