import { type Sid, sidPrefixes } from './sid.js';

/**
 * An account's place in the tree: the hexadecimal parts of the SIDs from the root down to the account itself, joined.
 * No account ever changes its parent (SPEC §2), so its path is fixed when it is created. To tell whether one account is above
 * another, compare the two strings. Everything below an account is one range of the index: from its path to its path followed
 * by a character that sorts after every hexadecimal digit.
 */
export type Path = string;

/** How many characters each level adds to a path. */
export const levelWidth = 32;

/** Ends the index range of a subtree: sorts after every hexadecimal digit. */
export const pathRangeEnd = 'g';

const prefix = sidPrefixes.account;

/** The path of an account created below the parent's path; of the root, if there is none. */
export function pathBelow(parent: Path | null, sid: Sid): Path {
  return (parent ?? '') + sid.slice(prefix.length);
}

/** The level in the tree; the root is on level 1. */
export function levelOf(path: Path): number {
  return path.length / levelWidth;
}

/** Whether the first path is strictly below the second. */
export function isBelow(path: Path, above: Path): boolean {
  return path.length > above.length && path.startsWith(above);
}

/** The SIDs along a path, from the root's to the account's own. */
export function sidsAlong(path: Path): Sid[] {
  return Array.from({ length: levelOf(path) }, (_, level) => prefix + path.slice(level * levelWidth, (level + 1) * levelWidth));
}

/** The top-level account on the path; for the root, the root itself. */
export function topLevelSidOf(path: Path): Sid {
  const sids = sidsAlong(path);
  return (sids[1] ?? sids[0])!;
}
