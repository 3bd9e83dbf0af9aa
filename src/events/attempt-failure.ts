import { isUnknown } from './host-lookup.js';

/** A webhook may not be sent to the address: it was refused before anything was sent. */
export class AddressNotAllowed extends Error {
  readonly code = 'ADDRESS_NOT_ALLOWED';
}

/** An answer that is HTTP, but none that can be understood. */
export class MalformedAnswer extends Error {
  readonly code = 'MALFORMED_ANSWER';
}

/** Codes of errors, and what a webhook's owner is told. The first row that matches counts. */
const sentences: readonly [RegExp, string][] = [
  [/^ADDRESS_NOT_ALLOWED$/, 'The address is not allowed.'],
  [/^ECONNREFUSED$/, 'The connection was refused.'],
  [/^(?:EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL|EACCES|EPERM|EINVAL)$/, 'The host cannot be reached.'],
  [/^(?:ETIMEDOUT|UND_ERR_CONNECT_TIMEOUT)$/, 'The connection could not be opened in time.'],
  // From the handshake itself, some of them name certificates too: those that the receiver asks for.
  [/^(?:ERR_SSL_|EPROTO$)/, 'The TLS handshake failed.'],
  // Node.js passes OpenSSL's codes on: CERT_HAS_EXPIRED, UNABLE_TO_VERIFY_LEAF_SIGNATURE, ERR_TLS_CERT_ALTNAME_INVALID, …
  [/CERT|CRL|SIGNATURE|ISSUER|^INVALID_(?:CA|PURPOSE)$|^PATH_LENGTH_EXCEEDED$/, 'The TLS certificate is not valid.'],
  [/^UND_ERR_HEADERS_OVERFLOW$/, "The answer's headers are too long."],
  [/^(?:HPE_|HTTPParserError$|MALFORMED_ANSWER$|UND_ERR_RES_)/, 'The answer was malformed.'],
  [/^(?:ECONNRESET|EPIPE|ECONNABORTED|UND_ERR_SOCKET)$/, 'The connection was closed before there was an answer.'],
  [/^UND_ERR_(?:DESTROYED|CLOSED|ABORTED)$/, 'The gateway was stopped.'],
];

/** What went wrong, for the owner of the webhook: a sentence without addresses, which an error's own message may have. */
export function failureOfError(error: Error): string {
  const { syscall, code = error.name } = error as { code?: string; syscall?: unknown };
  // A name server that refuses has the code of a receiver that does.
  if (/^(?:query|getaddrinfo)/.test(String(syscall))) {
    return isUnknown(code) ? 'The host name is unknown.' : 'The host name could not be looked up.';
  }
  // undici has one code for all that it makes of a connection. It says "bad response" of an answer that nobody asked for.
  if (code === 'UND_ERR_SOCKET' && error.message.startsWith('bad ')) return 'The answer was malformed.';
  return sentences.find(([codes]) => codes.test(code))?.[1] ?? 'The request failed.';
}

/** Why a status means that the event was not accepted; null if it was. */
export function failureOfStatus(status: number): string | null {
  if (status >= 200 && status < 300) return null;
  const hint = status < 400 ? ' Redirects are not followed.' : '';
  return `The receiver answered with status ${status}.${hint}`;
}
