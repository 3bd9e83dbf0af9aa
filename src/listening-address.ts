import { ConfigError } from './config.js';

/** The URL of what listens there. */
export function urlAt(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What the system says of an address that is configured, and that is no place to listen at. */
const mistakes: Record<string, (host: string, variable: string) => string> = {
  EADDRNOTAVAIL: (host) => `HOST is ${host}, which is no address of this machine.`,
  EINVAL: (host) => `HOST is ${host}, which is no address that one can listen at.`,
  EAFNOSUPPORT: (host) => `HOST is ${host}, an address of a kind that this machine does not have.`,
  ENOTFOUND: (host) => `HOST is ${host}, a name that nobody knows.`,
  EAI_AGAIN: (host) => `HOST is ${host}, a name that cannot be looked up right now.`,
  EACCES: (_host, variable) => `${variable} is one that only a user with more rights may listen at; choose one from 1024 on.`,
};

/** Waits for a server to listen at the address that the variable, with `HOST`, names. @throws ConfigError where it is none to listen at */
export async function listening<Result>(work: Promise<Result>, host: string, variable: 'PORT' | 'METRICS_PORT'): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const mistake = mistakes[(error as NodeJS.ErrnoException).code ?? ''];
    throw mistake === undefined ? error : new ConfigError([mistake(host, variable)]);
  }
}
