import { describe, expect, it } from 'vitest';
import { negotiatedFormat } from '../../src/api/rest/content-negotiation.js';
import { asksForJson, canonicalPath, canonicalUrl, endsWithJson, mountOf, mounts } from '../../src/api/rest/path.js';
import { element, escaped, inside } from '../../src/api/rest/xml.js';

describe('a URL of the documented API', () => {
  it.each([
    ['/restcomm/2012-04-24/Accounts.json', '/2012-04-24/Accounts'],
    ['/2012-04-24/Accounts.json/AC1', '/2012-04-24/Accounts/AC1'],
    ['/2012-04-24/Accounts/AC1.json?Page=1.json', '/2012-04-24/Accounts/AC1?Page=1.json'],
    ['/2012-04-24/Accounts/a@b.test.json/SMS/Messages.json/', '/2012-04-24/Accounts/a@b.test/SMS/Messages/'],
    ['/2012-04-24/Accounts/x.json.json', '/2012-04-24/Accounts/x.json'],
    ['/2012-04-24/Accounts/a%40b.test', '/2012-04-24/Accounts/a%40b.test'],
    ['/2012-04-24/Accounts/50%off@b.test', '/2012-04-24/Accounts/50%25off@b.test'],
    ['/2012-04-24/Accounts/50%off%40b.test', '/2012-04-24/Accounts/50%25off%40b.test'],
    ['/2012-04-24/Accounts/%', '/2012-04-24/Accounts/%25'],
    ['/2012-04-24/Accounts/%FF%40', '/2012-04-24/Accounts/%25FF%2540'],
    ['/restcomm/2012-04-24', '/2012-04-24'],
    ['http://host:4000/restcomm/2012-04-24/Accounts.json?Page=0', '/2012-04-24/Accounts?Page=0'],
  ])('%s has the canonical spelling %s', (url, canonical) => {
    expect(canonicalUrl(url)).toBe(canonical);
    expect(canonicalUrl(canonical)).toBe(canonical.endsWith('x.json') ? canonical.slice(0, -'.json'.length) : canonical);
  });

  it.each(['/graphql', '/2012-04-24x/Accounts.json', '/x/2012-04-24/Accounts.json', '/', '*', '/restcomm/Accounts.json'])(
    '%s is none, and stays as it is',
    (url) => expect(canonicalUrl(url)).toBe(url),
  );

  it('tells the mount that it came by', () => {
    expect(mountOf('/2012-04-24/Accounts')).toBe('/2012-04-24');
    expect(mountOf('/restcomm/2012-04-24/Accounts')).toBe('/restcomm/2012-04-24');
    expect(mountOf('http://host/2012-04-24/Accounts')).toBe('/2012-04-24');
  });

  it('asks for JSON by any segment of its path, and by nothing else', () => {
    for (const url of [
      '/2012-04-24/Accounts.json',
      '/2012-04-24/Accounts.json/x',
      '/2012-04-24/Accounts/x.json?a',
      '/2012-04-24/a.json/',
    ]) {
      expect(asksForJson(url)).toBe(true);
    }
    for (const url of ['/2012-04-24/Accounts', '/2012-04-24/Accounts?a=.json', '/2012-04-24/json', '/2012-04-24/x.jsonp']) {
      expect(asksForJson(url)).toBe(false);
    }
  });
});

describe('the form of an answer', () => {
  const path = '/2012-04-24/Accounts';
  it.each([
    [undefined, 'xml'],
    ['', 'xml'],
    ['*/*', 'xml'],
    ['application/json', 'json'],
    ['application/json; charset=utf-8', 'json'],
    ['application/json;charset="UTF-8", text/plain', 'json'],
    ['text/xml', 'xml'],
    ['application/*', 'xml'],
    ['application/xml;q=0.5, application/json;q=0.9', 'json'],
    ['application/json;q=0.2, */*;q=0.1', 'json'],
    ['text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2', 'xml'],
    ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', 'xml'],
  ])('for Accept: %s is %s', (accept, format) => {
    expect(negotiatedFormat(path, accept)).toBe(format);
    expect(negotiatedFormat(`${path}.json`, accept)).toBe('json');
  });

  it.each(['text/plain', 'image/png', 'application/json;q=0'])('is none for Accept: %s', (accept) => {
    expect(() => negotiatedFormat(path, accept)).toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE' }));
  });
});

describe('XML', () => {
  it('is written in the order of its properties, without those that are undefined', () => {
    expect(element('A', { B: 'text', C: undefined, D: { E: '' } })).toBe('<A><B>text</B><D><E></E></D></A>');
  });

  it('holds any text', () => {
    expect(escaped(`<a href='x' b="y">&amp;\t\n\r`)).toBe('&lt;a href=&apos;x&apos; b=&quot;y&quot;&gt;&amp;amp;&#9;&#10;&#13;');
    expect(escaped('\0\u001f\ud800\uffff😀')).toBe('\ufffd\ufffd\ufffd\ufffd😀');
  });
});

it('the last segment of a path ends with .json, or does not', () => {
  for (const url of ['/2012-04-24/a.json', '/2012-04-24/a.json/', '/restcomm/2012-04-24/a.json?b=c']) expect(endsWithJson(url)).toBe(true);
  for (const url of ['/2012-04-24/a', '/2012-04-24/a.json/b', '/2012-04-24/a.jsonx', '/2012-04-24/a?b=.json'])
    expect(endsWithJson(url)).toBe(false);
});

it('the documented API is mounted twice, and several slashes of a path are one', () => {
  expect(mounts).toEqual(['/restcomm/2012-04-24', '/2012-04-24']);
  expect(mountOf('/elsewhere')).toBe('/restcomm/2012-04-24');
  expect(canonicalUrl('//2012-04-24///Accounts//x.json?a=//b')).toBe('/2012-04-24/Accounts/x?a=//b');
  expect(canonicalUrl('/2012-04-24?a')).toBe('/2012-04-24?a');
  expect(canonicalPath('/a.json/b%zz/%41')).toBe('/a/b%25zz/%41');
  expect(canonicalPath('/a.jsonx/b%4/c%4g')).toBe('/a.jsonx/b%254/c%254g');
  expect(canonicalUrl('/2012-04-24/a/x-http:b')).toBe('/2012-04-24/a/x-http:b');
  expect(canonicalUrl('/2012-04-24/a?b=http://c/d')).toBe('/2012-04-24/a?b=http://c/d');
  expect(canonicalUrl('https://host/2012-04-24/a?x')).toBe('/2012-04-24/a?x');
});

describe('the text of an XML element', () => {
  it('is all that it holds, each character that means something by reference', () => {
    expect(inside({ A: 'x', B: undefined, C: { D: '<' } })).toBe('<A>x</A><C><D>&lt;</D></C>');
    expect(inside('a & b')).toBe('a &amp; b');
    for (const plain of ['', 'abc', ' !#$%()*+,-./09:;=?@AZ[]^_`az{|}~']) expect(escaped(plain)).toBe(plain);
    const references: [string, string][] = [
      ['&', '&amp;'],
      ['<', '&lt;'],
      ['>', '&gt;'],
      ['"', '&quot;'],
      ["'", '&apos;'],
      ['\t', '&#9;'],
      ['\n', '&#10;'],
      ['\r', '&#13;'],
    ];
    for (const [character, reference] of references) expect(escaped(`a${character}b${character}`)).toBe(`a${reference}b${reference}`);
  });

  it('has a stand-in for what XML cannot hold, and every other character as it is', () => {
    for (const impossible of ['\0', '\u0008', '\u000b', '\u001f', '\ud800', '\udfff', '\ufffe', '\uffff'])
      expect(escaped(`a${impossible}`)).toBe('a\ufffd');
    for (const possible of ['\u007f', '\u0085', '\ud7ff', '\ue000', '\ufffd', '\u{10000}', '\u{10ffff}'])
      expect(escaped(`a${possible}`)).toBe(`a${possible}`);
  });
});

it('what no form fits is refused in a sentence', () => {
  expect(() => negotiatedFormat('/2012-04-24/Accounts', 'image/png')).toThrow(/^Answers .*\.$/);
  for (const [accept, format] of [
    ['text/json', 'json'],
    ['text/xml', 'xml'],
    ['application/xml', 'xml'],
  ] as const)
    expect(negotiatedFormat('/2012-04-24/Accounts', accept)).toBe(format);
});
