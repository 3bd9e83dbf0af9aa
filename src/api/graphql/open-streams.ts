import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply } from 'fastify';
import type { GraphQLFormattedError } from 'graphql';
import { stringifyAnswer } from './http-response.js';

export const eventStreamType = 'text/event-stream; charset=utf-8';

/** One message of a stream. */
export const message = (event: string, data: string, id?: string): string =>
  `event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${data.trimEnd()}\n\n`;

/** The message that ends a stream for good. */
export const complete = 'event: complete\ndata:\n\n';

/** What a client sees of a stream that has nothing to tell. */
const signOfLife = ':\n\n';

/** How often a stream without events tells that it is alive, in seconds: proxies end what is silent. */
const heartbeatSeconds = 12;

/** The streams of this process that are open. */
export class OpenStreams {
  /** One group for each second between two heartbeats, so that ten thousand streams are not written to at once. */
  readonly #groups = Array.from({ length: heartbeatSeconds }, () => new Set<OpenStream>());
  readonly #heartbeat = setInterval(() => this.#beat(), 1000).unref();
  #opened = 0;
  #beats = 0;
  #isDraining = false;

  /** Begins a stream. It ends when the signal is aborted, and aborts it when it ends. */
  open(reply: FastifyReply, ending: AbortController): OpenStream {
    const group = this.#groups[this.#opened++ % heartbeatSeconds]!;
    const stream = new OpenStream(reply, ending, () => group.delete(stream));
    group.add(stream);
    // Its request came before the gateway began to drain, and was answered after.
    if (this.#isDraining) stream.end();
    return stream;
  }

  /** Lets all clients go without `complete`, so that they come back elsewhere. */
  drain(): void {
    this.#isDraining = true;
    clearInterval(this.#heartbeat);
    for (const group of this.#groups) group.forEach((stream) => stream.end());
  }

  #beat(): void {
    this.#groups[this.#beats++ % heartbeatSeconds]!.forEach((stream) => stream.beat());
  }
}

/** A stream that is being written. */
export class OpenStream {
  readonly #raw: ServerResponse;

  constructor(
    reply: FastifyReply,
    private readonly ending: AbortController,
    private readonly onEnd: () => void,
  ) {
    const headers = { ...reply.getHeaders(), 'content-type': eventStreamType, 'cache-control': 'no-store', 'x-accel-buffering': 'no' };
    reply.hijack();
    this.#raw = reply.raw;
    this.#raw.writeHead(200, headers as Record<string, string>);
    // So that the client sees the stream begin.
    this.#raw.write(signOfLife);
  }

  /** Sends a result, and waits until the client has room for the next one. */
  async next(json: string, id: string): Promise<void> {
    if (this.#raw.write(message('next', json, id)) || this.ending.signal.aborted) return;
    await once(this.#raw, 'drain', { signal: this.ending.signal }).catch(() => {});
  }

  /** Ends the stream for good, and says why. */
  async fail(errors: GraphQLFormattedError[]): Promise<void> {
    if (!this.ending.signal.aborted) this.#raw.write(message('next', stringifyAnswer({ errors })) + complete);
  }

  beat(): void {
    // To a client that reads slowly, what waits for it is sign of life enough.
    if (!this.#raw.writableNeedDrain) this.#raw.write(signOfLife);
  }

  end(): void {
    this.onEnd();
    this.ending.abort();
    this.#raw.end();
  }
}
