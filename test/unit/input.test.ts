import { describe, expect, it } from 'vitest';
import { parseIdempotencyKey } from '../../src/domain/idempotency.js';
import { assertPrintable, assertWithin, composed, lengthOf, parseWord, parsedOrUndefined } from '../../src/domain/input.js';
import { jsonShapeOf } from '../../src/domain/json.js';
import { isSid, kindOf, newSid, parseSid, sidPrefixes } from '../../src/domain/sid.js';
import { refusalOf } from '../support/refusal.js';

const digits = '0123456789abcdef'.repeat(2);

describe('a text', () => {
  it.each(['\u0000', '\u001f', '\u007f', '\u009f', '\u2028', '\u2029', '\u202a', '\u202e', '\u2066', '\u2069', '\ud800', '\udc00a'])(
    'with %j in it is refused, wherever that stands',
    (character) => {
      for (const text of [character, `a${character}`, `${character}b`, `a${character}b`]) {
        expect(refusalOf(() => assertPrintable(text, 'name'))).toEqual({ code: 'BAD_USER_INPUT', field: 'name' });
      }
    },
  );

  it.each(['', ' ', '~', '\u00a0', '\u2027', '\u202f', '\u2065', '\u206a', '😀', '\u200d'])('with %j in it is taken', (character) => {
    expect(refusalOf(() => assertPrintable(`a${character}b`, 'name'))).toBeUndefined();
  });

  it('is as long as it has code points', () => {
    expect(['', 'abc', '😀', 'e\u0301'].map(lengthOf)).toEqual([0, 3, 1, 2]);
  });

  it('is composed when that leaves no more code points than allowed, and not looked at when it cannot', () => {
    expect(composed('e\u0301'.repeat(3), 3)).toBe('ééé');
    expect(composed('e\u0301'.repeat(3), 2)).toBeUndefined();
    // Eight units that come to one code point are the most that can.
    expect(composed('\u{1d157}\u{1d165}'.repeat(1), 2)).toBe('\u{1d157}\u{1d165}'.normalize('NFC'));
    let looks = 0;
    const text = (length: number) => Object.assign(Object('x'.repeat(length)), { normalize: () => ((looks += 1), 'x') }) as string;
    expect([composed(text(8), 1), looks]).toEqual(['x', 1]);
    expect([composed(text(9), 1), looks]).toEqual([undefined, 1]);
  });
});

it('a number is whole and in range, its ends included', () => {
  const within = (value: number) => refusalOf(() => assertWithin(value, { min: 2, max: 5 }, 'size'));
  for (const fine of [2, 3, 5]) expect(within(fine)).toBeUndefined();
  for (const wrong of [1, 6, 2.5, NaN, Infinity, -3]) expect(within(wrong)).toEqual({ code: 'BAD_USER_INPUT', field: 'size' });
  const messageOf = (...what: string[]): string => {
    try {
      assertWithin(9, { min: 2, max: 5 }, 'size', ...what);
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(messageOf()).toMatch(/^size .*2 .*5/);
  expect(messageOf('The length of it')).toMatch(/^The length of it /);
});

it('a word is one of those that there are, in any case, and a refusal names them all but not what came', () => {
  expect(parseWord('TWO', ['One', 'Two'], 'INVALID_ROLE', 'role')).toBe('Two');
  const wrong = () => parseWord('hunter2', ['One', 'Two'], 'INVALID_ROLE', 'role');
  expect(refusalOf(wrong)).toEqual({ code: 'INVALID_ROLE', field: 'role' });
  expect(wrong).toThrow('One, Two');
  expect(wrong).not.toThrow('hunter2');
});

it('what is malformed may count as nothing; any other error is one', () => {
  expect(parsedOrUndefined(() => 'read')).toBe('read');
  expect(parsedOrUndefined(() => parseWord('three', ['One', 'Two'], 'INVALID_ROLE', 'role'))).toBeUndefined();
  const broken = (): never => {
    throw new TypeError('a mistake of the program');
  };
  expect(() => parsedOrUndefined(broken)).toThrow(TypeError);
});

it('an idempotency key is 1 to 255 characters of printable ASCII without spaces', () => {
  for (const key of ['!', '~', 'a-b', 'x'.repeat(255)]) expect(parseIdempotencyKey(key, 'Idempotency-Key')).toBe(key);
  for (const key of ['', 'x'.repeat(256), 'a b', ' a', 'a ', 'a\n', 'é', '\u007f', '\u0020']) {
    expect(refusalOf(() => parseIdempotencyKey(key, 'Idempotency-Key'))).toEqual({ code: 'BAD_USER_INPUT', field: 'Idempotency-Key' });
  }
});

describe('a SID', () => {
  it('is two capitals that tell the kind, and 32 lower-case hexadecimal digits', () => {
    expect(sidPrefixes).toEqual({ account: 'AC', organization: 'OR', profile: 'PR', webhook: 'WH' });
    for (const [kind, prefix] of [
      ['account', 'AC'],
      ['organization', 'OR'],
      ['profile', 'PR'],
      ['webhook', 'WH'],
    ] as const) {
      const sid = newSid(kind);
      expect(sid).toMatch(new RegExp(`^${prefix}[0-9a-f]{32}$`));
      expect(newSid(kind)).not.toBe(sid);
      expect([isSid(kind, sid), kindOf(sid), parseSid(kind, sid, 'sid')]).toEqual([true, kind, sid]);
    }
    expect(isSid('account', newSid('profile'))).toBe(false);
    for (const wrong of [
      '',
      'AC',
      `ac${digits}`,
      `AC${digits}0`,
      `AC${digits.slice(1)}`,
      `AC${digits.toUpperCase()}`,
      `XX${digits}`,
      `ACg${digits.slice(1)}`,
      `ACx${digits}`,
    ]) {
      expect([wrong, isSid('account', wrong), kindOf(wrong)]).toEqual([wrong, false, undefined]);
      expect(refusalOf(() => parseSid('account', wrong, 'parentSid'))).toEqual({ code: 'BAD_USER_INPUT', field: 'parentSid' });
    }
    expect(() => parseSid('profile', 'x', 'sid')).toThrow('sid must be the SID of a profile: "PR" followed by 32 lower-case');
    expect(() => parseSid('account', 'x', 'sid')).toThrow('sid must be the SID of an account: "AC" followed by 32 lower-case');
    expect(() => parseSid('organization', 'x', 'sid')).toThrow('sid must be the SID of an organization: "OR" followed by 32 lower-case');
  });
});

describe('the shape of a JSON text', () => {
  it.each<[string, number, number]>([
    ['', 0, 0],
    ['1', 0, 0],
    ['{}', 1, 0],
    ['[1,2,3]', 1, 2],
    ['[[],[[]]]', 3, 1],
    ['{"a":[1,{"b":2}],"c":3}', 3, 2],
    ['[[1],[2]]', 2, 1],
    ['{"a":{},"b":{}}', 2, 1],
    ['["[[[,,,"]', 1, 0],
    ['["\\"[,",[1]]', 2, 1],
    ['["\\\\",[[1,2]]]', 3, 2],
    ['["\\\\\\",[[", 1]', 1, 1],
    ['{"a":"}","b":{"c":"]"}}', 2, 1],
    // What is no JSON has a shape too.
    ['\\[[', 2, 0],
    [']][', 0, 0],
  ])('%j is %i deep and has %i commas', (text, depth, values) => {
    expect(jsonShapeOf(text)).toEqual({ depth, values });
  });
});
