import { describe, expect, it } from 'vitest';
import type { RedactionKind } from '../../src/domain/subresource-request.js';
import { RedactionError, assertRedactable, redact, redactionFor } from '../../src/subresources/redaction.js';
import { cutsOf, json, redacted, xml } from '../support/redaction.js';

const sms: RedactionKind = 'SMS/Messages';
const bom = '\uFEFF';

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}

/** Redacts it in every way to cut it, and expects the same each time. */
async function expectRedacted(kind: RedactionKind, type: string, given: string | Uint8Array, expected: string): Promise<void> {
  for (const cuts of cutsOf(given)) {
    const { bytes, refused } = await redacted(kind, type, given, cuts);
    expect({ text: bytes.toString(), refused }, `cut at ${cuts}`).toEqual({ text: expected, refused: false });
  }
}

/** Expects it to be refused, in whichever way it is cut, and that nothing of a secret left. */
async function expectRefused(kind: RedactionKind, type: string, given: string | Uint8Array): Promise<void> {
  for (const cuts of cutsOf(given)) {
    const { bytes, refused } = await redacted(kind, type, given, cuts);
    expect(refused, `cut at ${cuts}`).toBe(true);
    expect(bytes.toString(), `cut at ${cuts}`).not.toContain('secret');
  }
}

describe('which answers are redacted', () => {
  it.each<[string, RedactionKind | undefined]>([
    ['SMS/Messages', 'SMS/Messages'],
    ['Email/Messages', 'Email/Messages'],
    ['Notifications', 'Notifications'],
    ['SMS/Messages/SM1.json', 'SMS/Messages'],
    ['SMS/Messages.json', 'SMS/Messages'],
    ['sms/messages', 'SMS/Messages'],
    ['%53MS/Mess%61ges', 'SMS/Messages'],
    ['SMS%2FMessages', 'SMS/Messages'],
    ['SMS;a=b/Messages;c.xml', 'SMS/Messages'],
    ['SMS//Messages/', 'SMS/Messages'],
    ['Messages.json', 'SMS/Messages'],
    ['Calls/CA1/Notifications.json', 'Notifications'],
    ['email/messages/EM1', 'Email/Messages'],
    ['Calls', undefined],
    ['Recordings/RE1.wav', undefined],
    ['Usage/Records', undefined],
    ['SMS/MessagesOfOthers', undefined],
    ['%E0%A4%A', undefined],
  ])('%s: %s', (subresource, kind) => {
    expect(redactionFor(subresource)).toBe(kind);
  });
});

describe('answers that can be redacted', () => {
  const answer = { status: 200, contentType: json, contentEncoding: undefined };

  it.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/json;charset="UTF-8"',
    'application/json ; version=1 ; charset=utf8;',
    'text/xml',
    'application/xml;profile="a;charset=latin1"',
    'application/problem+json',
    'application/vnd.example+xml',
  ])('%s', (contentType) => {
    expect(() => assertRedactable({ ...answer, contentType })).not.toThrow();
  });

  it.each([
    undefined,
    '',
    'json',
    'text/html',
    'text/csv',
    'audio/wav',
    'application/json-seq',
    'application/jsonp',
    'application/x-ndjson',
    'application/json, text/html',
    'application/json; charset=utf-16',
    'application/json; charset=utf-8; charset=utf-7',
    'application/json; charset*=utf-8',
    'application/json; charset',
    'text/xml; charset=iso-8859-1',
    'text/xml; charset="utf-8\\"',
    `application/json${'; '.repeat(5000)}/`,
  ])('not %s', (contentType) => {
    expect(() => assertRedactable({ ...answer, contentType })).toThrow(RedactionError);
  });

  it('not compressed, whatever by', () => {
    for (const contentEncoding of ['gzip', 'identity, gzip', 'br', 'x-unknown', ',']) {
      expect(() => assertRedactable({ ...answer, contentEncoding })).toThrow(RedactionError);
    }
    for (const contentEncoding of ['identity', 'Identity', ''])
      expect(() => assertRedactable({ ...answer, contentEncoding })).not.toThrow();
  });

  it('not in parts; and a status that has no body needs no type', () => {
    for (const status of [206, 226]) expect(() => assertRedactable({ ...answer, status })).toThrow(RedactionError);
    for (const status of [201, 400, 404, 500]) expect(() => assertRedactable({ ...answer, status })).not.toThrow();
    for (const status of [204, 205, 304]) expect(() => assertRedactable({ ...answer, status, contentType: undefined })).not.toThrow();
  });
});

describe('JSON', () => {
  it.each<[what: string, given: string, expected: string]>([
    ['a text', '{"sid":"SM1","body":"secret","to":"+1"}', '{"sid":"SM1","body":null,"to":"+1"}'],
    ['a text that is null', '{"body":null}', '{"body":null}'],
    ['space where it may be', ' {\r\n\t"body" \t: \n "secret" \r\n, "a" : 1 } \n', ' {\r\n\t"body" \t: \n null \r\n, "a" : 1 } \n'],
    ['an empty text at the end', '{"body":""}', '{"body":null}'],
    [
      'texts of all kinds',
      '[{"body":1.5e3},{"body":true},{"body":false},{"body":-0 }]',
      '[{"body":null},{"body":null},{"body":null},{"body":null }]',
    ],
    ['a text that is a list', '{"body":["secret",{"a":[]}] ,"a":[1]}', '{"body":null ,"a":[1]}'],
    ['a text that is an object', '{"body":{"body":{"a":"secret"},"b":"secret"},"a":{}}', '{"body":null,"a":{}}'],
    ['a text given twice', '{"body":"secret","body":"secret"}', '{"body":null,"body":null}'],
    ['a text far down', '{"a":[{"b":{"body":"secret"}}]}', '{"a":[{"b":{"body":null}}]}'],
    ['escapes in a text', '{"body":"\\"secret\\\\","a":"\\\\"}', '{"body":null,"a":"\\\\"}'],
    ['characters of several bytes', '{"é":"日本🦄","body":"🦄secret日","ü":"é"}', '{"é":"日本🦄","body":null,"ü":"é"}'],
    [
      'surrogates alone',
      '{"a":"\\ud83d","body":"\\ude00secret\\ud83d","b":"\\ud83d\\ude00"}',
      '{"a":"\\ud83d","body":null,"b":"\\ud83d\\ude00"}',
    ],
    ['strings that hold JSON', '{"a":"{\\"body\\":\\"text\\"}"}', '{"a":"{\\"body\\":\\"text\\"}"}'],
    ['a text’s name as a value', '["body","a",{"a":"body","b":"c"}]', '["body","a",{"a":"body","b":"c"}]'],
    ['a byte order mark', `${bom}{"body":"secret","a":1}`, `${bom}{"body":null,"a":1}`],
    ['numbers as they are', '{"a":12345678901234567890,"b":1.0,"c":-0e+1}', '{"a":12345678901234567890,"b":1.0,"c":-0e+1}'],
    ['a string', '"body"', '"body"'],
    ['a number', ' 12', ' 12'],
    ['empty lists and objects', '[{},[],{"a":{}}]', '[{},[],{"a":{}}]'],
    [
      'names of JavaScript',
      '{"__proto__":{"body":"secret"},"constructor":1,"toString":2}',
      '{"__proto__":{"body":null},"constructor":1,"toString":2}',
    ],
    ['nothing at all', '', ''],
  ])('keeps every byte but the texts: %s', async (_what, given, expected) => {
    await expectRedacted(sms, json, given, expected);
  });

  it.each([
    '\\u0062ody',
    '\\u0062\\u006F\\u0064\\u0079',
    'Body',
    'BODY',
    'bo\\u0000dy',
    'body\\u0000',
    'body\\u0000sid',
    'ns:body\\nsid',
    ' body',
    'bo\u200Bdy',
    '\uFEFFbody',
    'body\\ufeff',
    'body\\ud800',
    'bo_dy',
    '@body',
    'ns:body',
    'ｂｏｄｙ',
    'bo\u0308dy',
    'body\\/',
    'body\\n',
  ])('knows a text by the name %j', async (name) => {
    await expectRedacted(sms, json, `{"${name}":"secret"}`, `{"${name}":null}`);
  });

  it.each(['bodies', 'somebody', 'body2', 'b\\u00f8dy', 'text', ''])('knows that %j is no text', async (name) => {
    await expectRedacted(sms, json, `{"${name}":"kept"}`, `{"${name}":"kept"}`);
  });

  it('has other texts in e-mail messages and notifications', async () => {
    const given = '{"body":1,"subject":2,"request_variables":3,"RequestVariables":4,"response-body":5,"message_text":6,"mESSAGEtEXT":7}';
    const expected = (texts: number[]) => given.replace(/:(\d)/g, (_, digit) => `:${texts.includes(Number(digit)) ? 'null' : digit}`);
    await expectRedacted('SMS/Messages', json, given, expected([1]));
    await expectRedacted('Email/Messages', json, given, expected([1, 2]));
    await expectRedacted('Notifications', json, given, expected([3, 4, 5, 6, 7]));
    await expectRedacted(
      'Notifications',
      json,
      '{"ſ":1,"me\u017F\u017Fage_text":2,"RESPONSE_BODY":3}',
      '{"ſ":1,"me\u017F\u017Fage_text":null,"RESPONSE_BODY":null}',
    );
    await expectRedacted(
      'Notifications',
      json,
      '{"request_var\u0131ables":1,"REQUEST_VAR\u0130ABLES":2}',
      '{"request_var\u0131ables":null,"REQUEST_VAR\u0130ABLES":null}',
    );
  });

  it.each<[what: string, given: string | Uint8Array]>([
    ['incomplete', '{"body":"secret"'],
    ['a text that does not end', '{"body":"secret'],
    ['space alone', ' \n'],
    ['a byte order mark alone', bom],
    ['two byte order marks', `${bom}${bom}{"body":"secret"}`],
    ['half a byte order mark', Buffer.from([0xef, ...Buffer.from('{"body":"secret"}')])],
    ['most of a byte order mark', Buffer.from([0xef, 0xbb, ...Buffer.from('{"body":"secret"}')])],
    ['a byte order mark behind space', ` ${bom}{"body":"secret"}`],
    ['a byte order mark inside', `[{${bom}"body":"secret"}]`],
    ['a byte order mark behind a bracket', `[[${bom}[[[],{"body":"secret"}]]]]`],
    ['a byte order mark at the end', `{}${bom}`],
    ['a second document', '{"a":1}{"body":"secret"}'],
    ['a string behind it', '{"a":1} "secret"'],
    ['a word behind it', '{"a":1} secret'],
    ['two values', '{"a":1 "secret"}'],
    ['no colon', '{"body" "secret"}'],
    ['two colons', '{"body"::"secret"}'],
    ['a comma for a colon', '{"body","secret"}'],
    ['a name that is no string', '{body:"secret"}'],
    ['a number as a name', '{1:"secret"}'],
    ['a comma too many', '{"body":"secret",}'],
    ['a comma too many in a list', '["a",]'],
    ['other quotation marks', "{'body':'secret'}"],
    ['a comment', '{/**/"body":"secret"}'],
    ['brackets that do not match', '{"body":["secret"}]'],
    ['a bracket too many', '{"body":"secret"}}'],
    ['a bare control character', '{"body":"secret\u0001"}'],
    ['a line break in a string', '{"body":"secret\n"}'],
    ['an unknown escape', '{"bo\\dy":"secret"}'],
    ['half an escape', '{"a":"\\u00"}'],
    ['a name with an escape that is none', '{"\\x62ody":"secret"}'],
    ['a number with a leading zero', '{"a":01,"body":"secret"}'],
    ['NaN', '{"a":NaN,"body":"secret"}'],
    ['space that JSON does not know', '{\u00A0"body":"secret"}'],
    ['a zero byte', '{"body":"secret"}\0'],
    ['XML', '<Body>secret</Body>'],
    ['UTF-16', Buffer.from('\uFEFF{"body":"secret"}', 'utf16le')],
    ['UTF-16 without a mark', Buffer.from('{"body":"secret"}', 'utf16le')],
    ['Latin-1', Buffer.from('{"é":"secret"}', 'latin1')],
    ['an overlong quotation mark', Buffer.from([...Buffer.from('{"a":"'), 0xc0, 0xa2, ...Buffer.from('"}')])],
    ['a surrogate in UTF-8', Buffer.from([...Buffer.from('{"a":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')])],
    ['a character that is cut short', Buffer.from([...Buffer.from('{"a":"'), 0xe2, 0x82, ...Buffer.from('"}')])],
    ['a byte that no character begins with', Buffer.from([...Buffer.from('{"a":"'), 0xff, ...Buffer.from('"}')])],
    ['too deep', `${'['.repeat(101)}${']'.repeat(101)}`],
  ])('is refused if it is malformed: %s', async (_what, given) => {
    await expectRefused(sms, json, given);
  });
});

describe('XML', () => {
  it.each<[what: string, given: string, expected: string]>([
    ['a text', '<R><Sid>SM1</Sid><Body>secret</Body><To>+1</To></R>', '<R><Sid>SM1</Sid><Body/><To>+1</To></R>'],
    ['an empty text', '<R><Body/><Body></Body></R>', '<R><Body/><Body/></R>'],
    ['space in tags', '<R ><Body\n>secret</Body\t><Body /></R >', '<R ><Body/><Body/></R >'],
    ['attributes of a text', '<R a="1"><Body a=">" b=\'"\' Body="secret">secret</Body></R>', '<R a="1"><Body/></R>'],
    ['a text within a text', '<R><Body><Body>secret</Body>secret<Body/></Body>a</R>', '<R><Body/>a</R>'],
    ['elements within a text', '<R><Body><b>secret</b><!--secret--><![CDATA[</Body>secret]]></Body></R>', '<R><Body/></R>'],
    ['a prefix', '<R xmlns:n="u"><n:Body>secret</n:Body></R>', '<R xmlns:n="u"><Body/></R>'],
    ['a prefix of its own', '<R><n:Body xmlns:n="u">secret</n:Body></R>', '<R><Body/></R>'],
    [
      'other spellings',
      '<R><BODY>secret</BODY><body>secret</body><_bo-dy>secret</_bo-dy><a:b:Body>secret</a:b:Body></R>',
      '<R><Body/><Body/><Body/><Body/></R>',
    ],
    ['a text as the root', '<Body>secret</Body>', '<Body/>'],
    [
      'references',
      '<R><a>&lt;Body&gt;&#x41;&#65;&amp;</a><Body>&#115;ecret&quot;</Body></R>',
      '<R><a>&lt;Body&gt;&#x41;&#65;&amp;</a><Body/></R>',
    ],
    [
      'a CDATA section',
      '<R><a><![CDATA[<Body>kept</Body>]] ]> ]]]]></a><Body><![CDATA[secret]]]]></Body></R>',
      '<R><a><![CDATA[<Body>kept</Body>]] ]> ]]]]></a><Body/></R>',
    ],
    ['comments', '<!-- - <Body> --><R><!----><!--a-b--></R><!---->', '<!-- - <Body> --><R><!----><!--a-b--></R><!---->'],
    [
      'a declaration',
      '<?xml version="1.0" encoding="utf-8" standalone=\'yes\' ?>\r\n<R><Body>secret</Body></R>\r\n',
      '<?xml version="1.0" encoding="utf-8" standalone=\'yes\' ?>\r\n<R><Body/></R>\r\n',
    ],
    ['a byte order mark', `${bom}<?xml version='1.0'?><R><Body>secret</Body>é</R>`, `${bom}<?xml version='1.0'?><R><Body/>é</R>`],
    ['characters of several bytes', '<Ré><a b="日">🦄\r</a><Body>🦄secret</Body>é</Ré>', '<Ré><a b="日">🦄\r</a><Body/>é</Ré>'],
    ['marks of other things in values', '<R a="<"/>'.replace('<"', '/>"'), '<R a="/>"/>'],
    ['nothing at all', '', ''],
  ])('keeps every byte but the texts: %s', async (_what, given, expected) => {
    await expectRedacted(sms, xml, given, expected);
  });

  it('has other texts in e-mail messages and notifications', async () => {
    const names = ['Body', 'Subject', 'RequestVariables', 'ResponseBody', 'MessageText', 'Log'];
    const given = `<R>${names.map((name) => `<${name}>t</${name}>`).join('')}</R>`;
    const expected = (texts: string[]) =>
      `<R>${names.map((name) => (texts.includes(name) ? `<${name}/>` : `<${name}>t</${name}>`)).join('')}</R>`;
    await expectRedacted('SMS/Messages', xml, given, expected(names.slice(0, 1)));
    await expectRedacted('Email/Messages', xml, given, expected(names.slice(0, 2)));
    await expectRedacted('Notifications', xml, given, expected(names.slice(2, 5)));
    await expectRedacted('Notifications', xml, '<R><message_text>secret</message_text></R>', '<R><MessageText/></R>');
  });

  it.each<[what: string, given: string | Uint8Array]>([
    ['incomplete', '<R><Body>secret</Body>'],
    ['a text that does not end', '<R><Body>secret</R>'],
    ['a text that ends twice', '<R><Body>secret</Body></Body></R>'],
    ['a name that ends otherwise', '<R><Body>secret</body></R>'],
    ['space alone', ' \n'],
    ['a byte order mark alone', bom],
    ['two byte order marks', `${bom}${bom}<R/>`],
    ['a second root', '<R/><Body>secret</Body>'],
    ['characters behind the root', '<R/>a'],
    ['half a tag behind the root', '<R/><'],
    ['half a comment behind the root', '<R/><!-'],
    ['half a reference behind the root', '<R/>&am'],
    ['half a declaration behind the root', '<R/><?xm'],
    ['a CDATA section behind the root', '<R/><![CDATA[secret]]>'],
    ['a reference behind the root', '<R/>&amp;'],
    ['a document type', '<!DOCTYPE R><R><Body>secret</Body></R>'],
    ['entities', '<!DOCTYPE R [<!ENTITY a "secret">]><R>&a;</R>'],
    ['a document type in lower case', '<!doctype html><R/>'],
    ['an entity that nobody defined', '<R>&secret;</R>'],
    ['a reference to nothing', '<R>&#0;</R>'],
    ['a bare ampersand', '<R>& <Body>secret</Body></R>'],
    ['a processing instruction', '<?php secret ?><R/>'],
    ['a stylesheet', '<?xml-stylesheet href="a"?><R/>'],
    ['a processing instruction inside', '<R><?a secret?></R>'],
    ['a declaration that comes late', ' <?xml version="1.0"?><R/>'],
    ['a declaration inside', '<R><?xml version="1.0"?></R>'],
    ['a declaration in upper case', '<?XML version="1.0"?><R/>'],
    ['another encoding', '<?xml version="1.0" encoding="ISO-8859-1"?><R/>'],
    ['UTF-7', '<?xml version="1.0" encoding="UTF-7"?><R>+ADw-Body+AD4-</R>'],
    ['another version', '<?xml version="1.1"?><R/>'],
    ['an unknown version', '<?xml version="1.2"?><R/>'],
    ['a text in an attribute', '<R><Message Body="secret"/></R>'],
    ['a text in an attribute with a prefix', '<R><Message a="1" n:body=\'secret\'></Message></R>'],
    ['a comment in a tag', '<R><Bo<!---->dy>secret</Body></R>'],
    ['two hyphens in a comment', '<R><!-- -- --></R>'],
    ['a comment that ends in three hyphens', '<R><!-- ---></R>'],
    ['a comment that does not end', '<R><!-- </R>'],
    ['a CDATA section that does not end', '<R><![CDATA[ </R>'],
    ['a CDATA section in lower case', '<R><![cdata[a]]></R>'],
    ['the end of a CDATA section alone', '<R>]]></R>'],
    ['an attribute without a value', '<R a><Body>secret</Body></R>'],
    ['an attribute without quotation marks', '<R a=b><Body>secret</Body></R>'],
    ['an attribute twice', '<R a="" a=""/>'],
    ['a tag in an attribute', '<R a="<Body>"/>'],
    ['a quotation mark in a tag', '<R"><Body>secret</Body></R>'],
    ['space before a name', '<R>< Body>secret</ Body></R>'],
    ['an end with attributes', '<R></R a="">'],
    ['a control character', '<R>\u0001</R>'],
    ['a zero byte', '<R>\0</R>'],
    ['a character that is none', '<R>\uFFFF</R>'],
    ['JSON', '{"body":"secret"}'],
    ['UTF-16', Buffer.from('\uFEFF<Body>secret</Body>', 'utf16le')],
    ['UTF-16 without a mark', Buffer.from('<Body>secret</Body>', 'utf16le')],
    ['Latin-1', Buffer.from('<R>é</R>', 'latin1')],
    ['an overlong bracket', Buffer.from([...Buffer.from('<R>'), 0xc0, 0xbc, ...Buffer.from('</R>')])],
    ['a character that does not end', Buffer.from([...Buffer.from('<R></R>'), 0xe2, 0x82])],
    ['too deep', `${'<a>'.repeat(101)}${'</a>'.repeat(101)}`],
  ])('is refused if it is malformed, or could hide a text: %s', async (_what, given) => {
    await expectRefused(sms, xml, given);
  });
});

describe('sizes', () => {
  /** How much is held at most while a document of repeated parts comes: what came, minus what left. */
  async function mostHeld(type: string, before: string, part: string, after: string): Promise<{ held: number; left: number }> {
    const parts = Math.ceil(2_000_000 / part.length);
    let [came, left, held] = [0, 0, 0];
    async function* body(): AsyncGenerator<Uint8Array> {
      for (let index = -1; index <= parts; index++) {
        const chunk = Buffer.from(index === -1 ? before : index === parts ? after : part);
        came += chunk.length;
        yield chunk;
        held = Math.max(held, came - left);
      }
    }
    for await (const chunk of redact(sms, type, body())) left += chunk.length;
    expect(left).toBeLessThanOrEqual(came);
    return { held, left };
  }

  it.each<[what: string, type: string, before: string, part: string, after: string]>([
    ['a JSON string', json, '{"a":"', 'text '.repeat(1000), '"}'],
    ['escapes', json, '{"a":"', '\\n'.repeat(1000), '"}'],
    ['escapes that are cut', json, '{"a":"\\', 'n\\'.repeat(1000), 'n"}'],
    ['escapes of surrogates that are cut', json, '{"a":"\\u', 'd83d\\u'.repeat(1000), 'd83d"}'],
    ['characters that are cut', json, '{"a":"', '🦄'.repeat(999), '"}'],
    ['space in JSON', json, '[1,', ' '.repeat(5000), '2]'],
    ['a list', json, '[0', ',1,{"b":[]}'.repeat(1000), ']'],
    ['XML characters', xml, '<a>', 'text '.repeat(1000), '</a>'],
    ['a comment', xml, '<a><!--', '- '.repeat(1000), '--></a>'],
    ['a CDATA section', xml, '<a><![CDATA[', ']]&'.repeat(1000), ']]></a>'],
    ['references', xml, '<a>', '&lt;'.repeat(1000), '</a>'],
    ['elements', xml, '<a>', '<b c="">d</b>'.repeat(400), '</a>'],
  ])('hold little of what is kept, however long it is: %s', async (_what, type, before, part, after) => {
    const { held, left } = await mostHeld(type, before, part, after);
    // A string is cut once it has 16,384 characters, which six bytes may stand for.
    expect(held).toBeLessThan(6 * 16_384 + 10_000);
    expect(left).toBeGreaterThan(2_000_000);
  });

  it('of texts do not matter: memory stays flat', async () => {
    const half = Buffer.from(`${'a secret '.repeat(7000)}\\n`);
    const most = async (type: string, before: string, after: string): Promise<number> => {
      const start = process.memoryUsage();
      let grown = 0;
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(before);
        for (let count = 0; count < 1000; count++) {
          yield half;
          const { heapUsed, external } = process.memoryUsage();
          grown = Math.max(grown, heapUsed + external - start.heapUsed - start.external);
        }
        yield Buffer.from(after);
      }
      const left: Uint8Array[] = [];
      for await (const chunk of redact(sms, type, body())) left.push(chunk);
      expect(Buffer.concat(left).toString()).toBe(type === json ? '{"body":null}' : '<R><Body/></R>');
      return grown;
    };
    // 63 MB each.
    expect(await most(json, '{"body":"', '"}')).toBeLessThan(40_000_000);
    expect(await most(json, '{"body":["', '"]}')).toBeLessThan(40_000_000);
    expect(await most(xml, '<R><Body>', '</Body></R>')).toBeLessThan(40_000_000);
    expect(await most(xml, '<R><Body><![CDATA[', ']]></Body></R>')).toBeLessThan(40_000_000);
  });

  it('of chunks do not matter: a large one leaves in pieces', async () => {
    async function* body(): AsyncGenerator<Uint8Array> {
      yield Buffer.from(`[${'1,'.repeat(1_000_000)}1]`);
    }
    const lengths = (await collect(redact(sms, json, body()))).map(({ length }) => length);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(65_536);
    expect(lengths.length).toBeGreaterThan(30);
  });

  it('of names, numbers, tags and references are bounded, however they come', async () => {
    const [fits, exceeds] = [16_384, 16_385];
    const documents = (length: number): [string, string, number[]][] => [
      [json, `{"${'a'.repeat(length)}":1}`, [100, 17_000]],
      [json, `{"a":${'1'.repeat(length)}}`, [100, 9000]],
      [xml, `<R a="${'b'.repeat(length - 9)}"/>`, [100, 9000]],
      [xml, `<R>&#${'0'.repeat(length - 4)}65;</R>`, [100, 9000]],
    ];
    for (const cut of [false, true]) {
      for (const [type, document, cuts] of documents(fits)) {
        const { bytes, refused } = await redacted(sms, type, document, cut ? cuts : []);
        expect({ refused, text: bytes.toString() }).toEqual({ refused: false, text: document });
      }
      for (const [type, document, cuts] of documents(exceeds)) {
        expect((await redacted(sms, type, document, cut ? cuts : [])).refused, document.slice(0, 5)).toBe(true);
      }
    }
  });

  it('of kept strings and texts may exceed that bound', async () => {
    for (const length of [16_383, 16_384, 16_385, 70_000, 200_000]) {
      const text = 'é"'.repeat(length / 2);
      const given = JSON.stringify([{ a: text, body: [text], b: [text, { body: text, c: text }] }, text]);
      const expected = JSON.stringify([{ a: text, body: null, b: [text, { body: null, c: text }] }, text]);
      for (const cuts of [[], [1000, 17_000], Array.from({ length: 700 }, (_, index) => index * 137)]) {
        expect((await redacted(sms, json, given, cuts)).bytes.toString() === expected, `${length}, ${cuts.length} cuts`).toBe(true);
      }
    }
  });

  it('does not let a long string stand where none may', async () => {
    const text = 'secret'.repeat(10_000);
    for (const given of [`{"a":1 "${text}"}`, `{} "${text}"`, `{"${text}":1}`, `["a""${text}"]`, `{"body":"${text}" "${text}"}`]) {
      expect((await redacted(sms, json, given, [20_000, 40_000])).refused).toBe(true);
    }
  });
});

describe('refusals', () => {
  it('quote nothing of the document', async () => {
    for (const [type, document] of [
      [json, '{"a":1 "secret"}'],
      [json, '{"a":secret}'],
      [xml, '<R><secret></R>'],
      [xml, '<R>&secret;</R>'],
      [xml, '<secret>'],
    ] as const) {
      async function* body(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(document);
      }
      const error = await collect(redact(sms, type, body())).catch((error: unknown) => error);
      expect(error).toBeInstanceOf(RedactionError);
      expect(`${(error as Error).stack} ${String((error as Error).cause)}`).not.toContain('secret');
    }
  });

  it('end the body that they were of; an error of the body itself passes through', async () => {
    let ended = false;
    async function* body(): AsyncGenerator<Uint8Array> {
      try {
        yield Buffer.from('{]');
        yield Buffer.from('never read');
      } finally {
        ended = true;
      }
    }
    await expect(collect(redact(sms, json, body()))).rejects.toThrow(RedactionError);
    expect(ended).toBe(true);
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('{');
      throw new TypeError('reset');
    }
    await expect(collect(redact(sms, json, broken()))).rejects.toThrow(TypeError);
  });

  it('are for a body of a type that is neither, unless it is empty', async () => {
    async function* body(...chunks: string[]): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield Buffer.from(chunk);
    }
    expect(await collect(redact(sms, undefined, body('', '')))).toEqual([]);
    await expect(collect(redact(sms, undefined, body('{}')))).rejects.toThrow(RedactionError);
    await expect(collect(redact(sms, 'text/html', body('{}')))).rejects.toThrow(RedactionError);
    await expect(collect(redact(sms, 'application/json; charset=utf-16', body('{}')))).rejects.toThrow(RedactionError);
  });
});
