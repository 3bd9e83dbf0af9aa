import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { AppError } from '../errors.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [Address, number];

/** What a webhook's URL begins with. */
export type WebhookProtocol = 'https:' | 'http:';

/** The longest URL of a webhook, in characters. */
const urlLength = 2048;

/** Of IPv6, only this part has been given out to the public. What the registry keeps for itself in there, ipaddr.js knows. */
const publicIpv6 = ipaddr.IPv6.parseCIDR('2000::/3');

/** IPv4 for hosts that have only IPv6: the address of a public IPv4 receiver as their name servers tell it (RFC 6052). */
const nat64 = ipaddr.IPv6.parseCIDR('64:ff9b::/96');

/** Azure's virtual machines get their secrets here. Every other cloud keeps such a service on an address that is not public. */
const azureHost = ipaddr.IPv4.parse('168.63.129.16');

/**
 * Which addresses webhooks may be sent to: public ones by https, and those of the networks that the operator lists, by http too. Whoever
 * registers a webhook chooses where the gateway connects to, and is shown what answers; no such request may reach what only the
 * gateway can reach.
 *
 * An IPv4 address within an IPv6 one (`::ffff:10.0.0.1`, `64:ff9b::10.0.0.1`) counts as the IPv4 address. All other ways to put one there
 * (`::10.0.0.1`, 6to4, Teredo, …) are not public.
 */
export class AddressRules {
  readonly #listed: readonly Network[];

  /** @param networks addresses, and ranges in CIDR notation */
  constructor(networks: readonly string[]) {
    this.#listed = networks.map(parseNetwork);
  }

  /** Whether any network is listed. Then plain http may be allowed, depending on what a host name leads to. */
  get listsNetworks(): boolean {
    return this.#listed.length > 0;
  }

  /** Whether a webhook may be sent to an IP address. A text that is no IP address is refused. */
  allows(address: string, protocol: WebhookProtocol): boolean {
    if (isIP(address) === 0) return false;
    const plain = unwrapped(parseAddress(address));
    return this.#listed.some(([network, bits]) => contains(network, bits, plain)) || (protocol === 'https:' && isPublic(plain));
  }
}

/**
 * Checks the URL of a webhook as far as that is possible without a connection: what its host name leads to is checked when one is made.
 * @returns the URL as it will be used
 * @throws AppError INVALID_URL
 */
export function parseWebhookUrl(text: string, rules: AddressRules): string {
  assertLength(text);
  if (/[\s\\]|\p{Cc}/u.test(text)) {
    throw invalid('The URL must not contain spaces, control characters or backslashes, and this one does. Write them percent-encoded.');
  }
  // The URL parser would also take https:host, https:///host and a URL without a scheme's slashes.
  const [, scheme] = /^([a-z][a-z\d+.-]*):\/\/[^/]/i.exec(text) ?? [];
  const url = scheme !== undefined && URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined) {
    throw invalid(
      'The URL must be a whole one, like https://receiver.example.com/hooks. What came has no scheme, no host, or a wrong port.',
    );
  }
  const protocol = url.protocol;
  if (protocol !== 'https:' && protocol !== 'http:') {
    throw invalid(`The URL must begin with https://, not ${protocol.slice(0, 20)}//. Give the address of a receiver that speaks HTTPS.`);
  }
  if (/^[^/]*\/\/[^/?#]*@/.test(text)) {
    throw invalid(
      'The URL must not contain a user name or password, and this one does. Leave them out: each request is signed; a token may stand in the path.',
    );
  }
  if (text.includes('#')) throw invalid('The URL must not contain a fragment, and this one does. Leave out the # and what follows it.');
  if (url.port === '0') throw invalid('The URL must have a port from 1 to 65535, not 0. Without any, it is 443.');
  assertHost(url.hostname, protocol, rules);
  assertLength(url.href);
  return url.href;
}

function assertLength(url: string): void {
  if (url.length <= urlLength) return;
  throw invalid(`The URL must have at most ${urlLength} characters, and has ${url.length}. Shorten its path or its query.`);
}

/** Refuses what would never be connected to. */
function assertHost(hostname: string, protocol: WebhookProtocol, rules: AddressRules): void {
  const literal = hostname.replace(/^\[(.*)\]$/, '$1');
  const isLocal = /(?:^|\.)localhost\.*$/.test(hostname);
  const addresses = isIP(literal) !== 0 ? [literal] : isLocal ? ['127.0.0.1', '::1'] : [];
  if (addresses.length > 0 && !addresses.some((address) => rules.allows(address, 'https:'))) {
    const refused = isLocal ? 'localhost' : literal;
    throw invalid(
      `The URL must lead to a public address, not to ${refused}. The operator may list a private network in WEBHOOK_ALLOW_PRIVATE.`,
    );
  }
  if (protocol === 'https:') return;
  if (addresses.length > 0 ? !addresses.some((address) => rules.allows(address, 'http:')) : !rules.listsNetworks) {
    throw invalid(
      'The URL must begin with https://, not http://. Plain http is only for networks that the operator lists in WEBHOOK_ALLOW_PRIVATE.',
    );
  }
}

function invalid(message: string): AppError {
  return new AppError('INVALID_URL', message, { field: 'url' });
}

function isPublic(address: Address): boolean {
  if (address.range() !== 'unicast') return false;
  return address instanceof ipaddr.IPv4 ? !address.match(azureHost, 32) : address.match(publicIpv6);
}

function contains(network: Address, bits: number, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

/** The IPv4 address within an IPv6 address that stands for it. */
function unwrapped(address: Address): Address {
  if (address instanceof ipaddr.IPv4) return address;
  return address.isIPv4MappedAddress() || address.match(nat64) ? new ipaddr.IPv4(address.toByteArray().slice(12)) : address;
}

function parseNetwork(text: string): Network {
  const [address, bits] = text.split('/') as [string, string?];
  const parsed = parseAddress(address);
  const length = bits === undefined ? parsed.toByteArray().length * 8 : Number(bits);
  const plain = length < 96 ? parsed : unwrapped(parsed);
  return [plain, plain.kind() === parsed.kind() ? length : length - 96];
}

/** An address that Node.js takes for one. The end of IPv6 may be in decimals; ipaddr.js would read `::1.1.1.1` as `::ffff:1.1.1.1`. */
function parseAddress(text: string): Address {
  const hexadecimal = text.replace(/(?<=:)(\d+)\.(\d+)\.(\d+)\.(\d+)/, (_decimal, ...bytes: string[]) => {
    const [a, b, c, d] = bytes.slice(0, 4).map((byte) => Number(byte).toString(16).padStart(2, '0'));
    return `${a}${b}:${c}${d}`;
  });
  return ipaddr.parse(hexadecimal);
}
