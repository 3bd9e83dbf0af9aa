import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { type FileHandle, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { admin } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl, runGateway } from '../support/processes.js';
import { type Created, create, password, uniqueEmail } from '../support/tree.js';

/** A disk of the test's own is a file system in memory; to mount one takes Linux and its CAP_SYS_ADMIN. */
const mayMount = process.platform === 'linux' && (effectiveCapabilities() & (1n << 21n)) !== 0n;

function effectiveCapabilities(): bigint {
  return BigInt(`0x${/^CapEff:\s+(\w+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]!}`);
}

describe.runIf(mayMount)('on a disk that is full', () => {
  const folder = useGatewayFolder();

  function mountDisk(path: string, megabytes: number): void {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${megabytes}m,mode=755`, 'tmpfs', path]);
    folder.cleanUp(async () => execFileSync('umount', ['-l', path]));
  }

  it('changes are refused as UNAVAILABLE, nothing acknowledged is lost, and with room again all goes on', async () => {
    mountDisk(folder.path, 250);
    const gateway = await folder.start({ environment: { ADMIN_EMAIL: admin.login, ADMIN_PASSWORD: admin.secret } });
    const surface = graphqlSurface(gateway.url);
    const acknowledged: Created[] = [await create(surface)];
    const refusals: string[] = [];
    let isOver = false;
    const client = async (): Promise<void> => {
      while (!isOver) {
        const answer = await surface.create(admin, { emailAddress: uniqueEmail(), password, role: Role.DEVELOPER });
        if ('refused' in answer) refusals.push(answer.refused);
        else acknowledged.push({ ...answer.value, login: { login: answer.value.sid, secret: password } });
      }
    };
    const clients = [client(), client()];

    const filler = join(folder.path, 'filler');
    await fill(filler);
    // Tables can no longer grow; reading goes on.
    await eventually(() => expect(refusals.length).toBeGreaterThan(2));
    const read = await postGraphql(gateway.url, acknowledged[0]!.login, '{ viewer { sid } }');
    expect(read.data).toEqual({ viewer: { sid: acknowledged[0]!.sid } });
    await eventually(() => expect(gateway.output()).toContain(`the disk is full: ${folder.path} has no space left`));
    const doctor = await runGateway(folder.environment(), ['doctor']);
    expect([doctor.code, doctor.output]).toEqual([1, expect.stringMatching(/^failed +disk +\S+ has \d+ MB left\. Make room/m)]);

    // Now the WAL has no room either, by which PostgreSQL ends, and cannot start.
    const before = refusals.length;
    await ask(embeddedUrl(folder.path), 'SELECT pg_switch_wal()').catch(() => undefined);
    await eventually(() => expect(refusals.length).toBeGreaterThan(before + 5));

    await rm(filler);
    const acknowledgedBefore = acknowledged.length;
    await eventually(() => expect(acknowledged.length).toBeGreaterThan(acknowledgedBefore + 5), 100);
    isOver = true;
    await Promise.all(clients);
    expect([...new Set(refusals)]).toEqual(['UNAVAILABLE']);
    for (const { sid, login } of acknowledged) {
      expect((await postGraphql(gateway.url, login, '{ viewer { sid } }')).data).toEqual({ viewer: { sid } });
    }
    const verified = await runGateway(folder.environment(), ['verify-history']);
    expect(verified).toMatchObject({ code: 0, output: expect.stringContaining('The history is sound') });
    expect(await gateway.end('SIGTERM')).toBe(0);
  });

  it('no backup is made, and nothing is left of it', async () => {
    await (await folder.start()).end('SIGTERM');
    const disk = await mkdtemp(join(tmpdir(), 'gateway-disk-'));
    folder.cleanUp(() => removeFolder(disk));
    mountDisk(disk, 20);
    const { code, mistakes } = await runGateway(folder.environment(), ['backup', join(disk, 'made')]);
    expect([code, mistakes]).toEqual([1, [expect.stringMatching(/^No backup was made: ENOSPC: no space left on device/)]]);
    expect(await readdir(disk)).toEqual([]);
  });
});

/** Leaves no room on the disk. */
async function fill(path: string): Promise<void> {
  const file = await open(path, 'w');
  for (const size of [2 ** 20, 2 ** 12]) await write(file, Buffer.alloc(size));
  await file.close();
}

async function write(file: FileHandle, chunk: Buffer): Promise<void> {
  for (;;) {
    try {
      await file.writeFile(chunk);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOSPC' });
      return;
    }
  }
}
