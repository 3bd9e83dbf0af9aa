import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { administrator, useGatewayFolder } from '../support/gateway-folder.js';
import { program } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { expectNoProcessIn, runGateway } from '../support/processes.js';

const isRoot = process.getuid?.() === 0;
const nobody = isRoot ? idsOf('nobody') : undefined;

function idsOf(name: string): { uid: number; gid: number } {
  const [uid, gid] = ['-u', '-g'].map((flag) => Number(execFileSync('id', [flag, name], { encoding: 'utf8' })) | 0);
  return { uid: uid!, gid: gid! };
}

/** Whether another user may read the program: it lies where the repository does. */
const isWithinReach = isRoot && spawnSync('test', ['-r', program()], { ...nobody, cwd: '/' }).status === 0;

describe('a data folder that was copied to another place', () => {
  const folder = useGatewayFolder();

  async function copied(...options: string[]): Promise<string> {
    await folder.startedBefore();
    const place = await mkdtemp(join(tmpdir(), 'gateway-moved-'));
    folder.cleanUp(() => removeFolder(place));
    folder.cleanUp(() => expectNoProcessIn(place));
    execFileSync('cp', [...options, `${folder.path}/.`, place]);
    return place;
  }
  const serves = async (dataDirectory: string): Promise<void> => {
    const gateway = await folder.start({ dataDirectory });
    expect((await postGraphql(gateway.url, administrator(gateway), '{ viewer { sid } }')).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toBe(0);
  };

  it('serves there, for whoever has copied it', async () => {
    const place = await copied('-R');
    await serves(place);
    // What root has copied is given to the user that PostgreSQL runs as.
    expect((await stat(join(place, 'postgres'))).uid === 0).toBe(false);
  });

  it.runIf(isRoot)('and given to another user serves root, whose PostgreSQL runs as that user', async () => {
    const place = await copied('-pR');
    execFileSync('chown', ['-R', `${nobody!.uid}:${nobody!.gid}`, place]);
    await serves(place);
    expect((await stat(join(place, 'postgres/PG_VERSION'))).uid).toBe(nobody!.uid >>> 0);
  });

  it.runIf(isWithinReach)('as a backup of root and given to another user is restored by that user, whom it serves', async () => {
    await folder.startedBefore();
    const place = await mkdtemp(join(tmpdir(), 'gateway-moved-'));
    folder.cleanUp(() => removeFolder(place));
    folder.cleanUp(() => expectNoProcessIn(place));
    const made = join(place, 'made');
    expect(await runGateway(folder.environment(), ['backup', made])).toMatchObject({ code: 0 });
    execFileSync('chown', ['-R', `${nobody!.uid}:${nobody!.gid}`, place]);

    const dataDirectory = join(place, 'data');
    const asNobody = async (...args: string[]): Promise<[number | null, string]> => {
      const env = { PATH: process.env.PATH, ...folder.environment({ DATA_DIR: dataDirectory }) };
      const child = spawn(process.execPath, [program(), ...args], { ...nobody, cwd: '/', env, stdio: ['ignore', 'pipe', 'inherit'] });
      let output = '';
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        output += text;
        if (output.includes('The account gateway is ready.')) child.kill('SIGTERM');
      });
      const [code] = (await once(child, 'close')) as [number | null];
      return [code, output];
    };
    expect(await asNobody('restore', made)).toEqual([0, expect.stringContaining('The history is sound')]);
    expect(await asNobody()).toEqual([0, expect.stringContaining('The account gateway is ready.')]);
  });
});
