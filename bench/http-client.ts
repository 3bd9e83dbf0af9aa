import { type Socket, connect } from 'node:net';

/** An answer as it was received. */
export interface Answer {
  status: number;
  /** The status line and the headers. */
  head: string;
  body: string;
}

/** A request without its caller. */
export interface Request {
  method: 'GET' | 'POST';
  path: string;
  /** JSON. */
  body?: string;
}

/** The bytes of a request. A request that is sent a thousand times is encoded once. */
export function bytesOf({ method, path, body = '' }: Request, authorization: string): Buffer {
  const content = method === 'GET' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`;
  return Buffer.from(
    `${method} ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: ${authorization}\r\naccept: application/json\r\n${content}\r\n${body}`,
  );
}

/**
 * One keep-alive connection, for one request after the other. No library, because the client shares the machine with what it
 * measures: it reads the head of an answer and counts the bytes of the body, and decodes the rest only if asked.
 */
export class Connection {
  #chunks: Buffer[] = [];
  #missing: number | undefined;
  #answered: { resolve(chunks: Buffer[]): void; reject(error: Error): void } | undefined;

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay().on('data', (chunk) => this.#take(chunk));
    const lost = (error?: Error): void => this.#answered?.reject(error ?? new Error('The server closed the connection.'));
    socket.on('error', lost).on('close', () => lost());
  }

  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect(port, '127.0.0.1', () => resolve(new Connection(socket)));
      socket.once('error', reject);
    });
  }

  /** Sends the request and reads the answer. */
  async ask(request: Buffer): Promise<Answer> {
    const text = Buffer.concat(await this.#exchange(request)).toString('utf8');
    const end = text.indexOf('\r\n\r\n');
    return { status: Number(text.slice(9, 12)), head: text.slice(0, end), body: text.slice(end + 4) };
  }

  /** Sends the request and checks only that it succeeded. @throws Error on an HTTP or GraphQL error */
  async load(request: Buffer): Promise<void> {
    const [first] = await this.#exchange(request);
    const isAnswer =
      first!.toString('latin1', 0, 12) === 'HTTP/1.1 200' && !first!.includes('{"errors":') && !first!.includes('{"data":null');
    if (!isAnswer) throw new Error(`A request failed: ${first!.toString('utf8').slice(0, 1000)}`);
  }

  close(): void {
    this.socket.destroy();
  }

  #exchange(request: Buffer): Promise<Buffer[]> {
    return new Promise((resolve, reject) => {
      this.#answered = { resolve, reject };
      // A socket that the server has closed meanwhile would say nothing.
      if (this.socket.destroyed) reject(new Error('The server has closed the connection.'));
      else this.socket.write(request);
    });
  }

  #take(chunk: Buffer): void {
    this.#chunks.push(chunk);
    if (this.#missing === undefined) {
      const [start] = (this.#chunks = [Buffer.concat(this.#chunks)]);
      const end = start!.indexOf('\r\n\r\n');
      if (end < 0) return;
      const [, length] = /content-length: (\d+)/i.exec(start!.toString('latin1', 0, end)) ?? [];
      if (length === undefined) return this.#answered?.reject(new Error('The answer does not say how long it is.'));
      this.#missing = end + 4 + Number(length) - start!.length;
    } else {
      this.#missing -= chunk.length;
    }
    if (this.#missing > 0) return;
    const chunks = this.#chunks;
    this.#chunks = [];
    this.#missing = undefined;
    this.#answered?.resolve(chunks);
  }
}
