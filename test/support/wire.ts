import { type Socket, connect } from 'node:net';
import { type Login, basic } from './graphql-client.js';

/** A request as it goes over the wire: nothing is escaped, normalized or added that is not asked for. */
export interface WireRequest {
  method?: string;
  /** Of HTTP. */
  version?: '1.0' | '1.1';
  /** The whole request target: path and query. */
  target: string;
  login?: Login | undefined;
  /** By their names as they are to be spelled. */
  headers?: Record<string, string>;
  /** A text is sent as its bytes in Latin-1. With its Content-Length, unless the headers have a Transfer-Encoding. */
  body?: string;
}

/** An answer as it came over the wire. */
export interface WireAnswer {
  status: number;
  /** The status line and the headers, as they were spelled. */
  head: string;
  /** By their names as they were spelled; of a repeated one, all values. */
  headers: Record<string, string>;
  body: string;
}

/** Sends one request, byte by byte as given, on a connection of its own, and reads what comes back to the end. */
export async function sendOnWire(url: string, request: WireRequest): Promise<WireAnswer> {
  const { method = 'GET', version = '1.1', target, login, headers = {}, body } = request;
  const { host } = new URL(url);
  const lines = {
    Host: host,
    Connection: 'close',
    ...(login && { Authorization: basic(login) }),
    ...(body !== undefined && !('Transfer-Encoding' in headers) && { 'Content-Length': String(body.length) }),
    ...headers,
  };
  const head = [`${method} ${target} HTTP/${version}`, ...Object.entries(lines).map(([name, value]) => `${name}: ${value}`)];
  return answerIn(await exchange(url, Buffer.from(`${head.join('\r\n')}\r\n\r\n${body ?? ''}`, 'latin1')), method !== 'HEAD');
}

/** Sends bytes, and returns all that is answered until the connection ends. */
async function exchange(url: string, bytes: Buffer): Promise<Buffer> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  // A server that refuses a long body unread resets the connection after its answer. Whether that is whole shows later.
  socket.on('error', () => {});
  socket.write(bytes);
  socket.once('end', () => socket.end());
  // Not `once` of node:events, for which an error is an end.
  await new Promise((resolve) => socket.once('close', resolve));
  return Buffer.concat(chunks);
}

/** @throws Error when the answer is not whole */
function answerIn(bytes: Buffer, hasBody: boolean): WireAnswer {
  const end = bytes.indexOf('\r\n\r\n');
  const head = bytes.subarray(0, end).toString('latin1');
  const [statusLine, ...lines] = head.split('\r\n');
  const [, status] = /^HTTP\/1\.1 (\d{3}) /.exec(statusLine!) ?? [];
  if (status === undefined) throw new Error(`no answer in HTTP: ${bytes.toString('latin1')}`);
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const [, name = '', value = ''] = /^([^:]+): ?(.*)$/.exec(line) ?? [];
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const rest = bytes.subarray(end + 4);
  const body = headers['Transfer-Encoding'] === 'chunked' ? unchunked(rest) : rest;
  const length = Number(headers['Content-Length'] ?? body.length);
  if (hasBody && body.length !== length) throw new Error(`${body.length} bytes of a body of ${length}`);
  return { status: Number(status), head, headers, body: body.toString('utf8') };
}

/** @throws Error when the last chunk is missing: the body was broken off */
function unchunked(bytes: Buffer): Buffer {
  const chunks: Buffer[] = [];
  for (let position = 0; ;) {
    const lineEnd = bytes.indexOf('\r\n', position);
    const size = Number.parseInt(bytes.subarray(position, lineEnd).toString('latin1'), 16);
    if (lineEnd < 0 || Number.isNaN(size)) throw new Error('the body was broken off');
    if (size === 0) return Buffer.concat(chunks);
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size));
    position = lineEnd + 2 + size + 2;
  }
}

/** Connects a socket from which nothing is read until it is resumed. Whoever opens it destroys it. */
export async function openPausedSocket(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  socket.pause();
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}
