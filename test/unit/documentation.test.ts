import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, expect, it } from 'vitest';

const root = join(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => ending.test(file) && !file.includes('node_modules'))
    .map((file) => join(folder, file));
}

const guides = [
  'README.md',
  'CHANGELOG.md',
  'SECURITY.md',
  'bench/RESULTS.md',
  ...filesIn('docs', /\.md$/),
  ...filesIn('examples', /\.md$/),
];

/** A guide without its code. */
const proseOf = (file: string): string => read(file).replace(/^```.*?^```$/gms, '');

/** As GitHub makes them of headings. */
function anchorsOf(file: string): string[] {
  return [...proseOf(file).matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

const links = guides.flatMap((file) =>
  [...proseOf(file).matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)/g)].map(([, path, anchor]) => {
    const target = path === '' ? file : relative(root, join(root, dirname(file), path!));
    return { file, target, anchor };
  }),
);

/** `src/errors.ts`, or shorter: `domain/account.ts` is of src, `security/scan.test.ts` of test. */
const folders = ['src', 'test', 'bench', ...readdirSync(join(root, 'src')), ...readdirSync(join(root, 'test'))].filter(
  (name) => !name.includes('.'),
);
const pathInCode = new RegExp(`\`((?:${folders.join('|')})/[^\`\\s*]*)\``, 'g');

describe('the guides', () => {
  it('link to files that exist', () => {
    expect(links.length).toBeGreaterThan(50);
    expect(links.filter(({ target }) => !existsSync(join(root, target)))).toEqual([]);
  });

  it('link to headings that exist', () => {
    const anchored = links.filter(({ target, anchor }) => anchor !== undefined && target.endsWith('.md'));
    expect(anchored.length).toBeGreaterThan(5);
    expect(anchored.filter(({ target, anchor }) => !anchorsOf(target).includes(anchor!))).toEqual([]);
  });

  it('name files of the program that exist', () => {
    const named = guides.flatMap((file) => [...proseOf(file).matchAll(pathInCode)].map(([, path]) => ({ file, path: path! })));
    expect(named.length).toBeGreaterThan(50);
    expect(named.filter(({ path }) => !['.', 'src', 'test'].some((folder) => existsSync(join(root, folder, path))))).toEqual([]);
  });

  it('have no marks of a merge that was not finished', () => {
    expect(guides.filter((file) => /^(?:<{7}|>{7})/m.test(read(file)))).toEqual([]);
  });

  it('leave the README at most 1,000 words', () => {
    expect(read('README.md').trim().split(/\s+/).length).toBeLessThanOrEqual(1000);
  });
});

describe('the decision records', () => {
  const records = filesIn('docs/adr', /\d{4}-.*\.md$/).toSorted();
  const numberOf = (file: string): number => Number(/(\d{4})-/.exec(file)![1]);

  it('begin with their number and title, then their date, and have context, decision, example and price', () => {
    for (const file of records) {
      const [heading, date, ...paragraphs] = read(file).split('\n\n');
      expect(heading, file).toMatch(new RegExp(`^# ${numberOf(file)}\\. [A-Z]`));
      expect(date, file).toMatch(/^20\d\d-\d\d-\d\d(?:\. Replace.*)?$/);
      for (const part of ['Context', 'Decision', 'Example', 'Price']) {
        expect(
          paragraphs.some((paragraph) => paragraph.startsWith(`**${part}.**`)),
          `${file}: ${part}`,
        ).toBe(true);
      }
    }
  });

  it('each have a number of their own', () => {
    expect(new Set(records.map(numberOf)).size).toBe(records.length);
  });

  it('are in the index, each once, with title and date', () => {
    const rows = [...read('docs/adr/README.md').matchAll(/^\| +(\d+) \| \[(.*)\]\((.*)\) +\| (\S+) +\|$/gm)];
    const listed = rows.map(([, number, title, file, date]) => ({ number: Number(number), title, file: `docs/adr/${file}`, date }));
    const made = records.map((file) => {
      const [heading, date] = read(file).split('\n\n');
      return { number: numberOf(file), title: heading!.replace(/^# \d+\. /, ''), file, date: date!.slice(0, 10) };
    });
    expect(listed.toSorted((a, b) => a.number - b.number)).toEqual(made);
  });

  it('exist where the code, the tests and the guides refer to them', () => {
    const known = new Set(records.map(numberOf));
    const files = [...filesIn('src', /\.ts$/), ...filesIn('test', /\.ts$/), ...filesIn('bench', /\.ts$/), ...guides];
    const named = files.flatMap((file) =>
      [...read(file).matchAll(/(?:ADR |adr\/0*)(\d+)/g)].map(([, number]) => ({ file, number: Number(number) })),
    );
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter(({ number }) => !known.has(number))).toEqual([]);
  });
});
