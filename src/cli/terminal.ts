import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { styleText } from 'node:util';
import { NotDoneError, UsageError } from './failure.js';

/** Prints to the terminal, for whoever runs the command; the log goes to the same place as lines of JSON. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Tells how the work goes on, beside its result: on standard error. */
export function tell(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Characters that show nothing, but may act on a terminal: those that begin a control sequence, or turn the direction of the line. The
 * joiners that scripts need are not among them.
 */
const acting = /(?![\n\u200c\u200d])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** Text that others have chosen, such as a name, in one line and so that it cannot act on the terminal. */
export function printable(text: string): string {
  return text.replace(acting, (found) => `\\u{${found.codePointAt(0)!.toString(16)}}`).replaceAll('\n', '\\n');
}

/** Prints one JSON document, for programs, so that it cannot act on the terminal either. */
export function printJson(document: unknown): void {
  const escaped = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  print(JSON.stringify(document, null, 2).replace(acting, (found) => found.split('').map(escaped).join('')));
}

/** How text is shown. */
export type Style = Parameters<typeof styleText>[0];

/** The text in colour, where standard output is a terminal that has colours and NO_COLOR is not set. */
export function styled(style: Style, text: string): string {
  return styleText(style, text, { stream: process.stdout });
}

/** A cell of a table: the text, and how it is shown. */
export type Cell = string | { text: string; style: Style };

/** Lines with the cells of each column below each other. Cells hold printable text. */
export function table(rows: readonly (readonly Cell[])[]): string[] {
  const textOf = (cell: Cell): string => (typeof cell === 'string' ? cell : cell.text);
  const widths: number[] = [];
  for (const row of rows) row.forEach((cell, column) => (widths[column] = Math.max(widths[column] ?? 0, widthOf(textOf(cell)))));
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const shown = typeof cell === 'string' ? cell : styled(cell.style, cell.text);
        return column === row.length - 1 ? shown : shown + ' '.repeat(widths[column]! - widthOf(textOf(cell)));
      })
      .join('  ')
      .trimEnd(),
  );
}

/** A number and what it counts: "1 account", "10,000 accounts". */
export function counted(count: number, noun: string): string {
  return `${count.toLocaleString('en')} ${noun}${count === 1 ? '' : 's'}`;
}

/** As good as a terminal shows it: marks take no room of their own. */
function widthOf(text: string): number {
  return [...text.replace(/\p{M}/gu, '')].length;
}

/** Where a command asks and is answered. Questions go to standard error, so that standard output has the result alone. */
export interface Dialogue {
  input: NodeJS.ReadableStream & { isTTY?: boolean };
  output: NodeJS.WritableStream;
}

const ownTerminal: Dialogue = { input: process.stdin, output: process.stderr };

/**
 * A secret: the first line of standard input or, at a terminal, what is typed twice without being shown. `name` is what it is, as in "new
 * password".
 * @throws UsageError if there is none, or what is typed differs
 */
export async function readSecret(name: string, dialogue = ownTerminal): Promise<string> {
  if (!dialogue.input.isTTY) {
    const line = await nextLine(dialogue.input);
    if (line) return line;
    throw new UsageError(`Give the ${name} on standard input, in one line.`);
  }
  const secret = await typed(`The ${name}: `, dialogue, { isShown: false });
  if (secret === '') throw new UsageError(`The ${name} is empty.`);
  if ((await typed(`The same again: `, dialogue, { isShown: false })) !== secret)
    throw new UsageError(`What you typed differs. Nothing was changed.`);
  return secret;
}

/**
 * Goes on only if the word is typed. Where nobody can, `--yes` has to say it.
 * @throws UsageError, NotDoneError
 */
export async function confirm(question: string, word: string, isSaid: boolean | undefined, dialogue = ownTerminal): Promise<void> {
  if (isSaid) return;
  if (!dialogue.input.isTTY) throw new UsageError(`${question}\nTo do it, add --yes.`);
  const answer = await typed(`${question}\nType "${word}" to go on: `, dialogue, { isShown: true });
  if (answer.trim() !== word) throw new NotDoneError('Nothing was changed.');
}

/** The first line of a stream; undefined where it ends before. */
async function nextLine(input: NodeJS.ReadableStream): Promise<string | undefined> {
  const lines = createInterface({ input, crlfDelay: Infinity });
  try {
    for await (const line of lines) return line;
    return undefined;
  } finally {
    lines.close();
  }
}

/** What is typed in answer to the question. @throws NotDoneError at Ctrl-C or Ctrl-D */
function typed(question: string, { input, output }: Dialogue, { isShown }: { isShown: boolean }): Promise<string> {
  output.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: isShown ? output : silent, terminal: true });
  return new Promise<string>((resolve, reject) => {
    const giveUp = (): void => {
      output.write('\n');
      reject(new NotDoneError('Nothing was changed.'));
    };
    lines.once('SIGINT', giveUp).once('close', giveUp);
    lines.once('line', (line) => {
      lines.off('close', giveUp);
      if (!isShown) output.write('\n');
      resolve(line);
    });
  }).finally(() => lines.close());
}
