import { describe, expect, it } from 'vitest';
import { networkOf, secondsUntilAddressMayTry, secondsUntilPairMayTry } from '../../src/domain/sign-in-limit.js';

describe('the network of an address', () => {
  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['::FFFF:c000:0207', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:0DB8:0001:0002::', '2001:db8:1:2::/64'],
    ['2001:db8::6', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
    ['unknown', 'unknown'],
  ])('of %s is %s', (address, network) => {
    expect(networkOf(address)).toBe(network);
  });
});

describe('whoever failed too often waits until the window ends:', () => {
  const limits = { perAccount: 3, perAddress: 5, windowSeconds: 900 };
  const failed = (count: number, secondsLeft = 60) => ({ count, secondsLeft });
  const pairWaits = (ofPair: number, ofAccount: number) =>
    secondsUntilPairMayTry({ ofPair: failed(ofPair, 70), ofAccount: failed(ofAccount), ofAddress: failed(99) }, limits);

  it('an account from one address, beyond its limit', () => {
    expect([0, 2, 3, 4].map((count) => pairWaits(count, count))).toEqual([0, 0, 70, 70]);
  });

  it('with one try left, once the account has failed five times the limit from everywhere', () => {
    expect([pairWaits(0, 15), pairWaits(1, 14), pairWaits(1, 15), pairWaits(2, 16)]).toEqual([0, 0, 70, 70]);
  });

  it('an address, beyond its own', () => {
    expect([0, 4, 5, 6].map((count) => secondsUntilAddressMayTry(failed(count), limits))).toEqual([0, 0, 60, 60]);
  });
});

it('the network of an IPv4 address that is written as one of IPv6 is the address, and of other such forms a /64', () => {
  expect(networkOf('::192.0.2.7')).toBe('0:0:0:0::/64');
  expect(networkOf('::fffe:192.0.2.7')).toBe('0:0:0:0::/64');
  expect(networkOf('1::ffff:192.0.2.7')).toBe('1:0:0:0::/64');
  expect(networkOf('::ffff:255.0.128.1')).toBe('255.0.128.1');
  expect(networkOf('1:2:3:4::')).toBe('1:2:3:4::/64');
  expect(networkOf('1:2::7:8')).toBe('1:2:0:0::/64');
  expect(networkOf('192.0.2.7%eth0')).toBe('192.0.2.7');
  expect(networkOf('')).toBe('');
});
