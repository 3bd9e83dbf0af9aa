import { expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { isBelow, levelOf, levelWidth, pathBelow, pathRangeEnd, sidsAlong, topLevelSidOf } from '../../src/domain/tree.js';

const sids = Array.from({ length: 4 }, () => newSid('account'));
const paths: string[] = [];
for (const sid of sids) paths.push(pathBelow(paths.at(-1) ?? null, sid));

it('a path is the hexadecimal parts of the SIDs from the root down', () => {
  expect(paths[0]).toBe(sids[0]!.slice(2));
  expect(paths[2]).toBe(
    sids
      .slice(0, 3)
      .map((sid) => sid.slice(2))
      .join(''),
  );
  expect(paths.map((path) => path.length / levelWidth)).toEqual([1, 2, 3, 4]);
  expect(paths.map(levelOf)).toEqual([1, 2, 3, 4]);
  expect(paths.map(sidsAlong)).toEqual([1, 2, 3, 4].map((count) => sids.slice(0, count)));
});

it('the top-level account is the second of a path; of the root, the root', () => {
  expect(paths.map(topLevelSidOf)).toEqual([sids[0], sids[1], sids[1], sids[1]]);
});

it('an account is below those that its path leads through, and not below itself', () => {
  const [root, top, child] = paths as [string, string, string];
  const other = pathBelow(root, newSid('account'));
  expect([isBelow(top, root), isBelow(child, root), isBelow(child, top)]).toEqual([true, true, true]);
  expect([isBelow(root, root), isBelow(root, top), isBelow(other, top), isBelow(pathBelow(other, sids[2]!), top)]).toEqual([
    false,
    false,
    false,
    false,
  ]);
});

it('everything below an account lies between its path and its path with the end of a range', () => {
  expect('0123456789abcdef'.split('').every((digit) => digit < pathRangeEnd)).toBe(true);
  expect(pathRangeEnd).toHaveLength(1);
});
