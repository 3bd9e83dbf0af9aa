import { connect } from 'node:net';
import { Readable } from 'node:stream';
import { Pool } from 'undici';
import { apiVersionPath } from '../domain/subresource.js';
import { tracer } from '../tracing/tracer.js';
import { Exchange } from './exchange.js';
import { type identityHeaders, signatureOf } from './identity-headers.js';
import type { UpstreamMetrics } from './upstream-metrics.js';
import type { UpstreamSettings } from './upstream-settings.js';
import { reasonOf } from './upstream-failure.js';

/** How long an upstream may take, in milliseconds. */
export interface UpstreamTimeouts {
  /** To accept a connection. */
  readonly connect: number;
  /** To begin its answer, once it has the request or takes no more of it. */
  readonly answer: number;
  /** To send more of its answer. */
  readonly silence: number;
}

/** A request as it goes to an upstream. */
export interface UpstreamRequest {
  method: string;
  /** The documented path without its version, such as `/Accounts/AC…/Calls.json?Page=1`. */
  path: string;
  headers: Record<string, string>;
  identity: ReturnType<typeof identityHeaders>;
  body: AsyncIterable<Uint8Array> | undefined;
}

/** Called while the answer comes. */
interface SendObserver {
  onReceived(bytes: number): void;
  onEnded(): void;
}

/** Where one subresource is served, or every other one: a pool of connections to one place. Nothing is tried twice. */
export class Upstream {
  readonly #pool: Pool;
  readonly #url: URL;
  /** What precedes the documented path. */
  readonly #prefix: string;

  constructor(
    readonly name: string,
    private readonly settings: UpstreamSettings,
    private readonly timeouts: UpstreamTimeouts,
    private readonly metrics: UpstreamMetrics,
    private readonly onFailed: (upstream: string, reason: string) => void,
  ) {
    this.#url = new URL(settings.url);
    this.#prefix = this.#url.pathname.replace(/\/$/, '') + apiVersionPath;
    this.#pool = new Pool(this.#url.origin, {
      connect: { timeout: timeouts.connect },
      headersTimeout: timeouts.answer,
      bodyTimeout: timeouts.silence,
    });
  }

  /** Sends the request. Whoever hangs up aborts the exchange. */
  send({ method, path: documented, headers, identity, body }: UpstreamRequest, observer: SendObserver): Exchange {
    const { name, metrics } = this;
    const { secret, authorization } = this.settings;
    const path = this.#prefix + documented;
    const started = performance.now();
    metrics.opened(name);
    const span = tracer?.request(`${method} ${name}`, { 'http.request.method': method, upstream: name, 'server.address': this.#url.host });
    const exchange = new Exchange({
      onAnswered: (status) => {
        metrics.answered(name, (performance.now() - started) / 1000);
        span?.set({ 'http.response.status_code': status });
      },
      onReceived: (bytes) => {
        metrics.transferred(name, 'received', bytes);
        observer.onReceived(bytes);
      },
      onEnded: (error, isAborted) => {
        metrics.ended(name);
        observer.onEnded();
        const reason = error && reasonOf(error);
        span?.end(isAborted ? 'aborted' : reason);
        if (reason === undefined || isAborted) return;
        const fail = (): void => this.failed(reason);
        if (span === undefined) fail();
        else span.within(fail);
      },
    });
    const own = {
      ...identity,
      ...span?.headers(),
      ...(authorization !== undefined && { authorization }),
      ...(secret !== undefined && { 'x-gateway-signature': signatureOf(secret, secondsNow(), method, path, identity) }),
    };
    const sent = body === undefined ? null : Readable.from(this.#counted(body));
    this.#pool.dispatch({ method, path, headers: { ...headers, ...own }, body: sent }, exchange);
    return exchange;
  }

  /** Counts a request that was not answered properly. */
  failed(reason: string): void {
    this.metrics.failed(this.name, reason);
    this.onFailed(this.name, reason);
  }

  /** Whether a connection can be opened. */
  async isReachable(): Promise<boolean> {
    const { hostname, port, protocol } = this.#url;
    const socket = connect({ host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) });
    socket.setTimeout(this.timeouts.connect, () => socket.destroy(new Error('too slow')));
    return new Promise<boolean>((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    }).finally(() => socket.destroy());
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      this.metrics.transferred(this.name, 'sent', chunk.length);
      yield chunk;
    }
  }
}

function secondsNow(): number {
  return Math.floor(new Date().getTime() / 1000);
}
