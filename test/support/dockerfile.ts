import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { promisify } from 'node:util';

/** What a Dockerfile made of a checkout, without Docker: a folder for each stage, with the stage's files at their places. */
export interface Rehearsed {
  /** The folder of the last stage. */
  root: string;
  workFolder: string;
  environment: Record<string, string>;
  entrypoint: string[];
  command: string[];
  healthCheck: string[];
}

interface Instruction {
  keyword: string;
  value: string;
}

/**
 * Does what the checkout's Dockerfile says, below a folder. Two things differ from Docker: the stages have no system of their own, so that
 * their commands run on this one, with absolute paths moved below the stage's folder; and `npm ci` is given the packages that the checkout
 * has, as hard links. An instruction or option that is not understood is an error.
 */
export async function rehearse(checkout: string, folder: string): Promise<Rehearsed> {
  const ignored = readFileSync(join(checkout, '.dockerignore'), 'utf8').split('\n').filter(Boolean);
  const isIgnored = (path: string): boolean => ignored.some((entry) => path === entry || path.startsWith(`${entry}/`));
  let image: Rehearsed = newStage(folder);

  const doing: Record<string, (value: string) => Promise<void> | void> = {
    FROM(value) {
      image = newStage(join(folder, / AS (\w+)$/.exec(value)?.[1] ?? 'image'));
    },
    WORKDIR(value) {
      image.workFolder = join(image.root, value);
      mkdirSync(image.workFolder, { recursive: true });
    },
    ENV(value) {
      for (const [, name, set] of value.matchAll(/(\w+)=(\S+)/g)) image.environment[name!] = set!;
    },
    async RUN(value) {
      if (value.startsWith('npm ci')) return linkPackages(checkout, image.workFolder);
      const command = value.replace(/(?<=^|\s)\//g, `${image.root}/`);
      await run('sh', ['-ec', command], { cwd: image.workFolder, env: { ...process.env, ...image.environment } });
    },
    async COPY(value) {
      const [, stage, paths] = /^(?:--from=(\w+) )?([^-].*)$/.exec(value)!;
      const [destination, ...sources] = paths!.split(' ').toReversed();
      const from = stage === undefined ? checkout : join(folder, stage);
      for (const source of sources) {
        const path = join(from, source);
        if (stage === undefined && isIgnored(source)) throw new Error(`COPY ${source}: .dockerignore leaves it out`);
        // Into a folder; of a folder, its contents.
        const target = join(resolve(image.workFolder, destination!), statSync(path).isDirectory() ? '.' : basename(path));
        mkdirSync(dirname(target), { recursive: true });
        if (stage !== undefined) await run('cp', ['-alT', path, target]);
        else cpSync(path, target, { recursive: true, filter: (file) => !isIgnored(relative(checkout, file)) });
      }
    },
    HEALTHCHECK(value) {
      image.healthCheck = JSON.parse(value.replace(/^.*? CMD /, '')) as string[];
    },
    ENTRYPOINT(value) {
      image.entrypoint = JSON.parse(value) as string[];
    },
    CMD(value) {
      image.command = JSON.parse(value) as string[];
    },
    USER() {},
    EXPOSE() {},
  };
  for (const { keyword, value } of instructionsIn(join(checkout, 'Dockerfile'))) {
    const action = doing[keyword];
    if (action === undefined) throw new Error(`The rehearsal does not know ${keyword}`);
    await action(value);
  }
  return image;
}

function instructionsIn(file: string): Instruction[] {
  const lines = readFileSync(file, 'utf8')
    .replace(/^#.*\n/gm, '')
    .replaceAll('\\\n', ' ')
    .split('\n')
    .filter(Boolean);
  return lines.map((line) => {
    const [, keyword, value] = /^(\w+) +(.*)$/.exec(line)!;
    return { keyword: keyword!, value: value! };
  });
}

function newStage(root: string): Rehearsed {
  mkdirSync(join(root, 'usr/local/bin'), { recursive: true });
  return { root, workFolder: root, environment: {}, entrypoint: [], command: [], healthCheck: [] };
}

/** What is removed later is so from the copy alone; npm's list of packages, which it overwrites, is not linked. */
async function linkPackages(checkout: string, folder: string): Promise<void> {
  const packages = join(folder, 'node_modules');
  const list = '.package-lock.json';
  await run('cp', ['-al', join(checkout, 'node_modules'), packages]).catch(() => run('cp', ['-a', join(checkout, 'node_modules'), folder]));
  await run('cp', ['--remove-destination', join(checkout, 'node_modules', list), join(packages, list)]);
}

const run = promisify(execFile);
