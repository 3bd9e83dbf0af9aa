import { ConfigError } from './config.js';

/** The URL of a server at the host and port. */
export function urlAt(host: string, port: number): string {
  return `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What is wrong with a configured address that cannot be listened at, by the code of the system's error. */
const mistakes: Record<string, (host: string, variable: string) => string> = {
  EADDRNOTAVAIL: (host) => `HOST is ${host}, which is not an address of this machine.`,
  EINVAL: (host) => `HOST is ${host}, which is not an address to listen at.`,
  EAFNOSUPPORT: (host) => `HOST is ${host}, a kind of address that this machine does not have.`,
  ENOTFOUND: (host) => `HOST is ${host}, an unknown host name.`,
  EAI_AGAIN: (host) => `HOST is ${host}, a host name that cannot be looked up right now.`,
  EACCES: (_host, variable) => `${variable} is a port that needs more rights to listen at; choose one from 1024 on.`,
};

/** Waits until a server listens at `HOST` and the port of the variable. @throws ConfigError when it cannot listen there */
export async function listening<Result>(work: Promise<Result>, host: string, variable: 'PORT' | 'METRICS_PORT'): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    const mistake = mistakes[(error as NodeJS.ErrnoException).code ?? ''];
    throw mistake === undefined ? error : new ConfigError([mistake(host, variable)]);
  }
}
