import type { Logger } from 'pino';
import type { Config } from '../config.js';
import { setTracer } from './tracer.js';

/** How often it is logged that spans are lost, in milliseconds. */
const pause = 60_000;

/** Loads OpenTelemetry and turns tracing on, if the settings say so. Returns what sends the last spans, to be called at the end. */
export async function startTracing({ spans }: Config, log: Logger): Promise<() => Promise<void>> {
  if (spans === undefined) return async () => {};
  const { startOpenTelemetry } = await import('./opentelemetry.js');
  let silentUntil = -Infinity;
  const { tracer, close } = startOpenTelemetry(spans, (reason) => {
    if (performance.now() < silentUntil) return;
    silentUntil = performance.now() + pause;
    log.warn({ reason }, 'spans could not be sent');
  });
  setTracer(tracer);
  return close;
}
