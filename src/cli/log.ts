import { type Logger, pino, stdTimeFunctions } from 'pino';
import type { Config } from '../config.js';
import { tracer } from '../tracing/tracer.js';

/**
 * The log of the process. While tracing is on, lines name the trace that they belong to. Lines are written in batches; what is left is written
 * when the process ends.
 */
export function createLog({ logLevel, spans }: Config, dest: number = process.stdout.fd): Logger {
  const mixin = (): object => {
    const span = tracer?.active();
    return span === undefined ? {} : { trace_id: span.traceId };
  };
  return pino(
    { level: logLevel, timestamp: stdTimeFunctions.isoTime, ...(spans !== undefined && { mixin }) },
    pino.destination({ dest, sync: false, minLength: 4096, periodicFlush: 100 }),
  );
}

/** The log of a command that tells its result in sentences, among the lines of its log, or as one JSON document, which stands alone. */
export function createLogBeside(json: boolean | undefined, config: Config): Logger {
  return json ? createCommandLog(config) : createLog(config);
}

/** The log of a command whose standard output is its result. */
export function createCommandLog(config: Config): Logger {
  return createLog(config, process.stderr.fd);
}
