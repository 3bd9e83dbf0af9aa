import { type Socket, connect } from 'node:net';
import { Client } from 'pg';
import type { DataSource } from 'typeorm';
import type { PostgresDataSourceOptions } from 'typeorm/driver/postgres/PostgresDataSourceOptions.js';
import type { PostgresDriver } from 'typeorm/driver/postgres/PostgresDriver.js';

export type { Client } from 'pg';

/**
 * What pg and TypeORM do not declare and the gateway uses all the same (ADR 39). It was read in the sources of these versions; a
 * unit test fails when others are installed, so that whoever upgrades reads them again. Beside this file it is used in
 * `prepared-query.ts` (pg reads the rows of a query), `entity-manager.ts` (TypeORM runs a query) and `data-source.ts` (the pool).
 */
export const writtenAgainst = { pg: '8.23.1', typeorm: '1.1.1' };

/** A client's connection: where it leads, its socket, and what the server told it to cancel statements by. */
interface Internals {
  connection: { stream: Socket };
  host: string;
  port: number;
  processID: number;
  secretKey: number;
}

function internalsOf(client: Client): Internals {
  return client as unknown as Internals;
}

/** The URL that the DataSource connects to. */
export function urlOf(dataSource: DataSource): string | undefined {
  return (dataSource.options as PostgresDataSourceOptions).url;
}

/** The address that a client with the URL connects to; a host that begins with a slash is the folder of a Unix socket. */
export function addressOf(url: string | undefined): { host: string; port: number } {
  const { host, port } = internalsOf(new Client({ connectionString: url }));
  return { host, port };
}

/** Opens a connection of its own to the server at the address. */
export function connectTo({ host, port }: { host: string; port: number }): Socket {
  return host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
}

/** The process of the server that the client was told, which by a pooler is one of the pooler's own making. */
export function processIdOf(client: Client): number {
  return internalsOf(client).processID;
}

/** Holds back what is written to the server until this turn of the event loop ends, so that statements go out in one packet. */
export function holdWrites(client: Client): void {
  const { stream } = internalsOf(client).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
}

/** Ends the connection at once, with whatever runs on it; the pool does not use it again. */
export function drop(client: Client): void {
  client.end().catch(() => {});
  // pg would first wait for the answers to what it has sent.
  internalsOf(client).connection.stream.destroy();
}

/** How long the server may take to receive a cancellation, in milliseconds. */
const cancelPatience = 1_000;

/** Asks the server to cancel what runs on the connection: by a packet of its own, on a connection of its own. */
export function cancel(client: Client): void {
  const { host, port, processID, secretKey } = internalsOf(client);
  const request = Buffer.alloc(16);
  for (const [index, word] of [16, 80_877_102, processID, secretKey].entries()) request.writeInt32BE(word, index * 4);
  const socket = connectTo({ host, port });
  // If the server cannot be reached, nothing is cancelled, and the caller drops the connection anyway.
  socket.on('error', () => {}).setTimeout(cancelPatience, () => socket.destroy());
  socket.end(request);
}

/** How many connections a pool has, how many of them are idle, and how many wait for one. */
export interface PoolNumbers {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

/** The numbers of the DataSource's pool; undefined before the first connection. */
export function poolNumbers(dataSource: DataSource): PoolNumbers | undefined {
  return (dataSource.driver as unknown as { master?: PoolNumbers }).master;
}

/** Takes a client out of the DataSource's pool; `release` gives it back. */
export async function takeClient(dataSource: DataSource): Promise<{ client: Client; release: () => void }> {
  const [client, release] = (await (dataSource.driver as PostgresDriver).obtainMasterConnection()) as [Client, () => void];
  return { client, release };
}
