import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { headersForClient } from './forwarded-headers.js';
import { MalformedAnswer } from './upstream-failure.js';

/** An upstream's answer. Its first bytes are there, or its end. */
export interface UpstreamAnswer {
  status: number;
  /** Those that the client may get. */
  headers: Record<string, string>;
  /** Fails when the upstream does. Reading slowly slows the upstream down. */
  body: Readable;
}

interface ExchangeObserver {
  /** The headers are there. */
  onAnswered(): void;
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
 * The answer begins once its first bytes are there, so that an upstream that fails before them is still told of by an error.
 */
export class Exchange implements Dispatcher.DispatchHandler {
  readonly answer: Promise<UpstreamAnswer>;
  #begin!: (answer: UpstreamAnswer) => void;
  #fail!: (error: Error) => void;
  #controller: Dispatcher.DispatchController | undefined;
  #begun: UpstreamAnswer | undefined;
  #interim = 0;
  #isAborted = false;
  #isOver = false;

  constructor(private readonly observer: ExchangeObserver) {
    this.answer = new Promise((begin, fail) => {
      this.#begin = begin;
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
    this.observer.onAnswered();
    const body = new Readable({
      read: () => controller.resume(),
      destroy: (error, callback) => {
        this.abort();
        callback(error);
      },
    });
    // Whoever reads it is told too, but nobody may have begun to.
    body.on('error', () => {});
    this.#begun = { status, headers, body };
    // undici takes a length that such an answer has for a promise, and reports it as broken.
    if (statusesWithoutBody.has(status)) this.#complete();
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    const answer = this.#begun!;
    this.observer.onReceived(chunk.length);
    if (!answer.body.push(chunk)) controller.pause();
    this.#begin(answer);
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
    this.#begun?.body.destroy(error);
  }

  #complete(): void {
    this.#isOver = true;
    this.observer.onEnded(undefined, false);
    this.#begun!.body.push(null);
    this.#begin(this.#begun!);
  }
}
