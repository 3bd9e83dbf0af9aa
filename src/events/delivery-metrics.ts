import { Counter, Histogram, type Registry } from 'prom-client';

/** What is measured of deliveries to webhooks. */
export class DeliveryMetrics {
  readonly #attempts: Histogram<'outcome'>;
  readonly #lag: Histogram;
  readonly #errors: Counter;

  constructor(registry: Registry) {
    this.#attempts = new Histogram({
      name: 'gateway_webhook_attempt_duration_seconds',
      help: 'How long attempts to deliver an event took, by outcome.',
      labelNames: ['outcome'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15],
      registers: [registry],
    });
    for (const outcome of ['accepted', 'refused']) this.#attempts.zero({ outcome });
    this.#lag = new Histogram({
      name: 'gateway_webhook_lag_seconds',
      help: 'How long after it happened an event was accepted by an endpoint.',
      buckets: [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60, 600, 3600, 86_400],
      registers: [registry],
    });
    this.#errors = new Counter({
      name: 'gateway_webhook_errors_total',
      help: 'Failures of the gateway itself while it looked for events to deliver, or delivered them.',
      registers: [registry],
    });
  }

  /** @param lag how long after the event it was accepted, in seconds */
  accepted(seconds: number, lag: number): void {
    this.#attempts.observe({ outcome: 'accepted' }, seconds);
    this.#lag.observe(Math.max(0, lag));
  }

  refused(seconds: number): void {
    this.#attempts.observe({ outcome: 'refused' }, seconds);
  }

  failed(): void {
    this.#errors.inc();
  }
}
