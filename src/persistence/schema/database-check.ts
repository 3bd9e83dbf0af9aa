import { connect } from 'node:net';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import { AppError } from '../../errors.js';
import { version as gatewayVersion } from '../../version.js';
import { migrationsTable } from '../connection/data-source.js';
import type { Connected } from '../connection/deadline.js';

/** The database is none that this gateway can work on: a sentence for each reason, which says what to do (SPEC §8). */
export class UnfitDatabaseError extends Error {
  override readonly name = 'UnfitDatabaseError';

  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

/** What a program does on the database, and so which rights it needs. */
export interface DatabaseUse {
  /** Whether it runs the migrations that have not run. */
  migrates: boolean;
  /** Of a gateway, all that its statements do; of `verify-history`, to read the history. */
  rights: 'all' | 'read history';
}

/** What the check goes by. */
export interface DatabaseFacts {
  /** As PostgreSQL counts: 150004 is 15.4. */
  versionNumber: number;
  version: string;
  database: string;
  encoding: string;
  role: string;
  /** Where tables are made; none when no schema of the search path exists. */
  schema: string | null;
  mayCreate: boolean;
  isReplica: boolean;
  /** The tables of ours that are there. */
  tables: readonly { name: string; isOwned: boolean; rights: readonly Right[] }[];
  /** The migrations that have run; none known where they may not be read. */
  migrated: readonly string[];
  /** The version of the gateway that ran the last of them. */
  migratedBy: string | null;
}

type Right = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE';

/** What no statement does: a role without the right to is better, since it cannot falsify the history. */
const neverDeleted = ['account', 'organization', 'history', 'history_head'];
const neverUpdated = ['history'];
/** All that `verify-history` reads. */
const tablesOfHistory = ['history', 'history_head'];

/**
 * Connects to the database and makes sure that the program can work on it. Returns the names of the migrations that have not run.
 * @throws UnfitDatabaseError, AppError UNAVAILABLE, and the driver's error where nothing listens
 */
export async function openDatabase(dataSource: DataSource, use: DatabaseUse): Promise<string[]> {
  try {
    await dataSource.initialize();
  } catch (error) {
    throw await explained(error, dataSource);
  }
  try {
    const known = dataSource.migrations.map(({ constructor }) => constructor.name);
    const facts = await factsOf(dataSource);
    const mistakes = mistakesOf(facts, known, use);
    if (mistakes.length > 0) throw new UnfitDatabaseError(mistakes);
    return known.filter((name) => !facts.migrated.includes(name));
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
            substring(obj_description(to_regclass($1), 'pg_class') FROM '${markOf('(.*)')}') AS "migratedBy"`,
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

/** What is wrong with the database for a program that knows these migrations. A further rule gets a line in the list, and its fact above. */
export function mistakesOf(facts: DatabaseFacts, known: readonly string[], use: DatabaseUse): string[] {
  const { versionNumber, version, database, encoding, migrated, migratedBy } = facts;
  if (versionNumber < 150_000) return [`The database server is PostgreSQL ${version}; the gateway needs 15 or later.`];
  const unknown = migrated.filter((name) => !known.includes(name));
  const newer = migratedBy === null ? 'the version that made it' : migratedBy;
  return [
    encoding !== 'UTF8' &&
      `The database "${database}" has the encoding ${encoding}; the gateway needs UTF8. Make one by: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0.`,
    unknown.length > 0 &&
      `A newer gateway has changed this database (${unknown.join(', ')}), which version ${gatewayVersion} does not know. Use ${newer}, or a later one.`,
    ...mistakesOfRights(facts, known, use),
  ].filter((mistake) => mistake !== false);
}

function mistakesOfRights(
  { role, schema, mayCreate, isReplica, tables, migrated }: DatabaseFacts,
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
  const others = tables.filter(({ isOwned }) => !isOwned).map(({ name }) => name);
  if (others.length === 0) return [];
  return [`The role "${role}" does not own ${others.join(', ')}, which migrations change. Let it own them, ${elsewhere}.`];
}

function rightsOn(table: string, { rights }: DatabaseUse): Right[] {
  if (rights === 'read history') return tablesOfHistory.includes(table) ? ['SELECT'] : [];
  if (table === migrationsTable) return ['SELECT'];
  const never = [...(neverUpdated.includes(table) ? ['UPDATE'] : []), ...(neverDeleted.includes(table) ? ['DELETE'] : [])];
  return (['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const).filter((right) => !never.includes(right));
}

/** What the table of migrations says, in its comment, of the gateway that ran the last of them. */
export function markOf(version: string): string {
  return `account-gateway ${version}`;
}

/** SQLSTATE classes by which a server refuses a client: its role or password, the database, its rights. */
const refusals = ['28', '3D', '42'];

/** Why there is no connection, where what the driver says does not tell it. */
async function explained(error: unknown, dataSource: DataSource): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code?.length === 5 && refusals.includes(code.slice(0, 2))) {
    return new UnfitDatabaseError([`The database server refuses the gateway: ${error.message}.`]);
  }
  if (code !== undefined && code !== 'ECONNRESET') return error;

  const { host, port } = new Client({ connectionString: (dataSource.options as PostgresDataSourceOptions).url }) as unknown as Connected;
  const answer = await answerTo(sslRequest, host, port);
  if (answer !== undefined && isAnswerOfPostgres(answer)) return new AppError('UNAVAILABLE', `There is no connection: ${error.message}.`);
  const what = `what listens at ${host}:${port}, where DATABASE_URL leads,`;
  if (answer === undefined) return new AppError('UNAVAILABLE', `${what} does not answer.`);
  if (answer.length === 0) return new AppError('UNAVAILABLE', `${what} hangs up: it is no PostgreSQL server, or a proxy without one.`);
  return new UnfitDatabaseError([`W${what.slice(1)} is no PostgreSQL server: it speaks another protocol.`]);
}

/** The packet by which a client asks whether it may use TLS. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** PostgreSQL answers one letter, yes or no, and waits; or tells an error, with its length. */
function isAnswerOfPostgres(answer: Buffer): boolean {
  const text = answer.toString('latin1');
  return text === 'S' || text === 'N' || text.startsWith('E\0\0');
}

/** How long what does not answer counts as silent, in milliseconds. */
const silence = 2_000;

/** What comes first for the packet: nothing when the connection ends without an answer, undefined when there is neither. */
function answerTo(packet: Buffer, host: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
    const end = (answer: Buffer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    // Once there is a connection, one that is broken off was hung up on.
    let hungUp: Buffer | undefined;
    socket.once('connect', () => {
      hungUp = Buffer.alloc(0);
      socket.write(packet);
    });
    socket.setTimeout(silence, () => end(undefined));
    socket.on('error', () => end(hungUp)).on('end', () => end(hungUp));
    socket.once('data', end);
  });
}
