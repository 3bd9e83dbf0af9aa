import type { DataSource } from 'typeorm';
import { version as gatewayVersion } from '../../version.js';
import { UnfitDatabaseError, connectionFailure } from '../connection/connection-failure.js';
import { urlOf } from '../connection/driver.js';
import { migrationsTable } from '../connection/data-source.js';

/** What a program does with the database. That decides which rights it needs. */
export interface DatabaseUse {
  /** Whether it runs migrations. */
  migrates: boolean;
  /** All rights, as for a gateway; to read all but what verifies secrets and counts tries; or to read the history, as for `verify-history`. */
  rights: 'all' | 'read' | 'read history';
}

/** What is known of the database and of the role's rights. */
export interface DatabaseFacts {
  /** As in PostgreSQL's `server_version_num`: 150004 is 15.4. */
  versionNumber: number;
  version: string;
  database: string;
  encoding: string;
  role: string;
  /** The schema in which tables are made; null when no schema of the search path exists. */
  schema: string | null;
  mayCreate: boolean;
  isReplica: boolean;
  /** Whether the extension pg_trgm is there, or can be created by the server, and whether the role may create it. */
  trigrams: 'created' | 'available' | 'missing';
  mayExtend: boolean;
  /** The gateway's tables, as far as they exist. */
  tables: readonly { name: string; isOwned: boolean; rights: readonly Right[] }[];
  /** The migrations that have run; empty where the role may not read that. */
  migrated: readonly string[];
  /** The version of the gateway that ran the last of them. */
  migratedBy: string | null;
}

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** Rows that no statement deletes or updates. A role without the right to do so is better, since it cannot falsify the history. */
const neverDeleted = ['account', 'organization', 'history', 'history_head', 'cascade_part'];
const neverUpdated = ['history', 'cascade_part'];
/** The tables that nobody reads who only wants to know what there is. */
const tablesOfSecrets = ['credential', 'password_reset_token', 'idempotency_key', 'sign_in_failure', 'email_conflict'];
/** The tables that `verify-history` reads. */
const tablesOfHistory = ['history', 'history_head'];

/**
 * Connects to the database and makes sure that the program can use it. Returns the names of the migrations that have not run.
 * @throws UnfitDatabaseError, AppError UNAVAILABLE, and the driver's error where nothing listens
 */
export async function openDatabase(dataSource: DataSource, use: DatabaseUse): Promise<string[]> {
  const { mistakes, pending } = await examineDatabase(dataSource, use);
  if (mistakes.length === 0) return pending;
  await dataSource.destroy();
  throw new UnfitDatabaseError(mistakes);
}

/** What the database is, what is wrong with it, and the names of the migrations that have not run. */
interface Examination {
  facts: DatabaseFacts;
  mistakes: string[];
  pending: string[];
}

/** Connects to the database and looks at it. @throws as openDatabase does when there is no connection */
export async function examineDatabase(dataSource: DataSource, use: DatabaseUse): Promise<Examination> {
  try {
    await dataSource.initialize();
  } catch (error) {
    throw await connectionFailure(error, urlOf(dataSource));
  }
  try {
    const known = dataSource.migrations.map(({ constructor }) => constructor.name);
    const facts = await factsOf(dataSource);
    return {
      facts,
      mistakes: databaseMistakes(facts, known, use),
      pending: known.filter((name) => !facts.migrated.includes(name)),
    };
  } catch (error) {
    await dataSource.destroy();
    throw error;
  }
}

async function factsOf(dataSource: DataSource): Promise<DatabaseFacts> {
  const [server] = await dataSource.query<[Omit<DatabaseFacts, 'tables' | 'migrated'>]>(
    `SELECT current_setting('server_version_num')::integer AS "versionNumber", current_setting('server_version') AS version,
            current_database() AS database, current_user AS role, current_schema() AS schema,
            (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding,
            coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS "mayCreate", pg_is_in_recovery() AS "isReplica",
            CASE WHEN EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm') THEN 'created'
                 WHEN EXISTS (SELECT FROM pg_available_extensions WHERE name = 'pg_trgm') THEN 'available' ELSE 'missing' END AS trigrams,
            has_database_privilege(current_database(), 'CREATE') AS "mayExtend",
            substring(obj_description(to_regclass($1), 'pg_class') FROM '${migrationMark('(.*)')}') AS "migratedBy"`,
    [migrationsTable],
  );
  const names = [...dataSource.entityMetadatas.map(({ tableName }) => tableName), migrationsTable];
  const tables = await dataSource.query<DatabaseFacts['tables'][number][]>(
    `SELECT name, pg_has_role(relowner, 'USAGE') AS "isOwned",
            ARRAY(SELECT word FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) AS word WHERE has_table_privilege(pg_class.oid, word)) AS rights
     FROM unnest($1::text[]) AS name JOIN pg_class ON pg_class.oid = to_regclass(quote_ident(name)) ORDER BY name`,
    [names],
  );
  const isReadable = tables.some(({ name, rights }) => name === migrationsTable && rights.includes('SELECT'));
  const rows = isReadable ? await dataSource.query<{ name: string }[]>(`SELECT name FROM ${migrationsTable} ORDER BY id`) : [];
  return { ...server, tables, migrated: rows.map(({ name }) => name) };
}

/** What is wrong with the database, for a program that knows these migrations. A further rule gets a line here, and its fact above. */
export function databaseMistakes(facts: DatabaseFacts, known: readonly string[], use: DatabaseUse): string[] {
  const { versionNumber, version, database, encoding, migrated, migratedBy, trigrams } = facts;
  if (versionNumber < 150_000) return [`The database server is PostgreSQL ${version}; the gateway needs 15 or later.`];
  const unknown = migrated.filter((name) => !known.includes(name));
  const newer = migratedBy === null ? 'the version that made it' : migratedBy;
  return [
    encoding !== 'UTF8' &&
      `The database "${database}" has the encoding ${encoding}; the gateway needs UTF8. Make one by: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`,
    unknown.length > 0 &&
      `A newer gateway has changed this database (${unknown.join(', ')}), which version ${gatewayVersion} does not know. Use ${newer}, or a later one.`,
    trigrams === 'missing' &&
      `The database server lacks the extension pg_trgm, by which texts are found. Install PostgreSQL's own additional modules ("contrib").`,
    ...mistakesOfRights(facts, known, use),
  ].filter((mistake) => mistake !== false);
}

function mistakesOfRights(
  { role, database, schema, mayCreate, isReplica, trigrams, mayExtend, tables, migrated }: DatabaseFacts,
  known: readonly string[],
  use: DatabaseUse,
) {
  const isPending = known.some((name) => !migrated.includes(name));
  const lacking = tables.flatMap(({ name, rights }) => {
    const lacks = rightsOn(name, use).filter((right) => !rights.includes(right));
    return lacks.length > 0 ? [`${lacks.join(', ')} on ${name}`] : [];
  });
  const mistakes = lacking.length > 0 ? [`The role "${role}" lacks rights that the gateway needs: ${lacking.join('; ')}. Grant them.`] : [];
  if (!use.migrates || !isPending || lacking.length > 0) return mistakes;

  const elsewhere = 'or run "npm run migrate" as a role that may, and set MIGRATE_ON_START=false';
  if (isReplica) return ['The database is a replica, on which no migration can run. Set DATABASE_URL to its primary.'];
  if (schema === null) return ['No schema of the search path exists, so the migrations can make no tables. Make the schema "public".'];
  if (!mayCreate) {
    return [`The role "${role}" may not make tables in the schema "${schema}", as migrations do. Grant it CREATE, ${elsewhere}.`];
  }
  if (trigrams === 'available' && !mayExtend) {
    return [
      `The role "${role}" may not create the extension pg_trgm in the database "${database}". Run CREATE EXTENSION pg_trgm there as a role that may, or grant it CREATE on the database.`,
    ];
  }
  const others = tables.filter(({ isOwned }) => !isOwned).map(({ name }) => name);
  if (others.length === 0) return [];
  return [`The role "${role}" does not own ${others.join(', ')}, which migrations change. Let it own them, ${elsewhere}.`];
}

function rightsOn(table: string, { rights }: DatabaseUse): Right[] {
  if (rights === 'read history') return tablesOfHistory.includes(table) ? ['SELECT'] : [];
  if (rights === 'read') return tablesOfSecrets.includes(table) ? [] : ['SELECT'];
  if (table === migrationsTable) return ['SELECT'];
  const never = [...(neverUpdated.includes(table) ? ['UPDATE'] : []), ...(neverDeleted.includes(table) ? ['DELETE'] : [])];
  return (['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const).filter((right) => !never.includes(right));
}

/** The comment of the migrations' table, after a gateway of the version ran migrations. */
export function migrationMark(version: string): string {
  return `account-gateway ${version}`;
}
