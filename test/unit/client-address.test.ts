import { describe, expect, it } from 'vitest';
import { forwardedAddresses, sanitizeForwardedHeaders } from '../../src/api/http/client-address.js';

describe('X-Forwarded-For', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['192.0.2.7:1001', '192.0.2.7'],
    ['2001:db8::7', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    ['[2001:db8::7]:1001', '2001:db8::7'],
    ['::ffff:192.0.2.7', '::ffff:192.0.2.7'],
    ['[::ffff:192.0.2.7]:1001', '::ffff:192.0.2.7'],
    ['192.0.2.7:1,  10.0.0.1:2 ,[2001:db8::7]:3', '192.0.2.7, 10.0.0.1, 2001:db8::7'],
    // What stands before an entry that is no address is not believed.
    ['192.0.2.7, unknown', ''],
    ['192.0.2.7, unknown, 10.0.0.1', '10.0.0.1'],
    ['unknown, 192.0.2.7, 10.0.0.1', '192.0.2.7, 10.0.0.1'],
    ['192.0.2.7,', ''],
  ])('of %s says %j', (header, addresses) => {
    expect(forwardedAddresses(header)).toBe(addresses);
  });

  it.each([
    'unknown',
    '',
    '192.0.2',
    '192.0.2.256',
    '192.0.2.07',
    '192.0.2.7:',
    '192.0.2.7:port',
    '192.0.2.7:123456',
    '192.0.2.7:1:2',
    '[192.0.2.7',
    '[2001:db8::7]x',
    '[2001:db8::7]:',
    '[]:80',
    '2001:db8:::7',
    '_hidden',
    '"192.0.2.7"',
  ])('says nothing by %j, which is no address', (entry) => {
    expect(forwardedAddresses(entry)).toBe('');
  });
});

it('the headers of a request are put right before anything reads them: addresses alone, and http or https', async () => {
  let hook: (request: object, reply: object, done: () => void) => void = () => {};
  sanitizeForwardedHeaders({ addHook: (name: string, added: typeof hook) => void (name === 'onRequest' && (hook = added)) } as never);
  const after = (headers: Record<string, string>): Promise<object> =>
    new Promise((resolve) => hook({ raw: { headers } }, {}, () => resolve(headers)));
  expect(await after({ 'x-forwarded-for': '192.0.2.7:80, 10.0.0.1' })).toEqual({ 'x-forwarded-for': '192.0.2.7, 10.0.0.1' });
  expect(await after({})).toEqual({});
  for (const protocol of ['http', 'https', 'javascript, https', ' https ']) {
    expect(await after({ 'x-forwarded-proto': protocol })).toEqual({ 'x-forwarded-proto': protocol });
  }
  for (const protocol of ['', 'javascript', 'https, javascript', 'HTTPS', 'https,'])
    expect(await after({ 'x-forwarded-proto': protocol })).toEqual({});
});
