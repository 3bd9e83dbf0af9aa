import { describe, expect, it } from 'vitest';
import { AppError } from '../../src/errors.js';
import { AddressRules, parseWebhookUrl } from '../../src/events/address-rules.js';
import { refusedHosts } from '../support/refused-hosts.js';

const everywhere = new AddressRules([]);
const intranet = new AddressRules(['10.1.0.0/16', '127.0.0.1', 'fd00:1::/32']);

function refusalOf(url: string, rules = everywhere): string {
  try {
    return `accepted as ${parseWebhookUrl(url, rules)}`;
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect(error).toMatchObject({ code: 'INVALID_URL', status: 400, field: 'url' });
    return (error as AppError).message;
  }
}

describe('the addresses that webhooks may be sent to', () => {
  it('are public, by https', () => {
    for (const address of [
      '1.1.1.1',
      '93.184.215.14',
      '100.63.255.255',
      '172.32.0.1',
      '168.63.129.17',
      '2606:4700::1111',
      '2a00:1450::1',
    ]) {
      expect(everywhere.allows(address, 'https:'), address).toBe(true);
      expect(everywhere.allows(address, 'http:'), address).toBe(false);
    }
  });

  it('may be written as IPv6 where they are public IPv4', () => {
    for (const address of ['::ffff:1.1.1.1', '::ffff:101:101', '64:ff9b::1.1.1.1', '64:ff9b::101:101']) {
      expect(everywhere.allows(address, 'https:'), address).toBe(true);
    }
    for (const address of ['::1.1.1.1', '2002:101:101::1', '::ffff:0:1.1.1.1', '64:ff9b:1::1.1.1.1']) {
      expect(everywhere.allows(address, 'https:'), address).toBe(false);
    }
  });

  it('include listed networks, by http too, and nothing beside them', () => {
    for (const address of ['10.1.0.1', '10.1.255.255', '127.0.0.1', '::ffff:10.1.2.3', '::ffff:7f00:1', 'fd00:1::1', 'fd00:1:ffff::1']) {
      for (const protocol of ['https:', 'http:'] as const) expect(intranet.allows(address, protocol), address).toBe(true);
    }
    for (const address of ['10.2.0.1', '10.0.255.255', '127.0.0.2', '::1', 'fd00:2::1', '169.254.169.254', '::10.1.0.1']) {
      for (const protocol of ['https:', 'http:'] as const) expect(intranet.allows(address, protocol), address).toBe(false);
    }
    expect([intranet.allows('1.1.1.1', 'https:'), intranet.allows('1.1.1.1', 'http:')]).toEqual([true, false]);
    expect([intranet.listsNetworks, everywhere.listsNetworks]).toEqual([true, false]);
  });

  it('are the same, however a listed network is written', () => {
    for (const network of ['10.0.0.0/8', '10.20.30.40/8', '::ffff:10.0.0.0/104', '::ffff:a00:0/104']) {
      const rules = new AddressRules([network]);
      expect([rules.allows('10.9.9.9', 'http:'), rules.allows('11.0.0.1', 'http:')], network).toEqual([true, false]);
    }
    for (const address of ['10.0.0.1', '::ffff:10.0.0.1', '10.0.0.1/32', '::ffff:10.0.0.1/128']) {
      const rules = new AddressRules([address]);
      expect([rules.allows('10.0.0.1', 'http:'), rules.allows('10.0.0.2', 'http:')], address).toEqual([true, false]);
    }
  });

  it('are no addresses that a program might read in more than one way', () => {
    for (const text of [
      '',
      '127.1',
      '010.1.0.1',
      '0x7f.1',
      '2130706433',
      '1.1.1.1.',
      '[::1]',
      'localhost',
      '1.1.1.1/8',
      ' 1.1.1.1',
      '1.1.1.1%eth0',
    ]) {
      expect(new AddressRules(['10.0.0.0/8', '127.0.0.0/8']).allows(text, 'https:'), text).toBe(false);
    }
    expect(everywhere.allows('fe80::1%eth0', 'https:')).toBe(false);
  });
});

describe("a webhook's URL", () => {
  it('is returned as it will be used', () => {
    for (const [given, used] of [
      ['https://receiver.example.com/hooks?token=1', 'https://receiver.example.com/hooks?token=1'],
      ['HTTPS://Receiver.Example.Com', 'https://receiver.example.com/'],
      ['https://receiver.example.com:443/a/../b', 'https://receiver.example.com/b'],
      ['https://receiver.example.com:8443/Zoë', 'https://receiver.example.com:8443/Zo%C3%AB'],
      ['https://例え.jp/', 'https://xn--r8jz45g.jp/'],
      ['https://1.1.1.1/hooks', 'https://1.1.1.1/hooks'],
      ['https://[2606:4700::1111]:8443/', 'https://[2606:4700::1111]:8443/'],
      ['https://[::ffff:1.1.1.1]/', 'https://[::ffff:101:101]/'],
      ['https://receiver.example.com/user@host', 'https://receiver.example.com/user@host'],
      ['https://localhost.example.com/', 'https://localhost.example.com/'],
      ['https://notlocalhost/', 'https://notlocalhost/'],
    ] as const) {
      expect(parseWebhookUrl(given, everywhere)).toBe(used);
    }
  });

  it.each([
    ['http://receiver.example.com/', 'The URL must begin with https://, not http://.'],
    ['http://1.1.1.1/', 'The URL must begin with https://, not http://.'],
    ['ftp://receiver.example.com/', 'The URL must begin with https://, not ftp://.'],
    ['wss://receiver.example.com/', 'The URL must begin with https://, not wss://.'],
    ['', 'The URL must be a whole one'],
    ['receiver.example.com', 'The URL must be a whole one'],
    ['/hooks', 'The URL must be a whole one'],
    ['//receiver.example.com/hooks', 'The URL must be a whole one'],
    ['mailto:root@example.com', 'The URL must be a whole one'],
    ['data:text/plain,x', 'The URL must be a whole one'],
    ['https:', 'The URL must be a whole one'],
    ['https://', 'The URL must be a whole one'],
    ['https:receiver.example.com', 'The URL must be a whole one'],
    ['https:///receiver.example.com', 'The URL must be a whole one'],
    ['https://?x', 'The URL must be a whole one'],
    ['https://receiver.example.com:99999/', 'The URL must be a whole one'],
    ['https://256.0.0.1/', 'The URL must be a whole one'],
    ['https://receiver_%00.example.com/', 'The URL must be a whole one'],
    ['https://[fe80::1%25eth0]/', 'The URL must be a whole one'],
    ['https://receiver.example.com＠127.0.0.1/', 'The URL must be a whole one'],
    ['https://receiver.example.com:0/', 'The URL must have a port from 1 to 65535, not 0.'],
    ['https://user@receiver.example.com/', 'The URL must not contain a user name or password'],
    ['https://user:hunter2@receiver.example.com/', 'The URL must not contain a user name or password'],
    ['https://@receiver.example.com/', 'The URL must not contain a user name or password'],
    ['https://:@receiver.example.com/', 'The URL must not contain a user name or password'],
    ['https://receiver.example.com@127.0.0.1/', 'The URL must not contain a user name or password'],
    ['https://receiver.example.com:443@127.0.0.1/', 'The URL must not contain a user name or password'],
    ['https://receiver.example.com%23@127.0.0.1/', 'The URL must not contain a user name or password'],
    ['https://receiver.example.com/#top', 'The URL must not contain a fragment'],
    ['https://receiver.example.com/#', 'The URL must not contain a fragment'],
    ['https://receiver.example.com#@127.0.0.1/', 'The URL must not contain a fragment'],
    [' https://receiver.example.com/', 'The URL must not contain spaces'],
    ['https://receiver.example.com/a b', 'The URL must not contain spaces'],
    ['https://receiver.example.com/\r\nX: y', 'The URL must not contain spaces'],
    ['ht\ttps://127.0.0.1/', 'The URL must not contain spaces'],
    ['https://receiver.example.com/\u0000', 'The URL must not contain spaces'],
    ['https:\\\\receiver.example.com\\', 'The URL must not contain spaces'],
    ['https://receiver.example.com\\@127.0.0.1/', 'The URL must not contain spaces'],
  ])('%j is refused with what was expected and what helps', (url, sentence) => {
    const refusal = refusalOf(url);
    expect(refusal.slice(0, sentence.length)).toBe(sentence);
    expect(refusal).toMatch(/^[^\n]+[.] [A-Z][^\n]+[.]$/);
    expect(refusal).not.toContain('hunter2');
  });

  it('has at most 2,048 characters, before and after it was normalized', () => {
    const start = 'https://receiver.example.com/';
    const longest = start + 'a'.repeat(2048 - start.length);
    expect(parseWebhookUrl(longest, everywhere)).toBe(longest);
    expect(refusalOf(`${longest}a`)).toBe('The URL must have at most 2048 characters, and has 2049. Shorten its path or its query.');
    expect(refusalOf(start + 'ë'.repeat(400))).toBe(
      'The URL must have at most 2048 characters, and has 2429. Shorten its path or its query.',
    );
    expect(refusalOf('a'.repeat(10_000_000))).toContain('and has 10000000.');
  });

  describe.each(Object.entries(refusedHosts))('with a host that is %s', (_kind, hosts) => {
    it.each(hosts)('is refused: %s', (host) => {
      for (const url of [`https://${host}/`, `https://${host}:8443/hooks`, `http://${host}/`, `HTTPS://${host}?x`]) {
        expect(refusalOf(url), url).toMatch(
          /^The URL must lead to a public address, not to \S+\. The operator may list .*WEBHOOK_ALLOW_PRIVATE\.$/,
        );
      }
    });
  });

  it('may be http where networks are listed: an address in one of them, or a name, which is checked when it is connected to', () => {
    for (const url of [
      'http://10.1.2.3/',
      'https://10.1.2.3/',
      'http://127.0.0.1:8080/',
      'http://localhost:8080/',
      'http://[fd00:1::1]/',
      'http://receiver.intranet/',
    ]) {
      expect(parseWebhookUrl(url, intranet)).toBe(url);
    }
    expect(refusalOf('http://1.1.1.1/', intranet)).toContain('The URL must begin with https://, not http://.');
    for (const host of ['10.2.0.1', '127.0.0.2', '[::1]', '169.254.169.254']) {
      expect(refusalOf(`http://${host}/`, intranet)).toContain('The URL must lead to a public address');
    }
    const elsewhere = new AddressRules(['10.1.0.0/16']);
    expect(refusalOf('http://localhost/', elsewhere)).toContain('The URL must lead to a public address, not to localhost.');
  });
});
