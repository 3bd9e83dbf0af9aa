import { AppError } from '../errors.js';

/** undici's codes for an upstream that took too long. */
const timeouts = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT']);

/** An answer that cannot be passed on. */
export class MalformedAnswer extends Error {
  readonly code = 'MALFORMED_ANSWER';
}

/** The upstream does not accept the gateway's own credentials. */
export class CredentialsRefused extends Error {}

/** The code of what went wrong with an upstream, for the log and the metrics. It never holds an address. */
export function reasonOf(error: Error): string {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^\w{1,40}$/.test(code) ? code : error.name;
}

/** What the caller is told: nothing about where the upstream is, or what it said. */
export function upstreamFailure(subresource: string, error: Error): AppError {
  if (error instanceof AppError) return error;
  if (timeouts.has(reasonOf(error))) {
    return new AppError(
      'UPSTREAM_TIMEOUT',
      `The service behind ${subresource} did not answer in time. It may still do what it was asked: look before you ask again.`,
    );
  }
  return new AppError(
    'UPSTREAM_UNAVAILABLE',
    `The service behind ${subresource} cannot be reached, or did not answer properly. Try again later.`,
  );
}
