import { createServer, type Server } from 'node:http';
import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics } from 'prom-client';

/** The connections of a pool: pg's own pool has these numbers. */
export interface PoolNumbers {
  totalCount: number;
  idleCount: number;
  waitingCount: number;
}

const durationBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** What operators measure, in Prometheus' form (SPEC §8). */
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
    help: 'How many keys the loaders fetched at once.',
    labelNames: ['loader'],
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500],
    registers: [this.#registry],
  });
  readonly #answers = new Counter({
    name: 'gateway_graphql_answers_total',
    help: 'GraphQL operations that were answered, by their plan or by the executor.',
    labelNames: ['by'],
    registers: [this.#registry],
  });
  readonly #overloads = new Counter({
    name: 'gateway_overload_refusals_total',
    help: 'Work that was refused because there was no room for it, by reason.',
    labelNames: ['reason'],
    registers: [this.#registry],
  });
  readonly #costs = new Histogram({
    name: 'gateway_request_cost',
    help: 'What requests cost, about the number of objects that they brought, by surface.',
    labelNames: ['surface'],
    buckets: [1, 3, 10, 30, 100, 300, 1000, 3000, 10_000, 30_000, 100_000],
    registers: [this.#registry],
  });
  readonly #refusals = new Counter({
    name: 'gateway_requests_refused_total',
    help: 'Requests that were refused as a whole, by surface and code.',
    labelNames: ['surface', 'code'],
    registers: [this.#registry],
  });
  readonly #pools = new Map<string, () => PoolNumbers | undefined>();
  readonly #refusedSignIns = new Counter({
    name: 'gateway_sign_ins_refused_total',
    help: 'Sign-ins that were refused, by the code of the refusal.',
    labelNames: ['reason'],
    registers: [this.#registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.#registry });
    const pools = this.#pools;
    new Gauge({
      name: 'gateway_database_pool_connections',
      help: 'Connections to the database that exist, that are idle, and requests that wait for one.',
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

  countAnswer(by: 'plan' | 'executor'): void {
    this.#answers.inc({ by });
  }

  observeCost(surface: string, cost: number): void {
    this.#costs.observe({ surface }, cost);
  }

  countRefusal(surface: string, code: string): void {
    this.#refusals.inc({ surface, code });
  }

  countOverload(reason: string): void {
    this.#overloads.inc({ reason });
  }

  countRefusedSignIn(reason: string): void {
    this.#refusedSignIns.inc({ reason });
  }

  /** The same service, with every use case timed. */
  timed<Service extends object>(name: string, service: Service): Service {
    return new Proxy(service, {
      get: (target, property) => {
        const member: unknown = Reflect.get(target, property, target);
        if (typeof member !== 'function') return member;
        return async (...args: unknown[]) => {
          const stop = this.#useCases.startTimer({ use_case: `${name}.${String(property)}` });
          try {
            const result: unknown = await member.apply(target, args);
            stop({ outcome: 'done' });
            return result;
          } catch (error) {
            stop({ outcome: 'refused' });
            throw error;
          }
        };
      },
    });
  }

  watchQueue(waiting: (kind: 'read' | 'write') => number): void {
    new Gauge({
      name: 'gateway_database_queue_waiting',
      help: 'Reads and changes that wait for a connection to the database.',
      labelNames: ['kind'],
      registers: [this.#registry],
      collect() {
        for (const kind of ['read', 'write'] as const) this.set({ kind }, waiting(kind));
      },
    });
  }

  /** The pool's numbers are asked for when they are scraped; a pool that is gone has no connections. */
  watchPool(database: 'primary' | 'replica', pool: () => PoolNumbers | undefined): void {
    this.#pools.set(database, pool);
  }

  watchReplica(isUsed: () => boolean): void {
    new Gauge({
      name: 'gateway_replica_used',
      help: 'Whether reads that may be late go to the replica: 1 or 0.',
      registers: [this.#registry],
      collect() {
        this.set(Number(isUsed()));
      },
    });
  }

  /** Serves the metrics to whoever scrapes them, at every path. */
  serve(): Server {
    return createServer((_request, response) => {
      this.#registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': this.#registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      );
    });
  }
}
