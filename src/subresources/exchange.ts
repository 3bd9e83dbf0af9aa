import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { headersForClient } from './forwarded-headers.js';
import { MalformedAnswer } from './upstream-failure.js';

/** An upstream's answer. */
export interface UpstreamAnswer {
  status: number;
  /** Those that the client may get. */
  headers: Record<string, string>;
  /** All of it, if it came with the headers. Otherwise a stream, which fails when the upstream does; reading it slowly slows the upstream down. */
  body: Buffer | Readable;
}

interface ExchangeObserver {
  /** The headers are there. */
  onAnswered(status: number): void;
  onReceived(bytes: number): void;
  /** It is over: with an error unless the answer is whole. `isAborted` tells the client's hanging up from a failure of the upstream. */
  onEnded(error: Error | undefined, isAborted: boolean): void;
}

/** Answers that have no body, whatever they say of its length. */
const statusesWithoutBody = new Set([204, 304]);

/** Interim answers are not passed on. An upstream that sends more of them than this is broken. */
const interimAtMost = 10;

/**
 * One request to an upstream and its answer: a handler for undici's `dispatch`. Its `request` would do the same with more objects for
 * each request, and leaves the bytes to be counted by a stream between.
 *
 * The answer begins once its first bytes are there, so that an upstream that fails before them is still told of by an error. It begins
 * when all has been read that came together with them: most answers are whole by then, and need no stream.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<UpstreamAnswer>;
  #tell!: (answer: UpstreamAnswer) => void;
  #fail!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #head: Pick<UpstreamAnswer, 'status' | 'headers'> | undefined;
  /** What came before the answer began. */
  #pieces: Buffer[] = [];
  /** The rest of the answer, once it has begun without it. */
  #body: Readable | undefined;
  #interim = 0;
  #isAborted = false;
  #hasBegun = false;
  #isOver = false;

  constructor(private readonly observer: ExchangeObserver) {
    this.answer = new Promise((tell, fail) => {
      this.#tell = tell;
      this.#fail = fail;
    });
    // It may fail before anybody waits for it.
    this.answer.catch(() => {});
  }

  /** Ends the request at the upstream, at any time. After the end, this does nothing. */
  abort(): void {
    if (this.#isOver) return;
    this.#isAborted = true;
    this.#controller?.abort(new Error('The client hung up.'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isAborted) controller.abort(new Error('The client hung up.'));
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, parsed: Record<string, unknown>): void {
    if (status < 200) {
      if (++this.#interim > interimAtMost) throw new MalformedAnswer('Too many interim answers.');
      return;
    }
    if (status > 599) throw new MalformedAnswer(`The status ${status} is unknown.`);
    if ('transfer-encoding' in parsed && parsed['transfer-encoding'] !== 'chunked') throw new MalformedAnswer('Its coding is unknown.');
    const headers = headersForClient((controller as unknown as { rawHeaders: Buffer[] }).rawHeaders);
    if (status === 204) delete headers['content-length'];
    this.observer.onAnswered(status);
    this.#head = { status, headers };
    // undici takes a length that such an answer has for a promise, and reports it as broken.
    if (statusesWithoutBody.has(status)) this.#complete();
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.observer.onReceived(chunk.length);
    if (this.#body !== undefined) this.#pass(this.#body, chunk);
    else if (this.#pieces.push(chunk) === 1) queueMicrotask(() => this.#begin());
  }

  onResponseEnd(): void {
    if (!this.#isOver) this.#complete();
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.observer.onEnded(error, this.#isAborted);
    // Does nothing if the answer has begun. Then whoever reads the body is told.
    this.#fail(error);
    this.#body?.destroy(error);
  }

  #complete(): void {
    this.#isOver = true;
    this.observer.onEnded(undefined, false);
    if (this.#body === undefined) this.#begin();
    else this.#body.push(null);
  }

  /** Begins the answer with what is there. After a failure, nobody is told. */
  #begin(): void {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    if (!this.#isOver) this.#body = this.#streamed(this.#pieces);
    this.#tell({ ...this.#head!, body: this.#body ?? joined(this.#pieces) });
  }

  #streamed(pieces: readonly Buffer[]): Readable {
    const body = new Readable({
      read: () => this.#controller?.resume(),
      destroy: (error, callback) => {
        this.abort();
        callback(error);
      },
    });
    // Whoever reads it is told too, but nobody may have begun to.
    body.on('error', () => {});
    for (const piece of pieces) this.#pass(body, piece);
    return body;
  }

  #pass(body: Readable, piece: Buffer): void {
    if (!body.push(piece)) this.#controller?.pause();
  }
}

function joined(pieces: Buffer[]): Buffer {
  return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
}
