import { describe, expect, it } from 'vitest';
import { formatAskedFor } from '../../src/api/rest/content-negotiation.js';
import { asksForJson, canonicalUrl, mountOf } from '../../src/api/rest/path.js';
import { element, escaped } from '../../src/api/rest/xml.js';

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
    expect(formatAskedFor(path, accept)).toBe(format);
    expect(formatAskedFor(`${path}.json`, accept)).toBe('json');
  });

  it.each(['text/plain', 'image/png', 'application/json;q=0'])('is none for Accept: %s', (accept) => {
    expect(() => formatAskedFor(path, accept)).toThrow(expect.objectContaining({ code: 'NOT_ACCEPTABLE' }));
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
