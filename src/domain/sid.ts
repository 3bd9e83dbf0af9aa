import { randomBytes } from 'node:crypto';
import { AppError } from '../errors.js';

/** A string identifier (SPEC §2): two capital letters for the kind, then 32 lower-case hexadecimal digits. */
export type Sid = string;

/** The kinds of SID, by prefix. */
export const sidPrefixes = { account: 'AC', organization: 'OR', profile: 'PR', webhook: 'WH' } as const;
export type SidKind = keyof typeof sidPrefixes;

const hexadecimal = /^[0-9a-f]{32}$/;

/** A new SID: 128 random bits, so that nobody can guess or count. */
export function newSid(kind: SidKind): Sid {
  return sidPrefixes[kind] + randomBytes(16).toString('hex');
}

/** Whether the text is a well-formed SID of that kind. There need not be anything that has it. */
export function isSid(kind: SidKind, text: string): boolean {
  return text.startsWith(sidPrefixes[kind]) && hexadecimal.test(text.slice(2));
}

/** The kind of a SID; undefined if it is malformed. */
export function kindOf(sid: Sid): SidKind | undefined {
  return (Object.keys(sidPrefixes) as SidKind[]).find((kind) => isSid(kind, sid));
}

/** The SID, if it is well-formed, so that a malformed one costs no statement. @throws AppError BAD_USER_INPUT */
export function parseSid(kind: SidKind, text: string, field: string): Sid {
  if (isSid(kind, text)) return text;
  throw new AppError(
    'BAD_USER_INPUT',
    `${field} must be the SID of ${kind === 'profile' || kind === 'webhook' ? 'a' : 'an'} ${kind}: "${sidPrefixes[kind]}" followed by 32 lower-case hexadecimal digits.`,
    { field },
  );
}
