import { Agent, request } from 'node:http';

export interface HttpRequest {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Uint8Array;
}

/** An answer that was read to its end. */
export interface HttpAnswer {
  status: number;
  headers: Headers;
  text: string;
}

const agent = new Agent({ keepAlive: true });
const utf8 = new TextDecoder();

/**
 * Sends a request as `fetch` would, but follows no redirect, and takes a third of the processor time: tests make a hundred thousand.
 * @throws Error "no answer", with the cause
 */
export function send(url: string, { method = 'GET', headers = {}, body }: HttpRequest): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown): void => reject(new Error('no answer', { cause }));
    const length = body === undefined ? {} : { 'content-length': `${Buffer.byteLength(body)}` };
    const sent = request(new URL(url), { agent, method, headers: { accept: '*/*', ...length, ...headers } }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => void chunks.push(chunk)).on('error', fail);
      answer.on('end', () => {
        const received = new Headers();
        for (let at = 0; at < answer.rawHeaders.length; at += 2) received.append(answer.rawHeaders[at]!, answer.rawHeaders[at + 1]!);
        resolve({ status: answer.statusCode!, headers: received, text: utf8.decode(Buffer.concat(chunks)) });
      });
    });
    sent.on('error', fail).end(body);
  });
}
