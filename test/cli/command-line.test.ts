import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { Shutdown } from '../../src/cli/shutdown.js';
import { version } from '../../src/version.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { runGateway } from '../support/processes.js';

describe('the command line', () => {
  const folder = useGatewayFolder();
  const run = (...args: string[]) => runGateway(folder.environment(), args);

  it.each([
    [['nothing'], "error: unknown command 'nothing'"],
    [['migrate', '--nothing'], "error: unknown option '--nothing'"],
    [['migrate', 'twice'], "error: too many arguments for 'migrate'. Expected 0 arguments but got 1."],
    [['verify-history', '--new'], 'Name the file that the first checkpoint is written to: verify-history --new FILE.'],
  ])('%j is a wrong one: exit code 64, and nothing is done', async (args, mistake) => {
    expect(await run(...args)).toMatchObject({ code: 64, mistakes: [mistake] });
    expect(existsSync(join(folder.path, 'postgres'))).toBe(false);
  });

  it('tells its version', async () => {
    expect(await run('--version')).toMatchObject({ code: 0, output: `${version}\n` });
  });

  it('describes every command, argument and option', () => {
    for (const command of createProgram(new Shutdown()).commands) {
      const descriptions = [
        command.description(),
        ...[...command.registeredArguments, ...command.options].map(({ description }) => description),
      ];
      for (const description of descriptions) expect(description).toMatch(/\w{3}/);
    }
  });

  it('works on the embedded database while a gateway runs on it', async () => {
    await folder.startedBefore();
    const gateway = await folder.start();
    expect(await run('migrate')).toMatchObject({ code: 0, output: 'Nothing to do: all migrations had already run.\n' });
    expect(await run('verify-history')).toMatchObject({ code: 0, output: expect.stringMatching(/^The history is sound: /) });
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
    expect(await gateway.end('SIGTERM')).toBe(0);
  });

  it('tells what a program reads as one JSON document', async () => {
    const { ADMIN_PASSWORD: _, ...environment } = folder.environment({ LOG_LEVEL: 'warn' });
    const standardError: string[] = [];
    const told = async (...args: string[]) => {
      const { code, output, mistakes } = await runGateway(environment, [...args, '--json']);
      standardError.push(...mistakes);
      // Whatever else is shown comes first, on standard error.
      return { code, ...JSON.parse(output.slice(output.indexOf('{\n'))) };
    };
    expect(await told('migrate')).toEqual({ code: 0, migrations: expect.arrayContaining([expect.stringMatching(/\d{13}$/)]) });
    expect(standardError.join()).toMatch(/The Super Admin was created.*password {2}\S{20}/);
    expect(await told('migrate')).toEqual({ code: 0, migrations: [] });
    const checkpoint = join(folder.path, 'checkpoint.json');
    const sound = { code: 0, isSound: true, entries: expect.any(Number), chains: 1 };
    expect(await told('verify-history', '--new', checkpoint)).toEqual(sound);
    expect(await told('verify-history', checkpoint)).toEqual({ ...sound, since: expect.stringMatching(/^20\d\d-.*Z$/) });
    expect(await told('rotate-key')).toEqual({
      code: 0,
      rewritten: 1,
      unreadable: 0,
      webhooks: { rewritten: 0, unreadable: 0 },
      neededUntil: null,
      passwords: 0,
      isComplete: true,
      isOldKeyRemoved: true,
    });
  });
});
