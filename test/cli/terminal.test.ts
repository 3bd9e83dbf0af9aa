import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { NotDoneError, UsageError } from '../../src/cli/failure.js';
import { confirm, printable, readSecret, table } from '../../src/cli/terminal.js';

/** Streams in place of a terminal, or of a pipe, in which the answers are typed one after another as questions are asked. */
function dialogue(answers: readonly string[], isTTY = true) {
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: () => {} });
  const output = new PassThrough();
  const rest = [...answers];
  let shown = '';
  const type = (): void => void (rest.length > 0 && setImmediate(() => input.write(rest.shift()!)));
  output.on('data', (chunk: Buffer) => {
    shown += String(chunk);
    if (String(chunk).endsWith(': ')) type();
  });
  if (!isTTY) {
    for (const line of answers) input.write(line);
    input.end();
  }
  return { input, output, shown: () => shown };
}

describe('a secret', () => {
  it('is typed twice at a terminal, and never shown', async () => {
    const terminal = dialogue(['correct horse\r', 'correct horse\r']);
    expect(await readSecret('new password', terminal)).toBe('correct horse');
    expect(terminal.shown()).toBe('The new password: \nThe same again: \n');
  });

  it('is refused when the two differ, or it is empty', async () => {
    await expect(readSecret('new password', dialogue(['one\r', 'other\r']))).rejects.toThrow(
      new UsageError('What you typed differs. Nothing was changed.'),
    );
    await expect(readSecret('new password', dialogue(['\r']))).rejects.toThrow(new UsageError('The new password is empty.'));
  });

  it.each(['\u0003', '\u0004'])('is not asked for any more after %j', async (key) => {
    await expect(readSecret('new password', dialogue([key]))).rejects.toThrow(new NotDoneError('Nothing was changed.'));
  });

  it('is the first line of what is no terminal', async () => {
    expect(await readSecret('new password', dialogue(['grün and  spaced \r\n', 'more\n'], false))).toBe('grün and  spaced ');
    for (const nothing of [[], ['\n'], ['']])
      await expect(readSecret('new password', dialogue(nothing, false))).rejects.toThrow('Give the new password on standard input');
  });
});

describe('a question', () => {
  it('goes on when the word is typed, or was said before', async () => {
    await confirm('All of it?', 'replace', undefined, dialogue(['replace\r']));
    await confirm('All of it?', 'replace', true, dialogue([], false));
  });

  it('changes nothing when something else is typed, or nobody can type', async () => {
    const terminal = dialogue(['yes\r']);
    await expect(confirm('All of it?', 'replace', undefined, terminal)).rejects.toThrow(new NotDoneError('Nothing was changed.'));
    expect(terminal.shown()).toContain('All of it?\nType "replace" to go on: ');
    await expect(confirm('All of it?', 'replace', undefined, dialogue([], false))).rejects.toThrow(
      new UsageError('All of it?\nTo do it, add --yes.'),
    );
  });
});

describe('what is printed', () => {
  it('holds nothing that acts on a terminal', () => {
    expect(printable('Grüße \u{1f469}\u200d\u{1f52c} مي\u200cخواهم')).toBe('Grüße \u{1f469}\u200d\u{1f52c} مي\u200cخواهم');
    expect(printable('\u001b[2J\u009b31m\u202ecba\n\r\ud800\ufeff')).toBe('\\u{1b}[2J\\u{9b}31m\\u{202e}cba\\n\\u{d}\\u{d800}\\u{feff}');
  });

  it('stands in columns, without blanks at the ends of lines', () => {
    expect(
      table([
        ['a', 'bb', ''],
        ['cccc', { text: 'd', style: 'red' }, 'e'],
        ['n\u0303', 'x', 'y'],
      ]),
    ).toEqual(['a     bb', 'cccc  d   e', 'n\u0303     x   y']);
  });
});
