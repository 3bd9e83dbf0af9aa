import { text } from 'node:stream/consumers';
import { type Config, configExitCode, readConfig } from '../config.js';
import { configuredCredentialsKeys, wrongKey } from '../credentials-key.js';
import type { AccountStatus, AccountType, Role } from '../domain/account.js';
import { parseRole, parseStatus } from '../domain/account.js';
import { isTimeZone } from '../import/dates.js';
import { ndjsonFile, sqlFile } from '../import/files.js';
import { planImport } from '../import/plan.js';
import type { ImportPlan } from '../import/planned.js';
import { type Choices, type RuleName, choosable } from '../import/rules.js';
import { type Source, readRows } from '../import/source.js';
import { Database, defaultBounds } from '../persistence/connection/database.js';
import { AccountImport, rowsOf } from '../service/account-import.js';
import { hasRightKey } from '../service/bootstrap.js';
import { Secrets } from '../service/secrets.js';
import { UsageError } from './failure.js';
import { reportOf, tableOf } from './import-report.js';
import { createCommandLog } from './log.js';
import { openMigrated } from './operator.js';
import { startStep } from './progress.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson } from './terminal.js';
import { withDatabase } from './with-database.js';

/** The options of `import`, as the command line gives them. */
export interface ImportOptions {
  yes?: boolean;
  dryRun?: boolean;
  json?: boolean;
  root?: 'replace' | 'refuse';
  timeZone?: string;
  role?: string[];
  status?: string[];
  type?: string[];
  passwordStdin?: boolean;
  /** `onDuplicateEmail` and so on: what was chosen for each rule. */
  [on: string]: unknown;
}

/** Nothing an import does takes long, but its last step is one transaction. In milliseconds. */
const changeMilliseconds = 3_600_000;

/** `account-gateway import restcomm SOURCE`. */
export async function importRestcomm(source: string, options: ImportOptions, shutdown: Shutdown): Promise<void> {
  if (isDatabase(source) && URL.canParse(source) && new URL(source).password !== '') {
    throw new UsageError('Leave the password out of the URL, and give it by --password-stdin: others see the arguments of a command.');
  }
  await importFrom(() => openRestcomm(source, options), options, shutdown);
}

/** `account-gateway import ndjson FILE`. */
export async function importNdjson(file: string, options: ImportOptions, shutdown: Shutdown): Promise<void> {
  await importFrom(async () => ndjsonFile(file), options, shutdown);
}

function isDatabase(source: string): boolean {
  return /^(mysql|mariadb):\/\//.test(source);
}

async function openRestcomm(source: string, { passwordStdin }: ImportOptions): Promise<Source & { close?(): Promise<void> }> {
  if (!isDatabase(source)) return sqlFile(source);
  const password = passwordStdin ? (await text(process.stdin)).replace(/\r?\n$/, '') : undefined;
  // Only where it is used: it is most of what an import loads.
  const { openMysql } = await import('../import/mysql.js');
  return openMysql(source.replace(/^mariadb:/, 'mysql:'), password);
}

async function importFrom(
  open: () => Promise<Source & { close?(): Promise<void> }>,
  options: ImportOptions,
  shutdown: Shutdown,
): Promise<void> {
  if (options.yes && options.dryRun) throw new UsageError('--yes does the import, --dry-run only tells of it. Give one of them.');
  const config = readConfig();
  const choices = choicesOf(options, config);
  await withDatabase({ config, log: createCommandLog(config), shutdown, mustExist: true }, async (databaseUrl) => {
    const plan = await shutdown.unlessRequested(planFrom(open, choices));
    await shutdown.unlessRequested(importInto(databaseUrl, config, plan, options));
  });
}

async function planFrom(open: () => Promise<Source & { close?(): Promise<void> }>, choices: Choices): Promise<ImportPlan> {
  const source = await open();
  try {
    const step = startStep('Reading', source.size, source.unit);
    const rows = await readRows(source, () => step.update(source.done()));
    step.update(source.done());
    step.end();
    return planImport(rows, source.hasSecrets, choices);
  } finally {
    await source.close?.();
  }
}

async function importInto(databaseUrl: string, config: Config, plan: ImportPlan, { yes, json, root }: ImportOptions): Promise<void> {
  const { credentialsKeys, credentialsKeysFrom } = await configuredCredentialsKeys(config);
  const dataSource = await openMigrated(databaseUrl, 'all');
  try {
    const database = new Database(dataSource, { ...defaultBounds, changeMilliseconds });
    const secrets = new Secrets(credentialsKeys);
    if (!(await hasRightKey(database, secrets))) throw wrongKey(credentialsKeysFrom);
    const accountImport = new AccountImport(database, secrets);
    if (await accountImport.isDone(plan)) {
      if (json) return printJson({ ...reportOf(plan, undefined), outcome: 'repeated' });
      return print('This import has been done already; nothing is left to do.');
    }
    const obstacle = (await accountImport.obstacle()) ?? (root === 'replace' ? undefined : rootIsKept);
    const report = reportOf(plan, obstacle);
    const isPossible = obstacle === undefined && plan.refused === 0;
    if (isPossible && yes) await doImport(accountImport, plan);
    const outcome = !isPossible ? 'refused' : yes ? 'done' : 'dry run';
    if (!isPossible) process.exitCode = configExitCode;
    if (json) printJson({ ...report, outcome });
    else print(`${tableOf(report)}\n${sentences[outcome]}`);
  } finally {
    await dataSource.destroy();
  }
}

const rootIsKept =
  "The import brings a root account. --root=replace lets it take the place of this gateway's own, which nobody has used yet.";

const sentences = {
  refused: 'Nothing was changed.',
  'dry run': 'Nothing was changed. To do it: the same command with --yes.',
  done: 'The import is done.',
};

async function doImport(accountImport: AccountImport, plan: ImportPlan): Promise<void> {
  const total = rowsOf(plan);
  const staging = startStep('Preparing', total, 'rows');
  await accountImport.stage(plan, (done) => staging.update(done));
  staging.end();
  const taking = startStep('Taking over', total, 'rows');
  await accountImport.takeOver(plan, (done) => taking.update(done));
  taking.end();
}

/** What the options choose. @throws UsageError */
function choicesOf(options: ImportOptions, { maxLevels }: Config): Choices {
  const { timeZone, role = [], status = [], type = [] } = options;
  if (timeZone !== undefined && !isTimeZone(timeZone))
    throw new UsageError(`There is no time zone ${timeZone}. Name one as Europe/Rome or UTC.`);
  const remedies: Partial<Record<RuleName, string>> = {};
  for (const { rule } of choosable()) {
    const chosen = options[optionOf(rule)] as string | undefined;
    if (chosen !== undefined && chosen !== 'refuse') remedies[rule] = chosen;
  }
  return {
    remedies,
    roles: wordsOf<Role>('role', role, parseRole),
    statuses: wordsOf<AccountStatus>('status', status, parseStatus),
    types: wordsOf<AccountType>('type', type, parseType),
    timeZone,
    maxLevels,
  };
}

/** The name under which commander has `--on-RULE`. */
function optionOf(rule: RuleName): string {
  return `on-${rule}`.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

function parseType(word: string): AccountType {
  const found = (['Full', 'Trial'] as const).find((type) => type.toLowerCase() === word.toLowerCase());
  if (found === undefined) throw new UsageError('type must be one of Full, Trial.');
  return found;
}

/** What words of the source stand for, from `WORD=VALUE`. @throws UsageError */
function wordsOf<Word>(option: string, given: readonly string[], parse: (word: string) => Word): Map<string, Word> {
  return new Map(
    given.map((pair) => {
      const at = pair.lastIndexOf('=');
      if (at < 0) throw new UsageError(`--${option} needs a word of the source and what it stands for: --${option} WORD=VALUE.`);
      try {
        return [pair.slice(0, at).toLowerCase(), parse(pair.slice(at + 1))];
      } catch (error) {
        throw new UsageError(`--${option} ${pair}: ${(error as Error).message}`);
      }
    }),
  );
}
