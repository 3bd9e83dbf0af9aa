import { XMLParser } from 'fast-xml-parser';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { redactionRuns } from '../support/effort.js';
import { assertAsyncProperty } from '../support/property.js';
import { type Outcome, cutsOf, json, redacted, xml } from '../support/redaction.js';

/** It stands in every text, and nowhere else. */
const secret = 'S3cr3t';

/** A document as it is given, and as it must leave. */
interface Documents {
  given: string;
  expected: string;
}

const same = (text: string): Documents => ({ given: text, expected: text });

function joined(parts: readonly (string | Documents)[]): Documents {
  const documents = parts.map((part) => (typeof part === 'string' ? same(part) : part));
  return { given: documents.map(({ given }) => given).join(''), expected: documents.map(({ expected }) => expected).join('') };
}

/** Numbers from 0 to 1, of which a test makes the places to cut at and to change. */
const fractions = fc.array(fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }), { maxLength: 12 });
const placesIn = (bytes: Uint8Array, parts: number[]): number[] => parts.map((part) => Math.floor(part * bytes.length));

/** Small documents are cut everywhere, others where chance says. */
async function outcomes(type: string, document: Uint8Array, parts: number[]): Promise<Outcome[]> {
  const ways = document.length < 60 ? cutsOf(document) : [[], placesIn(document, parts), [...document.keys()]];
  return Promise.all(ways.map((cuts) => redacted('SMS/Messages', type, document, cuts)));
}

/** What has a meaning in one of the formats. */
const marks = [
  ['"', '\\', '{', '}', '[', ']', ':', ',', '0', '-', 'e', ' ', '\n', 'u', '\\u0022', '\\u', '""', '},{', '":"', '/*', "'"],
  ['<', '>', '/', '&', ';', '=', '<!--', '-->', ']]>', '<![CDATA[', '<?', '?>', '</', '/>', '<Body>', '</Body>', '&#60;', '\r', '!'],
  ['\0', ''],
].flat();

/** One small change: bytes that have a meaning, or none, in place of some others. */
const change = fc.record({
  where: fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true }),
  removed: fc.constantFrom(0, 0, 1, 1, 2, 5),
  bytes: fc.oneof(
    fc.constantFrom(...marks).map((text) => Buffer.from(text)),
    fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
    fc.constantFrom('efbbbf', 'fffe', 'feff', 'c0a2', 'eda080', 'e282', 'f09fa6', 'c2a0').map((hex) => Buffer.from(hex, 'hex')),
  ),
});
type Change = typeof change extends fc.Arbitrary<infer Value> ? Value : never;

function changed(document: Uint8Array, { where, removed, bytes }: Change): Buffer {
  const place = Math.floor(where * document.length);
  return Buffer.concat([document.subarray(0, place), bytes, document.subarray(place + removed)]);
}

describe('JSON', () => {
  const space = fc.constantFrom('', '', '', ' ', '\n', '\t \r\n');
  const textName = fc.constantFrom(
    '"body"',
    '"body"',
    '"Body"',
    '"\\u0062ody"',
    '"bod\\u0059"',
    '"b\\u006fdy\\u0000"',
    '"BODY\\uFEFF"',
    '"_body"',
  );
  const name = fc.constantFrom('"sid"', '"a"', '"\\u0061"', '""', '"__proto__"', '"bodies"', '"\\"{["', '"\\\\"', '"é,:"', '"日🦄"');
  const scalar = fc.constantFrom(
    '1.0',
    '-0',
    '12345678901234567890',
    '1E+2',
    'null',
    'true',
    'false',
    '""',
    '"}"',
    '"]\\\\"',
    '"\\"[{,:"',
    '"日🦄é"',
    '"\\ud83d"',
    '"\\"body\\":\\"x\\""',
  );
  const text = fc.constantFrom(
    `"${secret}"`,
    `"\\\\\\"${secret}\\\\"`,
    `"🦄${secret}\\ud83d"`,
    '""',
    '1',
    '-0.5e3',
    'true',
    'null',
    `"${secret}${'é\\n'.repeat(30)}"`,
  );
  const { value } = fc.letrec<{ value: Documents }>((tie) => {
    const member = fc.oneof(
      fc.tuple(name, tie('value')).map(([key, inner]) => ({ key, inner, isText: false })),
      fc.tuple(textName, fc.oneof(text.map(same), tie('value'))).map(([key, inner]) => ({ key, inner, isText: true })),
    );
    return {
      value: fc.oneof(
        { maxDepth: 5, depthIdentifier: 'json' },
        scalar.map(same),
        fc.array(fc.tuple(space, member, space, space, space), { maxLength: 4, depthIdentifier: 'json' }).map((members) => {
          const all = members.map(([before, { key, inner, isText }, after, beforeValue, end]) =>
            joined([before, key, after, ':', beforeValue, isText ? { given: inner.given, expected: 'null' } : inner, end]),
          );
          return joined(['{', ...all.flatMap((one, index) => (index === 0 ? [one] : [',', one])), '}']);
        }),
        fc.array(fc.tuple(space, tie('value'), space), { maxLength: 4, depthIdentifier: 'json' }).map((items) => {
          const all = items.map((item) => joined(item));
          return joined(['[', ...all.flatMap((one, index) => (index === 0 ? [one] : [',', one])), ']']);
        }),
      ),
    };
  });
  const document = fc.tuple(fc.constantFrom('', '', '\uFEFF'), space, value, space).map(joined);

  const isText = (key: string): boolean => key.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '') === 'body';

  /**
   * The rule in a few lines, for a document that is at hand as a whole. It follows malformed ones as long as they can be followed,
   * and so says what may have left of them.
   */
  function withoutTexts(text: string): string {
    let [result, last, textIsNext, depthInText] = ['', '', false, 0];
    for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"?|[{}[\],:]|[ \t\r\n]+|[^ \t\r\n"{}[\],:]+/gs)) {
      const nests = '{['.includes(token) ? 1 : ']}'.includes(token) ? -1 : 0;
      if (depthInText > 0) depthInText += nests;
      else if (textIsNext && token.trim() !== '') {
        [result, textIsNext, depthInText] = [`${result}null`, false, Math.max(0, nests)];
      } else {
        result += token;
        if (token.startsWith('"')) last = token;
        else if (token === ':') textIsNext = isText(asString(last));
      }
    }
    return result;
  }

  function asString(token: string): string {
    try {
      return String(JSON.parse(token));
    } catch {
      return '';
    }
  }

  const parsed = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));

  it('keeps every byte but the texts, however it is cut', async () => {
    await assertAsyncProperty(
      fc.asyncProperty(document, fractions, async ({ given, expected }, parts) => {
        for (const { bytes, refused } of await outcomes(json, Buffer.from(given), parts)) {
          expect({ text: bytes.toString(), refused }).toEqual({ text: expected, refused: false });
          expect(JSON.stringify(parsed(bytes))).not.toContain(secret);
        }
        expect(withoutTexts(given)).toBe(expected);
      }),
      { numRuns: redactionRuns },
    );
  });

  it('keeps strings and drops texts that are longer than what is held, however they are cut', async () => {
    const fragment = fc.constantFrom(
      'a',
      'words and words ',
      '\\n',
      '\\"',
      '\\\\',
      '\\ud83d',
      '\\ude00',
      '\\u0000',
      'é',
      '日',
      '🦄',
      ' ',
      '{"body":1}'.replaceAll('"', '\\"'),
    );
    const long = fc
      .tuple(fc.array(fragment, { minLength: 1, maxLength: 6 }), fc.integer({ min: 1, max: 12_000 }))
      .map(([fragments, times]) => `"${fragments.join('').repeat(Math.ceil(times / fragments.length))}"`);
    const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 5 });
    await assertAsyncProperty(
      fc.asyncProperty(long, long, sizes, async (kept, dropped, lengths) => {
        const members = (text: string): string => `"a":${kept},"body":${text},"b":[${kept}, ${kept} ],"BODY": [${text}] ,"c":1`;
        const given = Buffer.from(`[{${members(dropped)}},2]`);
        const expected = `[{${members('null').replace('[null]', 'null')}},2]`;
        const cuts: number[] = [];
        for (let at = 0; at < given.length; at += lengths[cuts.length % lengths.length]!) if (at > 0 || cuts.length === 0) cuts.push(at);
        const { bytes, refused } = await redacted('SMS/Messages', json, given, cuts);
        expect({ refused, same: bytes.toString() === expected }).toEqual({ refused: false, same: true });
      }),
      { numRuns: Math.ceil(redactionRuns / 10) },
    );
  });

  it('is refused exactly if JSON.parse refuses it, and shows no text until then', async () => {
    let refusals = 0;
    await assertAsyncProperty(
      fc.asyncProperty(document, fc.array(change, { minLength: 1, maxLength: 3 }), fractions, async ({ given }, changes, parts) => {
        const bytes = changes.reduce<Buffer>(changed, Buffer.from(given));
        let isJson = bytes.length === 0;
        try {
          parsed(bytes);
          isJson = true;
        } catch {
          // It is malformed.
        }
        const expected = withoutTexts(bytes.toString());
        for (const outcome of await outcomes(json, bytes, parts)) {
          expect(outcome.refused).toBe(!isJson);
          if (isJson) expect(outcome.bytes.toString()).toBe(expected);
          else expect(expected.startsWith(outcome.bytes.toString()), `${outcome.bytes} of ${bytes}`).toBe(true);
        }
        if (!isJson) refusals += 1;
      }),
      { numRuns: redactionRuns },
    );
    expect(refusals).toBeGreaterThan(redactionRuns / 10);
  });
});

describe('XML', () => {
  const space = fc.constantFrom('', '', ' ', '\n', '\t');
  const attributes = fc.constantFrom('', '', ' a="1"', " a='>'", ' a = "é/>" b=\'"\'', ' xml:lang="body"', '\n');
  const characters = fc.constantFrom(
    '',
    'a',
    'é日🦄',
    '&lt;Body&gt;',
    '&#x41;',
    ']] ',
    '>',
    '"',
    "'",
    '\r',
    '\r\n',
    'Body',
    '<!---->',
    '<!-- <Body> - -->',
    '<![CDATA[<Body>]] > ]]]]>',
    '<![CDATA[]]>',
  );
  const inText = fc.constantFrom(
    secret,
    `<![CDATA[${secret}</Body>]]>`,
    `<!--${secret}-->`,
    `&#83;${secret}&amp;`,
    `<b c="${secret}>"/>`,
    `<Body>${secret}</Body>`,
    '<Body/>',
    '\r',
    '',
  );
  const textName = fc.constantFrom('Body', 'Body', 'body', 'BODY', 'n:Body', '_Body', 'Bo-dy');
  const name = fc.constantFrom('R', 'Sid', 'SMSMessage', 'Bodies', 'Body2', 'n:a', 'é', '日');
  const { element } = fc.letrec<{ element: Documents }>((tie) => ({
    element: fc.oneof(
      { maxDepth: 5, depthIdentifier: 'xml' },
      fc.tuple(name, attributes, space).map(([tag, given, end]) => same(`<${tag}${given}${end}/>`)),
      fc
        .tuple(name, attributes, space, fc.array(fc.oneof(characters.map(same), tie('element')), { maxLength: 5, depthIdentifier: 'xml' }))
        .map(([tag, given, end, inner]) => joined([`<${tag}${given}${end}>`, ...inner, `</${tag}${end}>`])),
      fc
        .tuple(
          textName,
          attributes,
          space,
          fc.array(
            fc.oneof(
              inText,
              tie('element').map(({ given }) => given),
            ),
            { maxLength: 4, depthIdentifier: 'xml' },
          ),
        )
        .map(([tag, given, end, inner]) => ({ given: `<${tag}${given}${end}>${inner.join('')}</${tag}${end}>`, expected: '<Body/>' })),
    ),
  }));
  const before = fc.constantFrom(
    '',
    '<?xml version="1.0"?>',
    '<?xml version=\'1.0\' encoding="UTF-8" standalone="no" ?>\n',
    '<!-- a -->',
    '\n',
  );
  const document = fc.tuple(fc.constantFrom('', '', '\uFEFF'), before, element, fc.constantFrom('', '\r\n', '<!---->')).map(joined);

  const parser = new XMLParser({ ignoreAttributes: false, trimValues: false, htmlEntities: true });

  /**
   * The rule in a few lines, for a document that is at hand as a whole. It follows malformed ones as long as they can be followed,
   * and so says what may have left of them.
   */
  function withoutTexts(text: string): string {
    let result = '';
    const open: boolean[] = [];
    const tokens =
      /<!--.*?(?:-->|$)|<!\[CDATA\[.*?(?:\]\]>|$)|<\?.*?(?:\?>|$)|<(\/?)([^\s/>"'<!?][^\s/>"'<]*)(?:"[^"]*"|'[^']*'|[^"'>])*?(\/?)>|[^<]+|</gs;
    for (const [token, closes, tag, isEmpty] of text.matchAll(tokens)) {
      const isText =
        tag !== undefined &&
        tag
          .replace(/^.*:/s, '')
          .replace(/[^\p{L}\p{N}]/gu, '')
          .toLowerCase() === 'body';
      const isWithin = open.includes(true);
      if (!isWithin) result += isText && closes === '' ? '<Body/>' : token;
      if (tag === undefined || isEmpty === '/') continue;
      if (closes === '') open.push(isText);
      else open.pop();
    }
    return result;
  }

  it('keeps every byte but the texts, however it is cut', async () => {
    await assertAsyncProperty(
      fc.asyncProperty(document, fractions, async ({ given, expected }, parts) => {
        for (const { bytes, refused } of await outcomes(xml, Buffer.from(given), parts)) {
          expect({ text: bytes.toString(), refused }).toEqual({ text: expected, refused: false });
          expect(JSON.stringify(parser.parse(bytes.toString()))).not.toContain(secret);
        }
        expect(withoutTexts(given)).toBe(expected);
      }),
      { numRuns: redactionRuns },
    );
  });

  it('that is malformed is refused in the same way however it is cut, and shows no text until then', async () => {
    let refusals = 0;
    await assertAsyncProperty(
      fc.asyncProperty(document, fc.array(change, { minLength: 1, maxLength: 3 }), fractions, async ({ given }, changes, parts) => {
        const bytes = changes.reduce<Buffer>(changed, Buffer.from(given));
        const expected = withoutTexts(bytes.toString());
        const all = await outcomes(xml, bytes, parts);
        for (const outcome of all) {
          expect(outcome.refused).toBe(all[0]!.refused);
          if (outcome.refused) expect(expected.startsWith(outcome.bytes.toString()), `${outcome.bytes} of ${bytes}`).toBe(true);
          else expect(outcome.bytes.toString()).toBe(expected);
        }
        if (all[0]!.refused) refusals += 1;
      }),
      { numRuns: redactionRuns },
    );
    expect(refusals).toBeGreaterThan(redactionRuns / 10);
  });
});
