import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import { type Client, cancel, drop } from './driver.js';

export interface DeadlineOptions {
  /** How long the work may take, in milliseconds. */
  limit: number;
  /** Whether the server answers anybody at all. */
  isAnswering: () => Promise<boolean>;
}

/** When work is looked after for the first time, and how often from then on; and what a cancelled statement has to end. */
const heartbeat = 2_000;
const grace = 1_000;

/**
 * Does work on a connection, and breaks it off when it takes longer than it may, or when the server has fallen silent: a
 * stopped process or a broken network ends no connection, and a statement on it would be waited for without end.
 *
 * pg's own `query_timeout` gives up waiting, but leaves the statement running on the server. `statement_timeout` would
 * need a transaction around each read, or a setting of the session, which a pooler does not keep. So the statement is
 * cancelled in the way of the protocol, and the connection is given up with it: a cancellation that comes late must not
 * hit the next one who uses it.
 * @throws AppError UNAVAILABLE, and whatever the work throws
 */
export async function withDeadline<Result>(
  client: Client,
  { limit, isAnswering }: DeadlineOptions,
  work: () => Promise<Result>,
): Promise<Result> {
  const deadline = performance.now() + limit;
  let isOver = false;
  let reason: string | undefined;
  const giveUp = async (why: string): Promise<void> => {
    reason = why;
    cancel(client);
    await sleep(grace);
    if (isOver) return;
    // What was sent behind the first statement runs now.
    cancel(client);
    drop(client);
  };
  const look = async (): Promise<void> => {
    if (performance.now() >= deadline) return giveUp('The database took too long for this request; try again, or ask for less.');
    const answers = await isAnswering();
    if (isOver) return;
    if (!answers) return giveUp('The database does not answer right now; try again.');
    timer = next();
  };
  const next = () => setTimeout(() => void look(), Math.max(0, Math.min(heartbeat, deadline - performance.now())));
  let timer = next();
  try {
    return await work();
  } catch (error) {
    throw reason === undefined || error instanceof AppError ? error : new AppError('UNAVAILABLE', reason, { cause: error });
  } finally {
    isOver = true;
    clearTimeout(timer);
    if (reason !== undefined) drop(client);
  }
}
