import type { DataSource, DeepPartial, EntityManager, EntityTarget, FindOptionsWhere, ObjectLiteral } from 'typeorm';
import type { QueryDeepPartialEntity } from 'typeorm/query-builder/QueryPartialEntity.js';
import { QueryResult } from 'typeorm/query-runner/QueryResult.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';
import { PostgresQueryRunner } from 'typeorm/driver/postgres/PostgresQueryRunner.js';
import type { Client } from './driver.js';
import { queryRows } from './prepared-query.js';

/** Makes the EntityManager of the connection when it is first asked for: most work needs none. */
export type Entities = () => EntityManager;

/**
 * TypeORM's EntityManager on a connection that is borrowed already, and in the transaction that runs on it (ADR 39). Its statements go
 * the way of all others: they are prepared, timed and pipelined, and fail with the driver's own errors.
 */
export function entitiesOn(dataSource: DataSource, client: Client): Entities {
  let manager: EntityManager | undefined;
  return () => (manager ??= dataSource.createEntityManager(new BorrowedQueryRunner(dataSource.driver as PostgresDriver, client)));
}

/** Runs TypeORM's statements on a client that it neither takes from the pool nor gives back. */
class BorrowedQueryRunner extends PostgresQueryRunner {
  constructor(
    driver: PostgresDriver,
    private readonly client: Client,
  ) {
    super(driver, 'master');
  }

  override connect(): Promise<Client> {
    return Promise.resolve(this.client);
  }

  override query<Rows>(sql: string, parameters?: unknown[], useStructuredResult?: false): Promise<Rows>;
  override query(sql: string, parameters: unknown[] | undefined, useStructuredResult: true): Promise<QueryResult>;
  override async query(sql: string, parameters?: unknown[], useStructuredResult = false): Promise<unknown> {
    const rows = await queryRows(this.client, sql, parameters);
    if (!useStructuredResult) return rows;
    const result = new QueryResult();
    result.raw = rows;
    result.records = rows;
    return result;
  }

  override async release(): Promise<void> {}
}

/** Updates what fits, in one statement, and returns it as it is then. */
export async function updateReturning<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Entity>,
  where: FindOptionsWhere<Entity>,
  changes: QueryDeepPartialEntity<Entity>,
): Promise<Entity[]> {
  const query = manager.createQueryBuilder().update(entity).set(changes).where(where);
  return returned(manager, entity, (await query.returning(propertiesOf(manager, entity)).execute()).raw as Row[]);
}

/** Deletes what fits, in one statement, and returns it as it was. */
export async function deleteReturning<Entity extends ObjectLiteral>(
  manager: EntityManager,
  entity: EntityTarget<Entity>,
  where: FindOptionsWhere<Entity>,
): Promise<Entity[]> {
  const query = manager.createQueryBuilder().delete().from(entity).where(where);
  return returned(manager, entity, (await query.returning(propertiesOf(manager, entity)).execute()).raw as Row[]);
}

/** A row, by the names of the table's columns. */
type Row = Record<string, unknown>;

function propertiesOf(manager: EntityManager, entity: EntityTarget<ObjectLiteral>): string[] {
  return manager.dataSource.getMetadata(entity).columns.map(({ propertyName }) => propertyName);
}

/** What RETURNING gave, as entities. */
function returned<Entity extends ObjectLiteral>(manager: EntityManager, entity: EntityTarget<Entity>, rows: readonly Row[]): Entity[] {
  const { columns } = manager.dataSource.getMetadata(entity);
  const read = (row: Row) => Object.fromEntries(columns.map(({ propertyName, databaseName }) => [propertyName, row[databaseName]]));
  return rows.map((row) => manager.create(entity, read(row) as DeepPartial<Entity>));
}
