import { execFile } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { program } from '../support/gateway-process.js';
import { runGateway } from '../support/processes.js';

describe('shell completion', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gateway-completion-'));
    const command = join(folder, 'account-gateway');
    await writeFile(command, `#!/bin/sh\nexec "${process.execPath}" "${program()}" "$@"\n`);
    await chmod(command, 0o755);
    await writeFile(join(folder, 'script'), (await runGateway({}, ['completion', 'bash'])).output);
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  /** What bash offers for the last of the words. The function is that of bash-completion, which the script needs. */
  async function offered(...words: string[]): Promise<string[]> {
    const line = `
      _get_comp_words_by_ref() { words=("\${COMP_WORDS[@]}"); cword=$COMP_CWORD; cur="\${COMP_WORDS[COMP_CWORD]}"; }
      source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); __account_gateway_complete; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await promisify(execFile)('bash', ['-c', line, join(folder, 'script'), 'account-gateway', ...words], {
      // oxlint-disable-next-line node/no-process-env
      env: { PATH: `${folder}${delimiter}${process.env.PATH}` },
    });
    return stdout.trim().split('\n').toSorted();
  }

  it('offers commands, the commands below them, and options, in a real bash', async () => {
    expect(await offered('re')).toEqual(expect.arrayContaining(['replace-key', 'reset-password']));
    expect(await offered('accounts', 's')).toEqual(['show', 'suspend']);
    expect(await offered('accounts', 'suspend', '--')).toEqual(['--dry-run', '--help', '--json']);
  });

  it.each(['bash', 'zsh', 'fish'])('has a script for %s, which asks the command itself', async (shell) => {
    const { code, output, mistakes } = await runGateway({}, ['completion', shell]);
    expect([code, mistakes]).toEqual([0, []]);
    expect(output).toMatch(/account-gateway complete -- /);
  });
});
