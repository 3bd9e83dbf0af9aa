import { Resolver, lookup } from 'node:dns/promises';
import { setTimeout as delay } from 'node:timers/promises';

/** All addresses of a host name, IPv4 first. Fails with an error that has a `code`. */
export type HostLookup = (hostname: string) => Promise<readonly string[]>;

/** How long the addresses of one kind are waited for once those of the other kind are there, in milliseconds. */
const patience = 500;

/** How long a name may wait for its turn to be asked of the system, in milliseconds. Nobody waits for it any longer after that. */
const turnWithin = 10_000;

/**
 * Asks for the addresses of host names that anybody chose, and whose name servers may be slow on purpose.
 *
 * `dns.lookup` calls the C library's getaddrinfo in a thread of libuv's pool, and waits there until name servers answer or its own tries are
 * over, which nothing can cut short: 10 seconds and more. libuv lets only half of its four threads do this at a time, for the whole
 * process. Two webhooks whose name servers never answer would hold up all others, and every new connection to a database by its name.
 * So names are asked by c-ares (`dns.Resolver`), which takes sockets and no threads: hundreds wait at the same time, each for itself.
 *
 * But c-ares asks name servers only. The hosts file, search domains and mDNS, which intranets use, are known to getaddrinfo alone. So where
 * the operator lists private networks, a name that the name servers do not know is asked there too, one at a time: one thread stays
 * free. Without such networks, a name in the hosts file could lead nowhere that is allowed anyway.
 */
export class HostNames {
  readonly #resolver = new Resolver({ timeout: 2000, tries: 3 });
  /** What was asked and is not answered yet. */
  readonly #asked = new Map<string, Promise<readonly string[]>>();
  /** Settled once the last name that was asked of the system has its answer. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param asksSystem whether getaddrinfo is asked for what the name servers do not know
   * @param servers the name servers, with ports; by default those of the system
   */
  constructor(
    private readonly asksSystem: boolean,
    servers?: readonly string[],
  ) {
    if (servers !== undefined) this.#resolver.setServers(servers);
  }

  /** Whoever asks for a name that somebody has asked for gets the same answer. */
  readonly addressesOf: HostLookup = (hostname) => {
    const asked = this.#asked.get(hostname) ?? this.#ask(hostname).finally(() => this.#asked.delete(hostname));
    this.#asked.set(hostname, asked);
    return asked;
  };

  /** Ends the look-ups that wait for name servers; they fail. */
  close(): void {
    this.#resolver.cancel();
  }

  async #ask(hostname: string): Promise<readonly string[]> {
    try {
      return await this.#askServers(hostname);
    } catch (error) {
      // Whoever was slow for c-ares would be slow for getaddrinfo too.
      if (!this.asksSystem || /^(?:ETIMEOUT|ECANCELLED)$/.test(codeOf(error))) throw error;
      return this.#askSystem(hostname);
    }
  }

  /** Not all of a name's servers answer for both kinds of addresses. The one kind does, after a while. */
  async #askServers(hostname: string): Promise<string[]> {
    const found: [string[], string[]] = [[], []];
    const asked = [
      this.#resolver.resolve4(hostname).then((addresses) => (found[0] = addresses)),
      this.#resolver.resolve6(hostname).then((addresses) => (found[1] = addresses)),
    ];
    const settled = Promise.allSettled(asked);
    try {
      await Promise.any(asked);
    } catch (error) {
      const { errors } = error as AggregateError;
      // That a name has no addresses of one kind says less than what went wrong with the other kind.
      throw errors.find((one) => !isUnknown(codeOf(one))) ?? errors[0];
    }
    const waiting = new AbortController();
    await Promise.race([settled, delay(patience, undefined, { signal: waiting.signal }).catch(() => {})]);
    waiting.abort();
    return found.flat();
  }

  async #askSystem(hostname: string): Promise<string[]> {
    const since = performance.now();
    const answer = this.#turn.then(() => {
      if (performance.now() - since > turnWithin)
        throw Object.assign(new Error('The system has too many names to look up.'), { code: 'EAI_AGAIN', syscall: 'getaddrinfo' });
      return lookup(hostname, { all: true });
    });
    this.#turn = answer.catch(() => {});
    const addresses = await answer;
    return addresses.toSorted((a, b) => a.family - b.family).map(({ address }) => address);
  }
}

/** Whether a code says that there is no such name, or that it has no addresses. */
export function isUnknown(code: string): boolean {
  return /^(?:ENOTFOUND|ENODATA|EBADNAME|EAI_NONAME|EAI_NODATA)$/.test(code);
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
