import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseKeepingSource, textsIn } from '../../src/api/http/json-source.js';
import { expectLinearTime } from '../support/processor-time.js';
import { assertProperty } from '../support/property.js';

/** JSON as people and programs write it: with spaces anywhere, escapes, names that come twice, numbers of any length. */
const space = fc.constantFrom('', '', ' ', '\n', '\t \r\n');
const name = fc.constantFrom('"a"', '"b"', '"\\u0061"', '"0"', '"1"', '""', '"__proto__"', '"\\"{["', '"\\\\"', '"é,:"');
const scalar = fc.constantFrom('1.0', '12345678901234567890', '-0', '1E2', 'null', 'true', '"}"', '"]\\\\"', '"\\"[{,:"');
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, depthIdentifier: 'json' },
    scalar,
    fc.array(fc.tuple(space, name, space, space, tie('value'), space), { maxLength: 4, depthIdentifier: 'json' }).map((members) => {
      const texts = members.map(([before, key, after, beforeValue, inner, end]) => `${before}${key}${after}:${beforeValue}${inner}${end}`);
      return `{${texts.join(',')}}`;
    }),
    fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4, depthIdentifier: 'json' }).map((items) => {
      return `[${items.map(([before, inner, after]) => `${before}${inner}${after}`).join(',')}]`;
    }),
  ),
}));

function objectsIn(parsed: unknown): object[] {
  if (typeof parsed !== 'object' || parsed === null) return [];
  return [parsed, ...Object.values(parsed).flatMap(objectsIn)];
}

it('every object and list of a JSON text is found where it stands in it', () => {
  assertProperty(
    fc.property(value, space, space, (text, before, after) => {
      const json = `${before}${text}${after}`;
      const parsed = parseKeepingSource(json);
      const objects = objectsIn(parsed);
      const texts = textsIn(parsed, new Set(objects));
      expect(texts.size).toBe(objects.length);
      for (const object of objects) {
        expect(json).toContain(texts.get(object));
        expect(JSON.parse(texts.get(object)!)).toEqual(object);
      }
      if (objects.length > 0) expect(texts.get(parsed as object)).toBe(text);
      // One by itself has the same text as among all.
      for (const object of objects.slice(0, 3)) expect(textsIn(parsed, new Set([object])).get(object)).toBe(texts.get(object));
    }),
    { numRuns: 3000 },
  );
});

it.each<[what: string, json: (size: number) => string]>([
  ['lists', (size) => `"x":[${'[],'.repeat(size / 3)}0]`],
  ['escapes', (size) => `"x":"${'\\"'.repeat(size / 2)}"`],
  ['a text behind nested lists', (size) => `"x":${'['.repeat(250)}${']'.repeat(250)},"y":"${'{'.repeat(size)}"`],
  ['one name again and again', (size) => `${'"wanted":{"f":1.0},'.repeat(size / 20)}"x":1`],
])('the texts in a megabyte of JSON are found in one pass, if it is made of %s', async (what, json) => {
  const search = (size: number): (() => void) => {
    const parsed = parseKeepingSource(`{"wanted":{"f":1.0},${json(size)}}`) as { wanted: object };
    return () => expect(textsIn(parsed, new Set([parsed.wanted])).get(parsed.wanted)).toBe('{"f":1.0}');
  };
  const [short, long] = [search(250_000), search(1_000_000)];
  long();
  await expectLinearTime({ what, short, long }, 2);
});

it('what was not parsed here has no texts', () => {
  const object = {};
  expect(textsIn(object, new Set([object])).size).toBe(0);
});
