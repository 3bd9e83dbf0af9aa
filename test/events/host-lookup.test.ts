import { readFile } from 'node:fs/promises';
import { setImmediate } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { HostNames } from '../../src/events/host-lookup.js';
import { type Known, startNameServer } from '../support/name-server.js';

const running: (() => unknown)[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((stop) => stop()));
});

/** A look-up that asks a name server which knows this. */
async function namesKnownAs(knows: (name: string, type: 'A' | 'AAAA') => Known | Promise<Known>, asksSystem = false): Promise<HostNames> {
  const server = await startNameServer(knows);
  const names = new HostNames(asksSystem, [server.address]);
  running.push(
    () => server.stop(),
    () => names.close(),
  );
  return names;
}

describe('the look-up of a host name', () => {
  it('finds all addresses, IPv4 first', async () => {
    const names = await namesKnownAs(() => ['2001:db8:0:0:0:0:0:1', '192.0.2.1', '192.0.2.2', '2001:db8:0:0:0:0:0:2']);
    const found = await names.addressesOf('receiver.test');
    expect(found.toSorted()).toEqual(['192.0.2.1', '192.0.2.2', '2001:db8::1', '2001:db8::2']);
    expect(found.map((address) => address.includes(':'))).toEqual([false, false, true, true]);
  });

  it('waits for those of the other kind', async () => {
    for (const late of ['A', 'AAAA']) {
      const names = await namesKnownAs(async (_name, type) => {
        for (let turns = type === late ? 20 : 0; turns > 0; turns--) await setImmediate();
        return ['192.0.2.1', '2001:db8:0:0:0:0:0:1'];
      });
      expect(await names.addressesOf('receiver.test')).toEqual(['192.0.2.1', '2001:db8::1']);
    }
  });

  it('finds those of one kind where there are no others, or nobody tells', async () => {
    const names = await namesKnownAs((name, type) =>
      name.startsWith(type === 'A' ? 'four' : 'six') ? ['192.0.2.1', '2001:db8:0:0:0:0:0:1'] : name.endsWith('silent.test') ? 'silent' : [],
    );
    for (const kind of ['only.test', 'silent.test']) {
      expect(await names.addressesOf(`four.${kind}`)).toEqual(['192.0.2.1']);
      expect(await names.addressesOf(`six.${kind}`)).toEqual(['2001:db8::1']);
    }
  });

  it('fails with a code', async () => {
    const names = await namesKnownAs((name) => (name === 'empty.test' ? [] : 'unknown'));
    await expect(names.addressesOf('unknown.test')).rejects.toMatchObject({ code: 'ENOTFOUND', syscall: expect.stringMatching(/^query/) });
    await expect(names.addressesOf('empty.test')).rejects.toMatchObject({ code: 'ENODATA' });
  });

  it('holds up neither others nor the threads, while hundreds of name servers are silent', async () => {
    const names = await namesKnownAs((name) => (name === 'answered.test' ? ['192.0.2.1'] : 'silent'), true);
    let settled = 0;
    const silent: Promise<unknown>[] = [];
    for (let number = 0; number < 300; number++) {
      const attempt = names.addressesOf(`silent-${number}.test`).catch(() => {});
      silent.push(attempt.then(() => (settled += 1)));
      // All at once would be more than the name server's socket holds.
      await setImmediate();
    }
    expect(await names.addressesOf('answered.test')).toEqual(['192.0.2.1']);
    expect((await readFile('package.json')).length).toBeGreaterThan(0);
    expect(settled).toBe(0);
    names.close();
    await Promise.all(silent);
    expect(settled).toBe(300);
  });

  it('asks once for a name that is asked for often at the same time, and again later', async () => {
    const asked: string[] = [];
    const names = await namesKnownAs((_name, type) => {
      asked.push(type);
      return ['192.0.2.1'];
    });
    const found = await Promise.all(Array.from({ length: 50 }, () => names.addressesOf('receiver.test')));
    expect([found.flat().length, asked.toSorted()]).toEqual([50, ['A', 'AAAA']]);
    await names.addressesOf('receiver.test');
    expect(asked).toHaveLength(4);
  });

  it('goes on in the hosts file, which name servers do not know, only where it may', async () => {
    await expect((await namesKnownAs(() => 'unknown')).addressesOf('localhost')).rejects.toMatchObject({ code: 'ENOTFOUND' });
    const found = await (await namesKnownAs(() => 'unknown', true)).addressesOf('localhost');
    expect(found.length).toBeGreaterThan(0);
    for (const address of found) expect(['127.0.0.1', '::1']).toContain(address);
  });
});
