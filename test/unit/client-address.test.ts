import { describe, expect, it } from 'vitest';
import { forwardedAddresses } from '../../src/api/http/client-address.js';

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
