import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { runGateway } from '../support/processes.js';
import { mysqlDump, plantDefects, settlingOptions, soundRestcomm } from '../support/restcomm.js';

describe('import and export', () => {
  const folder = useGatewayFolder();
  const run = (...args: string[]) => runGateway(folder.environment(), args);
  /** What was told as JSON, after the progress. */
  const toldIn = (output: string) => JSON.parse(output.slice(output.indexOf('{'))) as object;

  it('tell what would be done, do it with --yes, refuse what nobody chose, and read back what was written', async () => {
    await folder.startedBefore();
    const restcomm = soundRestcomm(200);
    plantDefects(restcomm);
    const dump = join(folder.path, 'restcomm.sql');
    await writeFile(dump, mysqlDump(restcomm));

    const refused = await run('import', 'restcomm', dump, '--yes');
    expect(refused.code).toBe(78);
    expect(refused.output).toContain('duplicate-email: An older account that is not closed has the e-mail address, ignoring case. 1 row.');
    expect(refused.output).toContain('jane@defect.test → REFUSED');
    expect(refused.output).toContain("--role 'Administartor=…' says what Administartor stands for");
    expect(refused.output).toContain('Nothing was changed.');
    expect(refused.mistakes.at(-1)).toMatch(/^Reading: .* MB, done in /);

    const options = ['import', 'restcomm', dump, ...settlingOptions];
    const key = join(folder.path, 'credentials.key');
    const right = await readFile(key, 'utf8');
    await writeFile(key, `${'a'.repeat(64)}\n`);
    expect(await run(...options, '--root=replace', '--yes')).toMatchObject({
      code: 78,
      output: expect.stringContaining('is not the key that the AuthTokens in this database were encrypted with.'),
    });
    await writeFile(key, right);
    expect((await run(...options, '--yes')).output).toContain('--root=replace lets it take the place');
    const told = await run(...options, '--root=replace', '--json');
    expect(toldIn(told.output)).toMatchObject({ outcome: 'dry run', refused: 0, obstacle: null, takenOver: { accounts: 221 } });
    expect(await run(...options, '--root=replace', '--yes')).toMatchObject({
      code: 0,
      output: expect.stringContaining('The import is done.'),
    });
    expect(await run(...options, '--root=replace', '--yes')).toMatchObject({
      code: 0,
      output: expect.stringContaining('has been done already'),
    });

    const exported = await run('export');
    expect(exported).toMatchObject({ code: 0, mistakes: [] });
    const lines = exported.output.trim().split('\n');
    expect(lines.filter((line) => line.startsWith('{"kind":"account"'))).toHaveLength(221);
    const file = join(folder.path, 'accounts.ndjson');
    await writeFile(file, exported.output);
    const again = await run('import', 'ndjson', file, '--root=replace', '--yes', '--json');
    expect(again.code).toBe(78);
    expect(toldIn(again.output)).toMatchObject({
      outcome: 'refused',
      refused: 0,
      findings: [],
      obstacle: expect.stringContaining('has accounts below its root'),
    });
  });

  it.each([
    [['import', 'restcomm', 'x.sql', '--yes', '--dry-run'], 64, '--yes does the import, --dry-run only tells of it. Give one of them.'],
    [['import', 'restcomm', 'x.sql', '--time-zone', 'Rome'], 64, 'There is no time zone Rome. Name one as Europe/Rome or UTC.'],
    [['import', 'restcomm', 'x.sql', '--role', 'x'], 64, '--role needs a word of the source and what it stands for: --role WORD=VALUE.'],
    [
      ['import', 'restcomm', 'mysql://reader:secret@127.0.0.1:1/restcomm'],
      64,
      'Leave the password out of the URL, and give it by --password-stdin: others see the arguments of a command.',
    ],
    [['export', 'nothing'], 64, 'sid must be the SID of an account: "AC" followed by 32 lower-case hexadecimal digits.'],
  ])('%j is a wrong command line', async (args, code, mistake) => {
    expect(await run(...args)).toMatchObject({ code, mistakes: [mistake] });
  });
});
