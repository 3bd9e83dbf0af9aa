import type { App } from '../app.js';
import { type PrimaryMessages, nextMessage, sendToPrimary } from './messages.js';

/** Serves as one of the workers until the primary process tells it to drain. */
export async function runWorker(createOn: (databaseUrl: string) => Promise<App>, drainMilliseconds: number): Promise<void> {
  const databaseUrl = nextMessage<PrimaryMessages, 'databaseUrl'>(process, 'databaseUrl');
  const drain = nextMessage<PrimaryMessages, 'drain'>(process, 'drain');
  await sendToPrimary({ receiving: true });
  // A start that is not finished is abandoned.
  const unlessDrained = <Result>(start: Promise<Result>) => Promise.race([start, drain.then(() => undefined)]);
  const app = await unlessDrained(databaseUrl.then(createOn));
  if (app === undefined) return;
  try {
    const url = await unlessDrained(app.open());
    if (url === undefined) return;
    process.on('message', async ({ measure, ping }: Partial<PrimaryMessages>) => {
      if (ping) await sendToPrimary({ pong: true });
      if (measure) await sendToPrimary({ measured: await app.metrics.measured() });
    });
    await sendToPrimary({ url });
    await drain;
    setTimeout(() => app.cutOff(), drainMilliseconds).unref();
  } finally {
    await app.close();
  }
}
