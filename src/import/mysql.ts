import { type Connection, type RowDataPacket, createConnection } from 'mysql2';
import { SourceError } from './errors.js';
import { type Source, type SourceRow, type SourceTable, columnOf, restcommTables } from './source.js';

/**
 * A live MariaDB or MySQL: all tables as they are at one moment, by one transaction that may only read. Dates are texts, as the
 * database has them.
 * @throws SourceError
 */
export async function openMysql(url: string, password: string | undefined): Promise<Source & { close(): Promise<void> }> {
  const connection = createConnection({
    uri: url,
    ...(password !== undefined && { password }),
    dateStrings: true,
    supportBigNumbers: true,
    charset: 'utf8mb4',
  });
  // Whoever waits for an answer is told that the connection broke.
  connection.on('error', () => {});
  const asked = connection.promise();
  try {
    await asked.connect();
  } catch (error) {
    throw new SourceError(`The source database cannot be reached: ${(error as Error).message || (error as NodeJS.ErrnoException).code}`);
  }
  try {
    await asked.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    await asked.query('START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY');
    const tables = await tablesOf(connection);
    let size = 0;
    for (const name of tables) {
      const [[counted]] = await asked.query<RowDataPacket[]>(`SELECT count(*) AS count FROM \`${name}\``);
      size += Number(counted!.count);
    }
    let done = 0;
    return {
      hasSecrets: true,
      size,
      unit: 'rows',
      done: () => done,
      rows: () => rowsOf(connection, tables, () => done++),
      close: () => asked.end(),
    };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

/** The tables of Restcomm-Connect that the database has, by their names there. */
async function tablesOf(connection: Connection): Promise<string[]> {
  const [rows] = await connection
    .promise()
    .query<RowDataPacket[]>(`SELECT table_name AS name FROM information_schema.tables WHERE table_schema = database()`);
  const tables = rows.map(({ name }) => String(name)).filter((name) => Object.hasOwn(restcommTables, name.toLowerCase()));
  if (tables.length === 0) throw new SourceError('The source database has no table restcomm_accounts. Does the URL name the right one?');
  return tables;
}

async function* rowsOf(
  connection: Connection,
  tables: readonly string[],
  onRow: () => void,
): AsyncGenerator<readonly [SourceTable, SourceRow]> {
  for (const name of tables) {
    for await (const row of connection.query(`SELECT * FROM \`${name}\``).stream()) {
      onRow();
      const entries = Object.entries(row as Record<string, unknown>);
      yield [restcommTables[name.toLowerCase()]!, Object.fromEntries(entries.map(([column, value]) => [columnOf(column), textOf(value)]))];
    }
  }
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return Buffer.isBuffer(value) ? value.toString() : String(value);
}
