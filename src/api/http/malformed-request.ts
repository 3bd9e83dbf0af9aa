import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { AppError } from '../../errors.js';
import { errorBody, jsonOf } from './error-body.js';
import { publicError } from './public-error.js';

/** What Node.js reports of requests that are not HTTP, by its codes. */
const reported: Record<string, { status: number; message: string }> = {
  HPE_HEADER_OVERFLOW: { status: 431, message: 'The headers of the request are too long.' },
  ERR_HTTP_REQUEST_TIMEOUT: { status: 408, message: 'The request took too long to arrive.' },
};

/**
 * Answers what could not be read as a request, with an error of the catalogue, and ends its connection: where the next request begins
 * is unknown. Nothing can be said where an answer is under way, or the client is gone.
 */
export function answerMalformed(error: { code?: string }, socket: Socket, publicUrl: string | undefined): void {
  const isAnswering = (socket as { _httpMessage?: { headersSent: boolean } | null })._httpMessage?.headersSent === true;
  if (error.code !== 'ECONNRESET' && socket.writable && !isAnswering) socket.write(answerTo(error, publicUrl));
  socket.destroySoon();
}

function answerTo({ code = '' }: { code?: string }, publicUrl: string | undefined): string {
  const { status, message } = reported[code] ?? { status: 400, message: 'The request is not HTTP/1.1.' };
  const refused = new AppError('BAD_USER_INPUT', message, { status });
  const body = JSON.stringify(
    jsonOf(
      errorBody(
        publicError(refused, '', () => {}),
        publicUrl,
      ),
    ),
  );
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    'Connection: close',
  ];
  return `${head.join('\r\n')}\r\n\r\n${body}`;
}
