import { type ExecFileException, execFile, spawn } from 'node:child_process';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startBadNetwork } from '../support/bad-network.js';
import { startCuttableProxy } from '../support/cuttable-proxy.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';

const root = join(import.meta.dirname, '../..');
const python = process.env.PYTHON ?? 'python3';

let gateway: TestGateway;
/** A copy of the schema and the examples, as in a fresh checkout. */
let checkout: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  checkout = await mkdtemp(join(tmpdir(), 'gateway-examples-'));
  await cp(join(root, 'schema.graphql'), join(checkout, 'schema.graphql'));
  const isMade = /\/(node_modules|dist|gql)$/;
  await cp(join(root, 'examples'), join(checkout, 'examples'), { recursive: true, filter: (file) => !isMade.test(file) });
});
afterAll(async () => {
  await rm(checkout, { recursive: true });
  await gateway.stop();
});

interface Ran {
  code: ExecFileException['code'];
  output: string;
  mistakes: string;
}

/** Runs a program in the folder of an example, to its end. */
function run(example: string, [program, ...args]: [string, ...string[]], environment: Record<string, string> = {}): Promise<Ran> {
  const options = { cwd: join(checkout, 'examples', example), env: { ...process.env, ...environment } };
  return new Promise((resolve) => {
    execFile(program, args, options, (error: ExecFileException | null, output, mistakes) => {
      resolve({ code: error === null ? 0 : error.code, output, mistakes });
    });
  });
}

const signedIn = (url: string) => ({ GATEWAY_URL: url, LOGIN: admin.login, PASSWORD: admin.secret });

/** Installs an example of TypeScript, checks its types and builds it. */
async function build(example: string): Promise<void> {
  const installed = await run(example, ['npm', 'ci']);
  expect([installed.code, installed.mistakes]).toEqual([0, expect.not.stringMatching(/EBADENGINE|ERESOLVE/)]);
  expect(await run(example, ['npm', 'run', 'build'])).toMatchObject({ code: 0 });
}

/**
 * Runs an example through a network that loses the answer to its first change and breaks its stream off, and reads in the gateway what it did:
 * the accounts below the one that it made, and what was done to it and them.
 */
async function effectOf(example: string, command: [string, ...string[]]) {
  const network = await startBadNetwork(gateway.url);
  onTestFinished(() => network.stop());
  const before = gateway.log.length;
  const { code, output, mistakes } = await run(example, command, signedIn(network.url));
  expect([code, mistakes]).toEqual([0, '']);
  expect([network.lost, network.brokenOff]).toEqual([1, example === 'python' ? 0 : 1]);
  const [, sid] = /as (AC\w+)\./.exec(output)!;
  const [, emailAddress] = /(reseller-\w+@example\.com)/.exec(output)!;
  const { data } = await postGraphql(
    gateway.url,
    admin,
    `{ viewer { subAccounts(filter: { text: "${emailAddress}" }) { nodes { sid } } }
       account(by: { sid: "${sid}" }) {
         status descendants(first: 100) { nodes { friendlyName status } } history(first: 100, includeDescendants: true) { nodes { operation after } }
       }
       events(accountSid: "${sid}", first: 100) { nodes { id } } }`,
  );
  const { account, viewer, events } = data!;
  expect(viewer.subAccounts.nodes).toEqual([{ sid }]);
  return {
    output,
    account,
    history: account.history.nodes as Change[],
    events: events.nodes.map(({ id }: { id: string }) => id) as string[],
    /** How often it sent an operation. */
    timesSent: (operation: string) => gateway.log.slice(before).filter((line) => JSON.parse(line).operation === operation).length,
  };
}

interface Change {
  operation: string;
  after: Record<string, unknown>;
}

/** The IDs of events, as an example printed them. */
const eventsIn = (output: string): string[] => [...output.matchAll(/^ {2}(?:Event )?(AC\w+:[\d:]*\d)/gm)].map(([, id]) => id!);

const isClosed = ({ status }: { status: string }): boolean => status === 'CLOSED';
const namesOf = (accounts: { friendlyName: string }[]): string[] => accounts.map(({ friendlyName }) => friendlyName).toSorted();
const changesOf = (history: Change[]): unknown[] =>
  history.filter(({ operation }) => operation !== 'CREATE_ACCOUNT').map(({ operation, after }) => [operation, after]);

describe('the typed client', () => {
  beforeAll(() => build('typed-client'));

  it('makes each account once, reads whole lists in pages, meets conflicts, and is told of every event', async () => {
    const { output, account, history, events, timesSent } = await effectOf('typed-client', ['npm', 'start']);
    expect(output).toContain('By name, read in pages of two: Anna, Bert, Carl, Dora, Emil.');
    expect(output).toContain('Only those that are active: Anna, Bert, Carl.');
    expect(output).toContain('By age: Dora, Anna, Carl, Bert, Emil.');
    expect(output).toContain('The first list again, from the cache: Anna, Bert, Carl, Dora, Emil.');
    expect(output).toContain('it shows Anna (ACTIVE), Carl (ACTIVE), Emil (UNINITIALIZED).');
    // The careless cache reads one page of each of its lists, and never the first of the second.
    expect(timesSent('query SubAccounts')).toBe(3 + 2 + 3 + 2);
    expect(output).toContain('Renamed to Anna Maria at attempt 2.');
    expect(output).toContain('because of a conflict: it is Annabel now.');
    // Of five attempts, the colleague's among them, two met a conflict: see the history.
    expect(timesSent('mutation UpdateAccount')).toBe(5);
    expect(output).toContain('is refused with EMAIL_IN_USE, because of emailAddress: Choose another e-mail address.');

    expect([account, ...account.descendants.nodes].every(isClosed)).toBe(true);
    expect(namesOf(account.descendants.nodes)).toEqual(['Annabel', 'Bert', 'Carl', 'Dora', 'Emil']);
    expect(changesOf(history)).toEqual([
      ['UPDATE_ACCOUNT', { type: 'Trial' }],
      ['UPDATE_ACCOUNT', { friendlyName: 'Anna Maria' }],
      ['UPDATE_ACCOUNT', { friendlyName: 'Annabel' }],
      ['CLOSE_ACCOUNT', expect.objectContaining({ status: 'closed' })],
    ]);
    // It follows behind the first event.
    expect(eventsIn(output)).toEqual(events.slice(1));
  });

  it('goes on where it was after its connection was cut, and says why it cannot follow', async () => {
    const { data } = await postGraphql(
      gateway.url,
      admin,
      'mutation { createAccount(input: { emailAddress: "followed@example.com", role: DEVELOPER }) { account { sid } } }',
    );
    const { sid } = data!.createAccount.account;
    const network = await startCuttableProxy(gateway.url);
    onTestFinished(() => network.stop());
    const options = { cwd: join(checkout, 'examples/typed-client'), env: { ...process.env, ...signedIn(network.url) } };
    const child = spawn(process.execPath, ['dist/follow.js', sid], options);
    onTestFinished(() => void child.kill());
    let output = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
    const rename = async (friendlyName: string): Promise<void> => {
      const mutation = `mutation { updateAccount(input: { sid: "${sid}", friendlyName: "${friendlyName}" }) { account { sid } } }`;
      expect((await postGraphql(gateway.url, admin, mutation)).errors).toBeUndefined();
    };
    const told = (): string[] => [...output.matchAll(/ (AC\w+:\d+) ACCOUNT_UPDATED /g)].map(([, id]) => id!);

    await rename('One');
    await eventually(() => expect(told()).toHaveLength(1));
    const { connections } = network;
    network.leadTo(undefined);
    network.cut();
    await rename('Two');
    await eventually(() => expect(network.connections).toBeGreaterThan(connections));
    network.leadTo(gateway.url);
    await rename('Three');
    await eventually(() => expect(told()).toHaveLength(3));
    const { data: read } = await postGraphql(
      gateway.url,
      admin,
      `{ events(accountSid: "${sid}", types: [ACCOUNT_UPDATED]) { nodes { id } } }`,
    );
    expect(told()).toEqual(read!.events.nodes.map(({ id }: { id: string }) => id));

    const refused = await run('typed-client', ['npm', 'run', 'follow', '--', sid, 'nonsense'], signedIn(gateway.url));
    expect([refused.code, refused.mistakes]).toEqual([1, expect.stringContaining('BAD_USER_INPUT')]);
  });
});

describe('the client with urql', () => {
  beforeAll(() => build('urql'));

  it('makes each account once, reads a whole list in pages, meets a conflict, and is told of every event', async () => {
    const { output, account, history, events, timesSent } = await effectOf('urql', ['npm', 'start']);
    const [, list] = /read in pages of two: (.*)\./.exec(output)!;
    expect(list!.split(', ').toSorted()).toEqual(['anna', 'bert', 'carl']);
    expect(timesSent('query Descendants')).toBe(2);
    expect(output).toContain('meanwhile: it was not renamed.');
    expect(output).toContain('is refused: EMAIL_IN_USE.');

    expect([account, ...account.descendants.nodes].every(isClosed)).toBe(true);
    expect(timesSent('mutation UpdateAccount')).toBe(3);
    expect(changesOf(history)).toEqual([
      ['UPDATE_ACCOUNT', { type: 'Trial' }],
      ['UPDATE_ACCOUNT', { friendlyName: expect.stringMatching(/^\w+ & Co\.$/) }],
      ['CLOSE_ACCOUNT', expect.objectContaining({ status: 'closed' })],
    ]);
    expect(eventsIn(output)).toEqual(events.slice(1));
  });
});

describe('the program in Python', () => {
  it('makes each account once, reads a whole tree in pages, suspends after a dry run, and is told of every event', async () => {
    const { output, account, history, events, timesSent } = await effectOf('python', [python, 'accounts.py']);
    const [, list] = /read in pages of two: (.*)/.exec(output)!;
    expect(list!.split(', ').toSorted()).toEqual(['cashier', 'office', 'shop', 'storeroom']);
    expect(output).toContain('Off after it: nobody');
    expect(timesSent('query AccountsBelow')).toBe(2 + 1 + 2);
    expect(output).toContain('Suspending the shop would reach 3 ACTIVE');
    expect([...output.matchAll(/^ {2}(\w+), since /gm)].map(([, name]) => name).toSorted()).toEqual(['cashier', 'shop', 'storeroom']);
    expect(output).toContain('PARENT_NOT_ACTIVE.');
    expect(output).toContain('EMAIL_IN_USE, because of emailAddress.');

    expect([account, ...account.descendants.nodes].every(isClosed)).toBe(true);
    expect(changesOf(history)).toEqual([
      ['SET_ACCOUNT_STATUS', { status: 'suspended', reached: [{ status: 'active', count: 3 }] }],
      ['CLOSE_ACCOUNT', expect.objectContaining({ status: 'closed' })],
    ]);
    expect(eventsIn(output)).toEqual(events);
  });
});

describe('what goes wrong', () => {
  it.each<[example: string, command: [string, ...string[]]]>([
    ['typed-client', ['npm', 'start']],
    ['urql', ['npm', 'start']],
    ['python', [python, 'accounts.py']],
  ])('is told by the example %s, which fails', async (example, command) => {
    const environment = signedIn(gateway.url);
    expect(await run(example, command, { ...environment, PASSWORD: 'wrong' })).toMatchObject({
      code: 1,
      mistakes: expect.stringContaining('The SID or e-mail address, or the password or AuthToken, is wrong.'),
    });
    expect(await run(example, command, { ...environment, PASSWORD: '' })).toMatchObject({
      code: 1,
      mistakes: expect.stringContaining('Set LOGIN and PASSWORD'),
    });
  });
});
