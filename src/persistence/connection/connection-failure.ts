import { AppError } from '../../errors.js';
import { addressOf, connectTo } from './driver.js';
import { codeOf } from './errors.js';

/** The database cannot be used by this gateway. Each reason is a sentence that says what to do (SPEC §8). */
export class UnfitDatabaseError extends Error {
  override readonly name = 'UnfitDatabaseError';

  constructor(readonly mistakes: readonly string[]) {
    super(mistakes.join('\n'));
  }
}

/** SQLSTATE classes by which a server refuses a client: its role or password, the database, its rights. */
const refusals = ['28', '3D', '42'];

/** Why there is no connection to the URL: says more than the driver's error where that alone would not help. */
export async function connectionFailure(error: unknown, url: string | undefined): Promise<unknown> {
  if (!(error instanceof Error)) return error;
  const code = codeOf(error);
  if (code?.length === 5 && refusals.includes(code.slice(0, 2))) {
    return new UnfitDatabaseError([`The database server refuses the gateway: ${error.message}.`]);
  }
  if (code !== undefined && code !== 'ECONNRESET') return error;

  const { host, port } = addressOf(url);
  const answer = await firstAnswer(sslRequest, host, port);
  if (answer !== undefined && isAnswerOfPostgres(answer)) return new AppError('UNAVAILABLE', `There is no connection: ${error.message}.`);
  const what = `what listens at ${host}:${port}, where DATABASE_URL leads,`;
  if (answer === undefined) return new AppError('UNAVAILABLE', `${what} does not answer.`);
  if (answer.length === 0) return new AppError('UNAVAILABLE', `${what} hangs up: it is no PostgreSQL server, or a proxy without one.`);
  return new UnfitDatabaseError([`W${what.slice(1)} is no PostgreSQL server: it speaks another protocol.`]);
}

/** The packet by which a client asks whether it may use TLS. */
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** PostgreSQL answers with one letter, yes or no; or with an error, which begins with its length. */
function isAnswerOfPostgres(answer: Buffer): boolean {
  const text = answer.toString('latin1');
  return text === 'S' || text === 'N' || text.startsWith('E\0\0');
}

/** How long a server may take to answer, in milliseconds. */
const patience = 2_000;

/** The first bytes that the server answers to the packet: none when it closes the connection, undefined when it stays silent. */
function firstAnswer(packet: Buffer, host: string, port: number): Promise<Buffer | undefined> {
  return new Promise((resolve) => {
    const socket = connectTo({ host, port });
    const end = (answer: Buffer | undefined): void => {
      socket.destroy();
      resolve(answer);
    };
    // An end before there was a connection is silence; after that, the server closed it.
    let closed: Buffer | undefined;
    socket.once('connect', () => {
      closed = Buffer.alloc(0);
      socket.write(packet);
    });
    socket.setTimeout(patience, () => end(undefined));
    socket.on('error', () => end(closed)).on('end', () => end(closed));
    socket.once('data', end);
  });
}
