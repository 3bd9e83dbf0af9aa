import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Why requests to upstreams fail most; each is counted from the start. Others appear when they happen. */
const usualReasons = ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET'];

/** What is measured of each upstream. All of it is there from the start, at 0. */
export class UpstreamMetrics {
  readonly #requests: Counter;
  readonly #seconds: Histogram;
  readonly #bytes: Counter;
  readonly #failures: Counter;
  readonly #open: Gauge;
  readonly #refusals: Counter;

  /** @param upstreams their names */
  constructor(registry: Registry, upstreams: Iterable<string>) {
    const registers = [registry];
    const labelNames = ['upstream'];
    this.#requests = new Counter({ name: 'gateway_upstream_requests_total', help: 'Requests sent to upstreams.', labelNames, registers });
    this.#seconds = new Histogram({
      name: 'gateway_upstream_answer_seconds',
      help: 'How long upstreams took to begin their answers.',
      labelNames,
      buckets,
      registers,
    });
    this.#bytes = new Counter({
      name: 'gateway_upstream_bytes_total',
      help: 'Bytes of bodies that were sent to upstreams and received from them.',
      labelNames: [...labelNames, 'direction'],
      registers,
    });
    this.#failures = new Counter({
      name: 'gateway_upstream_failures_total',
      help: 'Requests that upstreams did not answer properly, by reason.',
      labelNames: [...labelNames, 'reason'],
      registers,
    });
    this.#open = new Gauge({ name: 'gateway_upstream_requests_open', help: 'Requests that upstreams have now.', labelNames, registers });
    this.#refusals = new Counter({
      name: 'gateway_upstream_refusals_total',
      help: 'Requests that found no place at an upstream: too many were under way.',
      labelNames,
      registers,
    });
    for (const upstream of upstreams) {
      for (const counter of [this.#requests, this.#refusals]) counter.inc({ upstream }, 0);
      this.#seconds.zero({ upstream });
      for (const direction of ['sent', 'received']) this.#bytes.inc({ upstream, direction }, 0);
      for (const reason of usualReasons) this.#failures.inc({ upstream, reason }, 0);
      this.#open.set({ upstream }, 0);
    }
  }

  opened(upstream: string): void {
    this.#requests.inc({ upstream });
    this.#open.inc({ upstream });
  }

  answered(upstream: string, seconds: number): void {
    this.#seconds.observe({ upstream }, seconds);
  }

  transferred(upstream: string, direction: 'sent' | 'received', bytes: number): void {
    this.#bytes.inc({ upstream, direction }, bytes);
  }

  failed(upstream: string, reason: string): void {
    this.#failures.inc({ upstream, reason });
  }

  refused(upstream: string): void {
    this.#refusals.inc({ upstream });
  }

  ended(upstream: string): void {
    this.#open.dec({ upstream });
  }
}
