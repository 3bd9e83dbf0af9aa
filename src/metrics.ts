import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { AggregatorRegistry, Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';
import { type ErrorCode, errorCodes } from './errors.js';
import { DeliveryMetrics } from './events/delivery-metrics.js';
import { listening, urlAt } from './listening-address.js';
import type { PoolNumbers } from './persistence/connection/driver.js';
import { UpstreamMetrics } from './subresources/upstream-metrics.js';
import { inSpan } from './tracing/tracer.js';
import { version } from './version.js';

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** The metrics of one process, for another process to add up. */
export type Measured = Awaited<ReturnType<Registry['getMetricsAsJSON']>>;

/*
 * What counters count by. Each is there from the start at 0: an increase from nothing to 1 is none to Prometheus, so the first failure of a
 * kind would go unnoticed.
 */
const answeredBy = ['plan', 'executor'] as const;
const shadowResults = ['same', 'different', 'changed', 'failed'] as const;
const overloads = ['queue full', 'queue too slow', 'lock', 'requests'] as const;
const surfaces = ['graphql', 'rest'] as const;
const signInRefusals: readonly ErrorCode[] = ['UNAUTHENTICATED', 'ACCOUNT_NOT_ACTIVE', 'RATE_LIMITED', 'OVERLOADED', 'UNAVAILABLE'];

/** How the database can be, see `Health`; and after how many milliseconds without an answer it counts as silent here. */
const conditions = ['ready', 'not ready', 'silent'] as const;
const conditionPatience = 1_000;

/** Metrics for operators, in Prometheus format (SPEC §8). */
export class Metrics {
  readonly #registry = new Registry();
  readonly #requests = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'How long requests took, by method, route and status.',
    labelNames: ['method', 'route', 'status'],
    buckets: durationBuckets,
    registers: [this.#registry],
  });
  readonly #useCases = new Histogram({
    name: 'gateway_use_case_duration_seconds',
    help: 'How long use cases took, by name and outcome.',
    labelNames: ['use_case', 'outcome'],
    buckets: durationBuckets,
    registers: [this.#registry],
  });
  readonly #batches = new Histogram({
    name: 'gateway_loader_batch_size',
    help: 'How many keys loaders fetched in one batch.',
    labelNames: ['loader'],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500],
    registers: [this.#registry],
  });
  readonly #answers = new Counter({
    name: 'gateway_graphql_answers_total',
    help: 'Answered GraphQL operations, by plan or executor.',
    labelNames: ['by'],
    registers: [this.#registry],
  });
  readonly #planShadows = new Counter({
    name: 'gateway_plan_shadow_total',
    help: 'Answers of GraphQL plans that were compared with the executor, by result.',
    labelNames: ['result'],
    registers: [this.#registry],
  });
  readonly #overloads = new Counter({
    name: 'gateway_overload_refusals_total',
    help: 'Work that was refused because the gateway had too much to do, by reason.',
    labelNames: ['reason'],
    registers: [this.#registry],
  });
  readonly #costs = new Histogram({
    name: 'gateway_request_cost',
    help: 'Cost of requests in points, about one for each object in the answer, by API.',
    labelNames: ['surface'],
    buckets: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000],
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: 'gateway_requests_refused_total',
    help: 'Requests that were refused as a whole, by API and error code.',
    labelNames: ['surface', 'code'],
    registers: [this.#registry],
  });
  readonly #pools = new Map<string, () => PoolNumbers | undefined>();
  readonly #refusedSignIns = new Counter({
    name: 'gateway_sign_ins_refused_total',
    help: 'Sign-ins that were refused, by error code.',
    labelNames: ['reason'],
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    for (const by of answeredBy) this.#answers.inc({ by }, 0);
    for (const result of shadowResults) this.#planShadows.inc({ result }, 0);
    for (const reason of overloads) this.#overloads.inc({ reason }, 0);
    for (const surface of surfaces) for (const code of errorCodes) this.#refusals.inc({ surface, code }, 0);
    for (const reason of signInRefusals) this.#refusedSignIns.inc({ reason }, 0);
    new Gauge({
      name: 'gateway_build_info',
      help: 'Always 1: the versions of the gateway and of Node.js are in the labels.',
      labelNames: ['version', 'node'],
      // With several workers, not their sum.
      aggregator: 'max',
      registers: [this.#registry],
    }).set({ version, node: process.versions.node }, 1);
    new Gauge({ name: 'gateway_workers', help: 'Processes that serve requests.', registers: [this.#registry] }).set(1);
    const pools = this.#pools;
    new Gauge({
      name: 'gateway_database_pool_connections',
      help: 'Database connections that are open or idle, and requests that wait for one.',
      labelNames: ['database', 'state'],
      registers: [this.#registry],
      collect() {
        for (const [database, numbers] of pools) {
          const pool = numbers();
          this.set({ database, state: 'total' }, pool?.totalCount ?? 0);
          this.set({ database, state: 'idle' }, pool?.idleCount ?? 0);
          this.set({ database, state: 'waiting' }, pool?.waitingCount ?? 0);
        }
      },
    });
  }

  observeRequest(labels: { method: string; route: string; status: number }, seconds: number): void {
    this.#requests.observe(labels, seconds);
  }

  observeBatch(loader: string, size: number): void {
    this.#batches.observe({ loader }, size);
  }

  countAnswer(by: (typeof answeredBy)[number]): void {
    this.#answers.inc({ by });
  }

  countShadow(result: (typeof shadowResults)[number]): void {
    this.#planShadows.inc({ result });
  }

  observeCost(surface: (typeof surfaces)[number], cost: number): void {
    this.#costs.observe({ surface }, cost);
  }

  countRefusal(surface: (typeof surfaces)[number], code: ErrorCode): void {
    this.#refusals.inc({ surface, code });
  }

  countOverload(reason: (typeof overloads)[number]): void {
    this.#overloads.inc({ reason });
  }

  countRefusedSignIn(reason: ErrorCode): void {
    this.#refusedSignIns.inc({ reason });
  }

  /** The service, with every use case timed, and a span of traces. */
  timed<Service extends object>(name: string, service: Service): Service {
    const timed = new Map<unknown, unknown>();
    return new Proxy(service, {
      get: (target, property) => {
        const known = timed.get(property);
        if (known !== undefined) return known;
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        const useCase = this.#timedUseCase(`${name}.${String(property)}`, (...args) => member.apply(target, args) as Promise<unknown>);
        timed.set(property, useCase);
        return useCase;
      },
    });
  }

  #timedUseCase(name: string, work: (...args: unknown[]) => Promise<unknown>): (...args: unknown[]) => Promise<unknown> {
    const done = { use_case: name, outcome: 'done' };
    const refused = { use_case: name, outcome: 'refused' };
    return async (...args) => {
      const start = performance.now();
      let outcome = refused;
      try {
        const result = await inSpan(name, () => work(...args));
        outcome = done;
        return result;
      } finally {
        this.#useCases.observe(outcome, (performance.now() - start) / 1000);
      }
    };
  }

  /** What is measured of each upstream. @param names of all upstreams, which are there from the start */
  ofUpstreams(names: Iterable<string>): UpstreamMetrics {
    return new UpstreamMetrics(this.#registry, names);
  }

  /** What is measured of removals at upstreams. @param subresources those that are removed, which are there from the start */
  ofRemovals(subresources: readonly string[]): {
    removed(subresource: string, accounts: number): void;
    refused(subresource: string): void;
  } {
    const counter = (name: string, help: string) => {
      const counted = new Counter({ name, help, labelNames: ['subresource'], registers: [this.#registry] });
      for (const subresource of subresources) counted.inc({ subresource }, 0);
      return counted;
    };
    const removed = counter('gateway_removals_total', 'Closed accounts whose resources a service has confirmed to be removed.');
    const refused = counter('gateway_removal_failures_total', 'Requests to remove resources that a service did not confirm.');
    return {
      removed: (subresource, accounts) => removed.inc({ subresource }, accounts),
      refused: (subresource) => refused.inc({ subresource }),
    };
  }

  watchStreams(open: () => number): void {
    new Gauge({
      name: 'gateway_streams_open',
      help: 'Streams of events that are open.',
      registers: [this.#registry],
      collect() {
        this.set(open());
      },
    });
  }

  /** What is measured of deliveries to webhooks. */
  ofDeliveries(): DeliveryMetrics {
    return new DeliveryMetrics(this.#registry);
  }

  watchQueue<Kind extends string>(kinds: readonly Kind[], waiting: (kind: Kind) => number): void {
    new Gauge({
      name: 'gateway_database_queue_waiting',
      help: 'Look-ups, other reads and changes that wait for a database connection.',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect() {
        for (const kind of kinds) this.set({ kind }, waiting(kind));
      },
    });
  }

  /** The pool is asked when metrics are scraped. A pool that is gone has no connections. */
  watchPool(database: 'primary' | 'replica', pool: () => PoolNumbers | undefined): void {
    this.#pools.set(database, pool);
  }

  /** The database is asked when metrics are scraped. */
  watchDatabase(condition: () => Promise<(typeof conditions)[number]>): void {
    new Gauge({
      name: 'gateway_database_condition',
      help: 'How the database is, 1 for one of: ready; not ready, as before its migrations have run; silent.',
      labelNames: ['condition'],
      // With several workers, whatever one of them finds.
      aggregator: 'max',
      registers: [this.#registry],
      async collect() {
        // Metrics must not be late when they are needed most.
        const found = await Promise.race([condition(), sleep(conditionPatience, 'silent', { ref: false })]);
        for (const each of conditions) this.set({ condition: each }, Number(each === found));
      },
    });
  }

  watchReplica(isUsed: () => boolean): void {
    new Gauge({
      name: 'gateway_replica_used',
      help: 'Whether reads that may be stale go to the replica: 1 or 0.',
      // With several workers, 1 if all of them read it.
      aggregator: 'min',
      registers: [this.#registry],
      collect() {
        this.set(Number(isUsed()));
      },
    });
  }

  text(): Promise<string> {
    return this.#registry.metrics();
  }

  measured(): Promise<Measured> {
    return this.#registry.getMetricsAsJSON();
  }
}

/**
 * The sum of the metrics of several processes. Counters and histograms of processes that have ended are kept: to Prometheus, a
 * counter that decreases looks like a restart, after which the rest of it would count as new.
 */
export class MetricsSum {
  #ofEnded: Promise<Measured> = Promise.resolve([]);

  /** Adds the last metrics of a process that has ended. */
  addEnded(last: Measured): void {
    // The declared type is a number, the actual value a string.
    const growing = last.filter(({ type }) => String(type) !== 'gauge');
    this.#ofEnded = this.#ofEnded.then((ofEnded) => AggregatorRegistry.aggregate([ofEnded, growing]).getMetricsAsJSON());
  }

  async text(ofLiving: readonly Measured[]): Promise<string> {
    return AggregatorRegistry.aggregate([await this.#ofEnded, ...ofLiving]).metrics();
  }
}

/** Serves metrics at every path of a port of their own. */
export class MetricsServer {
  readonly #server: Server;

  constructor(text: () => Promise<string>) {
    this.#server = createServer((_request, response) => {
      text().then(
        (body) => response.writeHead(200, { 'content-type': Registry.PROMETHEUS_CONTENT_TYPE }).end(body),
        () => response.writeHead(500).end(),
      );
    });
  }

  /** Returns the URL that it listens at. @throws ConfigError */
  async listen({ host, metricsPort }: { host: string; metricsPort: number }): Promise<string> {
    const opened = new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject).listen(metricsPort, host, resolve);
    });
    await listening(opened, host, 'METRICS_PORT');
    return urlAt(host, (this.#server.address() as AddressInfo).port);
  }

  async close(): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }
}
