import { type Logger, pino } from 'pino';
import type { Config } from '../config.js';

/** The log of the process. Lines are written in batches; what is left is written when the process ends. */
export function createLog({ logLevel }: Config): Logger {
  return pino({ level: logLevel }, pino.destination({ sync: false, minLength: 4096, periodicFlush: 100 }));
}
