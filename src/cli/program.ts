import { Argument, Command, Option } from 'commander';
import type { AccountStatus } from '../domain/account.js';
import { choosable } from '../import/rules.js';
import { version } from '../version.js';
import type { Shell } from './completion.js';
import type { Shutdown } from './shutdown.js';

/**
 * The command line, as its users see it: `account-gateway COMMAND` (SPEC §8). What a command does is in its own file, which is loaded only
 * when it is called.
 */
export function createProgram(shutdown: Shutdown): Command {
  const program = createCommands(shutdown);
  program
    .command('completion')
    .description('Print the script by which a shell completes commands at the tab key.')
    .addArgument(new Argument('<shell>', 'the shell').choices(['bash', 'zsh', 'fish'] satisfies Shell[]))
    .addHelpText('after', '\nExamples:\n  source <(account-gateway completion bash)\n  account-gateway completion fish | source')
    .action(async (shell) => (await import('./completion.js')).printCompletion(createCommands(shutdown), shell));
  program
    .command('complete', { hidden: true })
    .description('What the script of "completion" asks at each tab.')
    .argument('[words...]', 'the command line so far')
    .action(async (words) => (await import('./completion.js')).complete(createCommands(shutdown), words));
  return program;
}

function createCommands(shutdown: Shutdown): Command {
  const program = new Command('account-gateway')
    .description('The tree of accounts of a communications provider: who exists, what they may do, and who is switched off right now.')
    .version(version)
    .exitOverride()
    .addHelpText('after', environmentHelp);

  program
    .command('serve')
    .description('Run the gateway, until SIGTERM or Ctrl-C. This is also what runs without a command.')
    .action(async () => (await import('./serve.js')).serve(shutdown));

  program
    .command('migrate')
    .description('Run the migrations, and create the Super Admin if there is none, whatever MIGRATE_ON_START says.')
    .option('--json', 'tell the result as JSON')
    .action(async (options) => (await import('./migrate.js')).migrate(options, shutdown));

  program
    .command('verify-history')
    .description('Verify the hash chains of the history, against the checkpoint of the last run. Exits with 1 if they are not sound.')
    .argument('[file]', 'the checkpoint: read, and replaced if the history is sound')
    .option('--new', 'make the first checkpoint; the file must not exist')
    .option('--json', 'tell the result as JSON')
    .addHelpText('after', examples('verify-history --new checkpoint.json', 'verify-history checkpoint.json'))
    .action(async (file, options) => (await import('./verify-history.js')).verifyHistory(file, options, shutdown));

  program
    .command('rotate-key')
    .description('Encrypt AuthTokens and secrets of webhooks with a new key. Exits with 1 if some could not be read.')
    .option('--json', 'tell the result as JSON')
    .addHelpText('after', examples('CREDENTIALS_KEY=NEW,OLD account-gateway rotate-key', 'rotate-key'))
    .action(async (options) => (await import('./rotate-key.js')).rotateKey(options, shutdown));

  program
    .command('backup')
    .description('Copy the embedded database and its key, while the gateway runs or not, and try the copy out.')
    .argument('<directory>', 'where to; it must be empty or missing')
    .option('--json', 'tell the result as JSON')
    .addHelpText('after', examples('backup /backups/2026-11-29'))
    .action(async (directory, options) => (await import('./backup.js')).backup(directory, options, shutdown));

  program
    .command('restore')
    .description('Copy a backup into DATA_DIR, which must be empty or missing, and try it out.')
    .argument('<directory>', 'a backup, as "backup" makes it')
    .option('--json', 'tell the result as JSON')
    .addHelpText('after', examples('DATA_DIR=/srv/gateway account-gateway restore /backups/2026-11-29'))
    .action(async (directory, options) => (await import('./restore.js')).restore(directory, options, shutdown));

  program
    .command('doctor')
    .description('Check configuration, database, key, disk, clock, versions and upstreams. Exits with 1 if something has failed.')
    .option('--json', 'tell the findings as JSON')
    .addHelpText('after', examples('doctor', 'doctor --json'))
    .action(async (options) => (await import('./doctor.js')).doctor(options, shutdown));

  program
    .command('replace-key')
    .description(
      'When the key is lost: make a new AuthToken for every account, by a new key. Passwords stay, but imported ones that were never used. Asks first.',
    )
    .option('--yes', 'do not ask')
    .option('--json', 'tell the result as JSON')
    .addHelpText('after', examples('replace-key', 'CREDENTIALS_KEY=NEW account-gateway replace-key --yes'))
    .action(async (options) => (await import('./replace-key.js')).replaceKey(options, shutdown));

  program
    .command('reset-password')
    .description('Give the Super Admin, or the account that is named, a new password. It is asked for, or read from standard input.')
    .argument('[account]', 'its SID or e-mail address')
    .option('--email <address>', 'a new e-mail address for it, too')
    .option('--json', 'tell the result as JSON')
    .addHelpText(
      'after',
      examples('reset-password', 'reset-password jane@company.com < password.txt', 'reset-password --email new@company.com'),
    )
    .action(async (account, options) => (await import('./reset-password.js')).resetPassword(account, options, shutdown));

  addAccountsCommands(program.command('accounts').description('Who exists, and who is switched off right now, and by whom.'), shutdown);

  program
    .command('export')
    .description('Write accounts, organizations, profiles and links to standard output, a line of JSON each, without secrets.')
    .argument('[sid]', 'the account that is exported, with everything below it; the root if it is left out')
    .addHelpText('after', examples('export > accounts.ndjson', 'export AC0123456789abcdef0123456789abcdef | gzip > customer.ndjson.gz'))
    .action(async (sid) => (await import('./export.js')).exportAccounts(sid, shutdown));

  const importing = program
    .command('import')
    .description('Take over the accounts of another installation. Without --yes it only tells what it would do.');

  withImportOptions(importing.command('restcomm'))
    .description(
      'Take over a Restcomm-Connect installation: accounts, organizations, profiles. The old passwords and AuthTokens go on working.',
    )
    .argument('<source>', "mysql://USER@HOST/DATABASE, a dump by mariadb-dump or mysqldump, or HSQLDB's restcomm.script; files may be .gz")
    .option('--time-zone <zone>', 'the time zone that the old server ran in, in which its database has dates')
    .option('--password-stdin', "read the source database's password from standard input")
    .addHelpText(
      'after',
      examples(
        'import restcomm restcomm.sql --time-zone Europe/Rome',
        'import restcomm restcomm.sql --time-zone UTC --root=replace --on-duplicate-email=suffix --yes',
        'import restcomm mysql://reader@db.example/restcomm --password-stdin --time-zone UTC < password',
      ),
    )
    .action(async (source, options) => (await import('./import.js')).importRestcomm(source, options, shutdown));

  withImportOptions(importing.command('ndjson'))
    .description('Take over what account-gateway export wrote. Accounts come without passwords and AuthTokens.')
    .argument('<file>', 'what export wrote; may be .gz')
    .addHelpText('after', examples('import ndjson accounts.ndjson', 'import ndjson accounts.ndjson --root=replace --yes'))
    .action(async (file, options) => (await import('./import.js')).importNdjson(file, options, shutdown));

  return program;
}

function addAccountsCommands(accounts: Command, shutdown: Shutdown): void {
  const nameOfAccount = ['<account>', 'its SID or e-mail address'] as const;
  const asJson = ['--json', 'tell the result as JSON'] as const;

  accounts
    .command('tree')
    .description('Show the accounts below the Super Admin, or below another account, as a tree. Long lists are folded.')
    .argument('[account]', 'the SID or e-mail address of the account at the top')
    .option('--depth <levels>', 'how many levels below it are shown', Number, 2)
    .option(...asJson)
    .addHelpText('after', examples('accounts tree', 'accounts tree jane@company.com --depth 5', 'accounts tree --json'))
    .action(async (account, options) => (await import('./accounts-tree.js')).showTree(account, options, shutdown));

  accounts
    .command('show')
    .description('Show all about one account: its status, what it may use, where it stands, what was done to it last.')
    .argument(...nameOfAccount)
    .option(...asJson)
    .addHelpText('after', examples('accounts show jane@company.com'))
    .action(async (account, options) => (await import('./accounts-show.js')).showAccount(account, options, shutdown));

  accounts
    .command('find')
    .description('Find accounts by part of their name or e-mail address, at least 3 characters. Exits with 1 if there is none.')
    .argument('<text>', 'the part, or a SID')
    .option(...asJson)
    .addHelpText('after', examples('accounts find @company.com'))
    .action(async (text, options) => (await import('./accounts-find.js')).findAccounts(text, options, shutdown));

  const changes: readonly [name: string, status: Exclude<AccountStatus, 'uninitialized'>, description: string][] = [
    ['suspend', 'suspended', 'Suspend an account and everything below it.'],
    ['activate', 'active', 'Activate a suspended account, and what is suspended below it.'],
    ['close', 'closed', 'Close an account and everything below it, for good.'],
  ];
  for (const [name, status, description] of changes) {
    accounts
      .command(name)
      .description(description)
      .argument(...nameOfAccount)
      .option('--dry-run', 'say what that would reach, and change nothing')
      .option(...asJson)
      .addHelpText('after', examples(`accounts ${name} jane@company.com --dry-run`))
      .action(async (account, options) => (await import('./accounts-change.js')).changeStatus(account, status, options, shutdown));
  }
}

/** What every import can be told: whether to do it, and what to do with rows that cannot be as they are. */
function withImportOptions(command: Command): Command {
  const pairs = (pair: string, earlier: string[] = []): string[] => [...earlier, pair];
  command
    .option('--yes', 'do it')
    .option('--dry-run', 'only tell what would be done, which is the default')
    .option('--json', 'tell it as JSON, with every row that cannot be taken over as it is')
    .addOption(
      new Option('--root <what>', "whether the imported root takes the place of this gateway's")
        .choices(['refuse', 'replace'])
        .default('refuse'),
    )
    .option('--role <word=role>', 'what a role stands for that is not known, as Administartor=Administrator; may be repeated', pairs)
    .option('--status <word=status>', 'what a status stands for that is not known; may be repeated', pairs)
    .option('--type <word=type>', 'what a type stands for that is not known; may be repeated', pairs);
  for (const { rule, problem, remedies } of choosable()) {
    const said = Object.entries(remedies).map(([remedy, says]) => `${remedy}: ${says}`);
    command.addOption(
      new Option(`--on-${rule} <what>`, `${problem} (${said.join('; ')})`).choices(['refuse', ...Object.keys(remedies)]).default('refuse'),
    );
  }
  return command;
}

const environmentHelp = `
Settings come from the environment: DATABASE_URL for a PostgreSQL server, DATA_DIR (./data) for the embedded database,
whether or not a gateway runs on it. All of them: docs/configuration.md.

Exit codes: 0 done, 1 not done, 64 wrong command line, 78 something to repair first.`;

/** The part of a command's help that shows how it is called. */
function examples(...lines: string[]): string {
  const written = lines.map((line) => `  ${line.includes('account-gateway') ? line : `account-gateway ${line}`}`);
  return `\nExamples:\n${written.join('\n')}`;
}
