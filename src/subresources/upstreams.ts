import type { Places } from './places.js';
import { Upstream, type UpstreamTimeouts } from './upstream.js';
import type { UpstreamMetrics } from './upstream-metrics.js';
import type { UpstreamsSettings } from './upstream-settings.js';

interface UpstreamsOptions {
  settings: UpstreamsSettings;
  timeouts: UpstreamTimeouts;
  places: Places;
  metrics: UpstreamMetrics;
  /** Called when an upstream fails, with its name and the reason. */
  onFailed: (upstream: string, reason: string) => void;
}

/** How an upstream is doing. */
export interface UpstreamHealth {
  name: string;
  status: 'reachable' | 'unreachable';
  /** The requests that it has now, from this process. */
  open: number;
}

/** For how long what was found of the upstreams is told again, in milliseconds: anybody may ask, as often as they like. */
const healthIsKnownFor = 2000;

/** The services behind the subresources, by name. */
export class Upstreams {
  readonly places: Places;
  readonly #upstreams: ReadonlyMap<string, Upstream>;
  #health: { found: Promise<UpstreamHealth[]>; at: number } | undefined;

  constructor({ settings, timeouts, places, metrics, onFailed }: UpstreamsOptions) {
    this.places = places;
    this.#upstreams = new Map([...settings].map(([name, each]) => [name, new Upstream(name, each, timeouts, metrics, onFailed)]));
  }

  /** @throws Error when there is none of that name */
  get(name: string): Upstream {
    const upstream = this.#upstreams.get(name);
    if (upstream === undefined) throw new Error(`there is no upstream named ${name}`);
    return upstream;
  }

  /** Whether a connection to each can be opened, looked at anew every two seconds at most. */
  async health(): Promise<UpstreamHealth[]> {
    const now = performance.now();
    if (this.#health === undefined || now - this.#health.at > healthIsKnownFor) this.#health = { found: this.#lookAtAll(), at: now };
    return this.#health.found;
  }

  async #lookAtAll(): Promise<UpstreamHealth[]> {
    return Promise.all(
      [...this.#upstreams.values()].map(async (upstream) => ({
        name: upstream.name,
        status: (await upstream.isReachable()) ? ('reachable' as const) : ('unreachable' as const),
        open: this.places.taken(upstream.name),
      })),
    );
  }

  async close(): Promise<void> {
    await Promise.all([...this.#upstreams.values()].map((upstream) => upstream.close()));
  }
}
