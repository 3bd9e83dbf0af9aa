import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { Shutdown } from '../../src/cli/shutdown.js';
import { type TestGateway, startTestGateway, testKey } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { brokenInvariants } from '../support/invariants.js';
import { runGateway } from '../support/processes.js';
import { mysqlDump, restcommRoot, soundRestcomm } from '../support/restcomm.js';
import { type Created, create } from '../support/tree.js';

/** Commands that ask no database server for anything. */
const withoutServer = ['serve', 'backup', 'restore', 'completion', 'complete'];

const oldKey = testKey.toString('hex');
const newKey = randomBytes(32).toString('hex');

let folder: string;
let gateway: TestGateway;
/** A gateway that has nothing yet, for the imports. */
let empty: TestGateway;
let customer: Created;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'commands-'));
  gateway = await startTestGateway();
  empty = await startTestGateway();
  customer = await create(graphqlSurface(gateway.url));
});
afterAll(async () => {
  await gateway.stop();
  await empty.stop();
  await rm(folder, { recursive: true });
});

const file = (name: string): string => join(folder, name);

/** The commands in the order in which they are run, with what each says. */
const commands: readonly { args: () => string[]; says: RegExp; input?: string; keys?: string; on?: () => TestGateway }[] = [
  { args: () => ['migrate'], says: /^Nothing to do/ },
  { args: () => ['doctor'], says: /database +PostgreSQL/ },
  { args: () => ['accounts', 'tree'], says: /^root@provider\.test .*active .*\(1 below\)/ },
  { args: () => ['accounts', 'show', customer.sid], says: /^Status +active$/m },
  { args: () => ['accounts', 'find', customer.emailAddress], says: /active/ },
  { args: () => ['accounts', 'suspend', customer.sid], says: /was suspended/ },
  { args: () => ['accounts', 'activate', customer.sid], says: /was activated/ },
  { args: () => ['reset-password', customer.sid], says: /was changed/, input: 'a password nobody knew before\n' },
  { args: () => ['export'], says: new RegExp(`"kind":"account".*"kind":"end"`, 's') },
  { args: () => ['accounts', 'close', customer.sid], says: /was closed/ },
  { args: () => ['rotate-key'], says: /^1 AuthToken re-encrypted/, keys: `${newKey},${oldKey}` },
  { args: () => ['replace-key', '--yes'], says: /has a new AuthToken/, keys: randomBytes(32).toString('hex') },
  { args: () => ['verify-history', '--new', file('checkpoint.json')], says: /The history is sound/ },
  {
    args: () => ['import', 'ndjson', file('export.ndjson'), '--root=replace'],
    says: /Every row can be taken over as it is/,
    on: () => empty,
  },
  {
    args: () => ['import', 'restcomm', file('restcomm.sql'), '--time-zone=UTC', '--root=replace', '--yes'],
    says: /The import is done/,
    on: () => empty,
  },
];

it('every command works where its database is reached by the pooler', async () => {
  await writeFile(file('restcomm.sql'), mysqlDump(soundRestcomm(300)));
  for (const { args, says, input, keys = oldKey, on = () => gateway } of commands) {
    const ended = await runGateway({ DATABASE_URL: on().database.url, CREDENTIALS_KEY: keys }, args(), input);
    expect(ended, args().join(' ')).toMatchObject({ code: 0, output: expect.stringMatching(says) });
    if (args()[0] === 'export') await writeFile(file('export.ndjson'), ended.output);
  }
  for (const { database } of [gateway, empty]) expect(await brokenInvariants(database)).toEqual([]);
  expect(
    await postGraphql(empty.url, { login: restcommRoot.sid, secret: restcommRoot.password }, '{ viewer { descendants { totalCount } } }'),
  ).toMatchObject({
    data: { viewer: { descendants: { totalCount: 299 } } },
  });
});

it('none is missing here', () => {
  const namesIn = (command: Command): string[] =>
    command.commands.length === 0
      ? [command.name()]
      : command.commands.flatMap((below) => namesIn(below).map((name) => [command.name(), name].join(' ')));
  const all = createProgram(new Shutdown()).commands.flatMap(namesIn);
  const tested = commands.map(({ args }) => args().slice(0, 2).join(' '));
  expect(all.filter((name) => !withoutServer.includes(name) && !tested.some((line) => line.startsWith(name)))).toEqual([]);
});
