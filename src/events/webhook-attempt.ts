import type { Dispatcher } from 'undici';
import { failureOfError, failureOfStatus, MalformedAnswer } from './attempt-failure.js';

/** What became of one try to deliver an event. */
export interface Attempt {
  /** The status of the answer; null if there was none. */
  readonly status: number | null;
  /** How long it took, by a clock that nobody sets. */
  readonly milliseconds: number;
  /** What the receiver said: the first 1,000 characters, fit to be stored and shown. */
  readonly answer: string;
  /** Why the event was not accepted, in a sentence for the webhook's owner; null if it was: by a status of 200 to 299. */
  readonly failure: string | null;
  /** When the receiver wants the next try, 0 to 3600 seconds from now; null if it does not say. */
  readonly retryAfterSeconds: number | null;
}

/** How much of an answer is read, in bytes. Then the connection is cut. */
const answerBytes = 65_536;

/** How much of it is kept: enough for all characters that are shown, of up to four bytes each. */
const keptBytes = 4096;
const shownCharacters = 1000;

/** Interim answers (1xx) mean nothing here. A receiver that sends more of them than this is broken. */
const interimAtMost = 10;

/** How far ahead a receiver may put off the next try, in seconds. */
const retryAfterAtMost = 3600;

/**
 * One request to a receiver, and what became of it: a handler for undici's `dispatch`.
 *
 * Once the status is there, it counts. The rest of the answer is for the owner's eyes: whether it ends well, in time, or at all does not change
 * that the receiver has accepted the event, or has not.
 */
export class AttemptUnderWay implements Dispatcher.DispatchHandler {
  readonly attempt: Promise<Attempt>;
  #finish!: (attempt: Attempt) => void;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #isOver = false;
  #controller: Dispatcher.DispatchController | undefined;
  #interim = 0;
  #status: number | null = null;
  #retryAfterSeconds: number | null = null;
  #received = 0;
  #kept: Buffer[] = [];

  /** @param milliseconds how long all of it may take */
  constructor(milliseconds: number) {
    this.attempt = new Promise((finish) => {
      this.#finish = finish;
    });
    this.#timer = setTimeout(() => this.#end(`No answer within ${milliseconds / 1000} seconds.`), milliseconds);
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    // A connection that is there too late must not be used: the event will be, or was, sent anew.
    if (this.#isOver) controller.abort(new Error('The attempt is over.'));
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    if (status < 200) {
      if (++this.#interim > interimAtMost) throw new MalformedAnswer('Too many interim answers.');
      return;
    }
    if (status > 599) throw new MalformedAnswer(`The status ${status} is unknown.`);
    this.#status = status;
    this.#retryAfterSeconds = retryAfterOf(headers, new Date());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#received < keptBytes) this.#kept.push(chunk.subarray(0, keptBytes - this.#received));
    this.#received += chunk.length;
    if (this.#received > answerBytes) this.#end(null);
  }

  onResponseEnd(): void {
    this.#end(null);
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    this.#end(failureOfError(error));
  }

  /** @param failure what went wrong, if anything; it counts only when there is no status */
  #end(failure: string | null): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#finish({
      status: this.#status,
      milliseconds: Math.round(performance.now() - this.#started),
      answer: shown(Buffer.concat(this.#kept)),
      failure: this.#status === null ? failure : failureOfStatus(this.#status),
      retryAfterSeconds: this.#retryAfterSeconds,
    });
    // After a whole answer, this does nothing.
    this.#controller?.abort(new Error('The attempt is over.'));
  }
}

// Control characters but tab and line break; the two Unicode line separators; what reverses a text's direction, or cannot be seen.
// eslint-disable-next-line no-control-regex
const harmful = /[\u0001-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/** The beginning of an answer as text. What is no UTF-8, or would not show, becomes U+FFFD; NUL, which PostgreSQL refuses, goes. */
function shown(bytes: Buffer): string {
  // As a stream: a character that the end cuts in two is left out.
  const text = new TextDecoder().decode(bytes, { stream: true });
  const harmless = text.replaceAll('\0', '').replaceAll('\r\n', '\n').replace(harmful, '\ufffd');
  return [...harmless].slice(0, shownCharacters).join('');
}

/** The header Retry-After in seconds from now. A date is measured by the receiver's own clock, if it tells it. */
function retryAfterOf(headers: Record<string, string | string[] | undefined>, now: Date): number | null {
  const text = headers['retry-after'];
  if (typeof text !== 'string') return null;
  if (/^\d+$/.test(text)) return Math.min(Number(text), retryAfterAtMost);
  const until = parseHttpDate(text);
  if (until === undefined) return null;
  const seconds = Math.ceil((until - (parseHttpDate(headers['date']) ?? now.getTime())) / 1000);
  return Math.min(Math.max(seconds, 0), retryAfterAtMost);
}

/** In milliseconds since 1970. `Date.parse` alone would take much that is no date of HTTP. */
function parseHttpDate(text: string | string[] | undefined): number | undefined {
  if (typeof text !== 'string' || !/^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}
