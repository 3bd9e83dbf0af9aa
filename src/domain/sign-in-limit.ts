import { isIPv4, isIPv6 } from 'node:net';

/** How many sign-ins may fail within a window (SPEC §5). */
export interface SignInLimits {
  /** For one account, from one address. */
  readonly perAccount: number;
  /** From one address, for whatever account. */
  readonly perAddress: number;
  readonly windowSeconds: number;
}

/** Failures within the window that runs, and in how many seconds it ends. */
export interface Failures {
  count: number;
  secondsLeft: number;
}

/** What bears on one try: the failures of its account from its address, of the account from everywhere, and of the address. */
export interface SignInFailures {
  ofPair: Failures;
  ofAccount: Failures;
  ofAddress: Failures;
}

/** An account is under attack when it has seen so many times the failures that one address is allowed. */
const attackFactor = 5;

/** In how many seconds the account may be tried again from the address; 0 when it may now. */
export function secondsUntilPairMayTry({ ofPair, ofAccount }: SignInFailures, { perAccount }: SignInLimits): number {
  // Under attack each address has one try left, not none: so whoever knows the secret gets in from an address that has not
  // failed, and guessing from many addresses gets one guess out of each.
  const allowed = ofAccount.count >= perAccount * attackFactor ? 1 : perAccount;
  return ofPair.count >= allowed ? ofPair.secondsLeft : 0;
}

/** In how many seconds the address may try anything again; 0 when it may now. */
export function secondsUntilAddressMayTry(ofAddress: Failures, { perAddress }: SignInLimits): number {
  return ofAddress.count >= perAddress ? ofAddress.secondsLeft : 0;
}

/**
 * What of an IP address the limits go by. One customer has a whole /64 of IPv6, so its lower half tells nobody apart;
 * an IPv4 address is the same in either notation.
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
