import { isIPv4, isIPv6 } from 'node:net';

/** How many sign-ins may fail within the window (SPEC §5). */
export interface SignInLimits {
  /** For one account, from one address. */
  readonly perAccount: number;
  /** From one address, for all accounts together. */
  readonly perAddress: number;
  readonly windowSeconds: number;
}

/** The failures in the current window, and in how many seconds it ends. */
export interface Failures {
  count: number;
  secondsLeft: number;
}

/**
 * The failures that count for an attempt: of its account from its address, of its account from all addresses, and of its address.
 */
export interface SignInFailures {
  ofPair: Failures;
  ofAccount: Failures;
  ofAddress: Failures;
}

/** An account counts as under attack after this many times the failures that one address is allowed. */
const attackFactor = 5;

/** In how many seconds the next attempt for the account from the address is allowed; 0 if it is now. */
export function secondsUntilPairMayTry({ ofPair, ofAccount }: SignInFailures, { perAccount }: SignInLimits): number {
  // Under attack, each address still has one attempt. So whoever knows the secret gets in from an address that has not failed,
  // while an attacker gets one guess from each address.
  const allowed = ofAccount.count >= perAccount * attackFactor ? 1 : perAccount;
  return ofPair.count >= allowed ? ofPair.secondsLeft : 0;
}

/** In how many seconds the next attempt from the address is allowed; 0 if it is now. */
export function secondsUntilAddressMayTry(ofAddress: Failures, { perAddress }: SignInLimits): number {
  return ofAddress.count >= perAddress ? ofAddress.secondsLeft : 0;
}

/**
 * The network of an IP address, which the limits count by. With IPv6 that is the /64, since one customer usually has all of it.
 * An IPv4 address counts as itself, also when it is written as IPv6.
 */
export function networkOf(address: string): string {
  const [withoutZone = ''] = address.split('%');
  if (isIPv4(withoutZone) || !isIPv6(withoutZone)) return withoutZone;
  const groups = groupsOf(withoutZone);
  if (groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff) {
    return groups
      .slice(6)
      .flatMap((group) => [group >> 8, group & 0xff])
      .join('.');
  }
  return `${groups
    .slice(0, 4)
    .map((group) => group.toString(16))
    .join(':')}::/64`;
}

/** The eight numbers of an IPv6 address. */
function groupsOf(address: string): number[] {
  // A URL spells every address the same way: in hexadecimal, and with the longest run of zeros as `::`.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const numbers = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return numbers(head);
  const [first, last] = [numbers(head), numbers(tail)];
  return [...first, ...Array<number>(8 - first.length - last.length).fill(0), ...last];
}
