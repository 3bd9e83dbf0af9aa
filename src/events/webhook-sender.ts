import { type LookupFunction, type Socket, isIP } from 'node:net';
import { callbackify } from 'node:util';
import { Agent, buildConnector } from 'undici';
import { version } from '../version.js';
import type { AddressRules, WebhookProtocol } from './address-rules.js';
import { AddressNotAllowed } from './attempt-failure.js';
import { HostNames, type HostLookup } from './host-lookup.js';
import { type Attempt, AttemptUnderWay } from './webhook-attempt.js';
import { signedHeaders } from './webhook-signature.js';

/** An event as it goes to one receiver. */
export interface Delivery {
  /** As `parseWebhookUrl` returned it. */
  readonly url: string;
  /** The request is signed with each of them. */
  readonly secrets: readonly string[];
  /** The same for each try to deliver the event. */
  readonly id: string;
  /** JSON, of at most 20 kB. */
  readonly body: string;
  /** The place of the delivery in a trace, if it is in one. Whatever else the trace carries is not for receivers. */
  readonly traceparent?: string | undefined;
}

/** What tests replace. */
export interface WebhookSenderOptions {
  /** Instead of the name servers. */
  lookup?: HostLookup;
  /** The certificates that are trusted, in PEM, instead of Node.js's. */
  ca?: string;
  /** How long an attempt may take. */
  milliseconds?: number;
}

/** The longest body that is sent, in bytes. */
const bodyBytes = 20_480;

/** How long all of an attempt may take, from the look-up of the name to the end of the answer. */
const attemptMilliseconds = 15_000;

/** How long a connection stays open for the next event. Node.js's own servers close theirs after 5 seconds: ours must be first. */
const idleMilliseconds = 4000;

/** How long one of several addresses is tried before the next one. Node.js's 250 ms are less than once around the world. */
const nextAddressMilliseconds = 1000;

/**
 * Sends events to the receivers that accounts have registered: to anywhere on the Internet, and nowhere else.
 *
 * What counts is the address at the moment of connecting: a name that led to a public address when it was registered, or a second ago, may lead
 * to a private one now. So undici gets a `connect` of our own. It checks the host if that is an address, since such a host is not looked up; its
 * look-up passes on only addresses that are allowed, and the socket connects to one of those without asking again; and the address at the
 * other end is checked once it is connected, before any byte of the request is sent.
 *
 * Redirects are not followed: undici's `dispatch` follows none.
 */
export class WebhookSender {
  readonly #names: HostNames;
  readonly #agent: Agent;
  readonly #milliseconds: number;
  /** How many attempts are under way, by origin. */
  readonly #underWay = new Map<string, number>();

  constructor(
    private readonly rules: AddressRules,
    { lookup, ca, milliseconds = attemptMilliseconds }: WebhookSenderOptions = {},
  ) {
    this.#names = new HostNames(rules.listsNetworks);
    this.#milliseconds = milliseconds;
    this.#agent = new Agent({
      connect: this.#connector(lookup ?? this.#names.addressesOf, ca),
      keepAliveTimeout: idleMilliseconds,
      keepAliveMaxTimeout: idleMilliseconds,
      // Each attempt has a time limit for all of it.
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  /**
   * Tries once to deliver an event. Whatever the receiver does, this does not fail: the attempt tells what came of it.
   * @throws Error if the body is too long, or the URL none: the program must see to both
   */
  async send({ url, secrets, id, body, traceparent }: Delivery): Promise<Attempt> {
    const length = Buffer.byteLength(body);
    if (length > bodyBytes) throw new Error(`The event ${id} has ${length} bytes; a webhook sends at most ${bodyBytes}.`);
    const { origin, pathname, search } = new URL(url);
    const headers = {
      'content-type': 'application/json',
      'user-agent': `account-gateway/${version}`,
      // What comes compressed all the same is not decompressed.
      'accept-encoding': 'identity',
      ...(traceparent !== undefined && { traceparent }),
      ...signedHeaders(secrets, id, Math.floor(new Date().getTime() / 1000), body),
    };
    const underWay = new AttemptUnderWay(this.#milliseconds);
    this.#count(origin, 1);
    try {
      this.#agent.dispatch({ origin, path: pathname + search, method: 'POST', headers, body }, underWay);
      return await underWay.attempt;
    } finally {
      this.#count(origin, -1);
    }
  }

  /** Closes all connections. What is under way fails as an attempt does, so whoever counts attempts waits for them first. */
  async close(): Promise<void> {
    const closed = this.#agent.destroy();
    this.#names.close();
    await closed;
  }

  /** Connects to addresses that are allowed. */
  #connector(lookup: HostLookup, ca: string | undefined): buildConnector.connector {
    const connectorFor = (protocol: WebhookProtocol): buildConnector.connector =>
      buildConnector({
        lookup: this.#allowedOnly(lookup, protocol),
        autoSelectFamily: true,
        autoSelectFamilyAttemptTimeout: nextAddressMilliseconds,
        timeout: this.#milliseconds,
        allowH2: false,
        // Not even if NODE_TLS_REJECT_UNAUTHORIZED says otherwise.
        rejectUnauthorized: true,
        ...(ca !== undefined && { ca }),
      });
    const connectors = { 'https:': connectorFor('https:'), 'http:': connectorFor('http:') };
    return (options, callback) => {
      const protocol = options.protocol as WebhookProtocol;
      if (isIP(options.hostname) !== 0 && !this.rules.allows(options.hostname, protocol)) {
        queueMicrotask(() => callback(new AddressNotAllowed(), null));
        return;
      }
      // Once it has cut a connection, undici opens another one for the request that was cut off, only to find that nobody waits for it.
      if (!this.#underWay.has(`${protocol}//${options.host}`)) {
        queueMicrotask(() => callback(new Error('Nobody waits for it.'), null));
        return;
      }
      connectors[protocol](options, (error, socket) => {
        const fault = error ?? this.#faultOf(socket!, protocol);
        if (fault === undefined) return callback(null, socket!);
        socket?.destroy();
        callback(fault, null);
      });
    };
  }

  #count(origin: string, change: 1 | -1): void {
    const count = (this.#underWay.get(origin) ?? 0) + change;
    if (count > 0) this.#underWay.set(origin, count);
    else this.#underWay.delete(origin);
  }

  /** What is wrong with the other end of a connection, if anything. */
  #faultOf({ remoteAddress }: Socket, protocol: WebhookProtocol): Error | undefined {
    if (remoteAddress === undefined) return Object.assign(new Error('It was closed at once.'), { code: 'ECONNRESET' });
    return this.rules.allows(remoteAddress, protocol) ? undefined : new AddressNotAllowed();
  }

  /** A look-up for sockets, which always want all addresses (`autoSelectFamily`). */
  #allowedOnly(lookup: HostLookup, protocol: WebhookProtocol): LookupFunction {
    const allowedAddressesOf = callbackify(async (hostname: string) => {
      const allowed = (await lookup(hostname)).filter((address) => this.rules.allows(address, protocol));
      if (allowed.length === 0) throw new AddressNotAllowed();
      return allowed.map((address) => ({ address, family: isIP(address) }));
    });
    return (hostname, _options, callback) => allowedAddressesOf(hostname, callback);
  }
}
