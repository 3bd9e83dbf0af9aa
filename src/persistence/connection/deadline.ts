import { setTimeout as sleep } from 'node:timers/promises';
import { AppError } from '../../errors.js';
import { type Client, cancel, drop } from './driver.js';

interface DeadlineOptions {
  /** How long the work may take, in milliseconds. */
  limit: number;
  /** Whether the server answers anybody at all. */
  isAnswering: () => Promise<boolean>;
}

/** How often it is checked whether work may go on, in milliseconds. */
const interval = 2_000;
/** How long a cancelled statement may take to end, in milliseconds. */
const grace = 1_000;

/**
 * Does work on a connection, and breaks it off when it takes too long or the server has fallen silent. A stopped server or a
 * broken network does not end a connection, so a statement on it could be waited for without end.
 *
 * pg's own `query_timeout` stops waiting, but leaves the statement running on the server. `statement_timeout` would need a
 * transaction around each read, or a setting of the session, which a pooler does not keep. So the statement is cancelled as the
 * protocol provides for, and the connection is dropped: a cancellation that arrives late must not hit whoever uses it next.
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
    // Statements that were sent behind the cancelled one run now.
    cancel(client);
    drop(client);
  };
  const check = async (): Promise<void> => {
    if (performance.now() >= deadline) return giveUp('The database took too long for this request. Ask for less, or try again.');
    const answers = await isAnswering();
    if (isOver) return;
    if (!answers) return giveUp('The database does not answer right now. Try again in a second.');
    timer = schedule();
  };
  const schedule = () => setTimeout(() => void check(), Math.max(0, Math.min(interval, deadline - performance.now())));
  let timer = schedule();
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
