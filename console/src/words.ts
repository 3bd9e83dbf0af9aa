import type { AccountType, Role, Status } from './operations.js';

const numbers = new Intl.NumberFormat('en');

/** `1,204`. */
export function number(value: number): string {
  return numbers.format(value);
}

/** `1 account`, `1,204 accounts`. */
export function count(value: number, noun: string): string {
  return `${number(value)} ${noun}${value === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function list(parts: readonly string[]): string {
  return parts.length < 2 ? (parts[0] ?? '') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** A name within a sentence: one that is written from right to left must not turn the words around it. */
export function isolated(name: string): string {
  return /[\u0590-\u08ff\ufb1d-\ufefc]/.test(name) ? `\u2068${name}\u2069` : name;
}

export const statusNames: Record<Status, string> = {
  ACTIVE: 'active',
  SUSPENDED: 'suspended',
  UNINITIALIZED: 'uninitialized',
  CLOSED: 'closed',
};

export const roleNames: Record<Role, string> = {
  ADMINISTRATOR: 'Administrator',
  DEVELOPER: 'Developer',
  PROVISIONING_AGENT: 'Provisioning agent',
};

export const typeNames: Record<AccountType, string> = { FULL: 'Full', TRIAL: 'Trial' };

/** The first letter as a capital. */
export function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

const steps = [
  ['minute', 60],
  ['hour', 3600],
  ['day', 86_400],
  ['month', 2_629_746],
  ['year', 31_556_952],
] as const;

/** `just now`, `12 minutes ago`, `in 3 hours`. Less than a minute is now: the clocks of the gateway and of this machine differ. */
export function ago(date: Date, now: Date): string {
  const seconds = (now.getTime() - date.getTime()) / 1000;
  const [unit, length] = steps.findLast(([, step]) => Math.abs(seconds) >= step) ?? [];
  if (unit === undefined) return 'just now';
  const amount = count(Math.floor(Math.abs(seconds) / length!), unit);
  return seconds < 0 ? `in ${amount}` : `${amount} ago`;
}
