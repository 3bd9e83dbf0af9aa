import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { removeFolder } from '../../src/embedded-postgres/folders.js';
import { cascadeRounds, cascadeWidth } from '../support/effort.js';
import { type GatewayProcess, copyStartedBefore, startGateway } from '../support/gateway-process.js';
import { type GraphqlAnswer, postGraphql } from '../support/graphql-client.js';
import { brokenInvariants } from '../support/invariants.js';
import { eventually } from '../support/patience.js';
import { ask, embeddedUrl, expectNoProcessIn, killProcessesIn, postmasterOf } from '../support/processes.js';

const size = 1 + 99 + 99 * cascadeWidth;
const closeAccount = 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }';
const createAccount =
  'mutation($email: EmailAddress!) { createAccount(input: { emailAddress: $email, role: DEVELOPER }) { account { sid } } }';
const before = [{ status: 'active', credentials: true, count: size }];
const closed = [{ status: 'closed', credentials: false, count: size }];

let folder: string;
let url: string;
let gateways: GatewayProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-crash-'));
  await copyStartedBefore(folder);
  url = embeddedUrl(folder);
  gateways = [];
});

afterEach(async () => {
  await gateways.at(-1)?.end('SIGKILL');
  try {
    await expectNoProcessIn(folder);
  } finally {
    await killProcessesIn(folder);
    await removeFolder(folder);
  }
});

describe(`a cascade over ${size} accounts`, () => {
  it('happens whole or not at all when the gateway is killed in the middle of it, and what was acknowledged stays', async () => {
    let gateway = await start();
    const duration = await durationOfClosing(gateway);
    const outcomes: string[] = [];
    const within = Array.from({ length: cascadeRounds }, (): Moment[] => [0.1, 0.5, 'visible', 'visible']).flat();
    for (const moment of ['sent', ...within, 'answered'] as Moment[]) {
      const top = await plantTree();
      const writer = await writeAlong(gateway);
      const closing = close(gateway, top);
      await come(moment, top, closing, duration);
      await gateway.end('SIGKILL');
      await expectNoProcessIn(folder);

      gateway = await start();
      const outcome = await expectWhole(top, await closing);
      outcomes.push(outcome);
      await expectKept(await writer.journal);
      expect(await close(gateway, top)).toMatchObject(
        outcome === 'closed'
          ? { errors: [{ extensions: { code: 'ACCOUNT_CLOSED' } }] }
          : { data: { closeAccount: { reachedCount: size } } },
      );
    }
    tell('gateway', duration, outcomes);
    expect(new Set(outcomes)).toEqual(new Set(['before', 'closed']));
  });

  it.each([
    ['PostgreSQL is killed', () => postmasterOf(folder)],
    ['the connection that does it is killed', busyBackend],
  ])(
    'happens whole or not at all when %s in the middle of it; what was acknowledged stays, and the gateway recovers by itself',
    async (name, victim) => {
      const gateway = await start();
      const duration = await durationOfClosing(gateway);
      const outcomes: string[] = [];
      const moments: Moment[] = ['sent', 0.4, 0.8, 'visible', 'answered'];
      // All may come late, since PostgreSQL finishes what it has begun, and machines change their speed: then there are more tries at the beginning.
      for (let tries = 0; tries < moments.length || (tries < 20 && !outcomes.includes('before')); tries++) {
        const moment = moments[tries] ?? (tries % 2 === 0 ? 'sent' : 0.2);
        const top = await plantTree();
        const { heard } = await listenForCrash();
        const pid = moment === 'sent' ? await victim() : undefined;
        const writer = await writeAlong(gateway);
        const closing = close(gateway, top);
        await come(moment, top, closing, duration);
        process.kill(pid ?? (await victim()), 'SIGKILL');

        const answer = await closing;
        expect(answer).toMatchObject(answerOf(answer) === undefined ? { errors: [{ extensions: { code: 'UNAVAILABLE' } }] } : {});
        await heard;
        await eventually(async () => expect(await create(gateway)).toBeDefined());
        await eventually(() => ask(url, 'SELECT 1'));
        writer.stop();
        outcomes.push(await expectWhole(top, answer));
        await expectKept(await writer.journal);
      }
      tell(name, duration, outcomes);
      expect(new Set(outcomes)).toEqual(new Set(['before', 'closed']));
      expect(await gateway.end('SIGTERM')).toBe(0);
    },
  );
});

async function start(): Promise<GatewayProcess> {
  const gateway = await startGateway({ dataDirectory: folder });
  gateways.push(gateway);
  return gateway;
}

/**
 * When to crash: at once; at about that share of the time that closing takes; as soon as another client can see anything
 * of it, which is when a half would be there to stay; or once the answer has come.
 */
type Moment = 'sent' | number | 'visible' | 'answered';

async function come(moment: Moment, top: string, closing: Promise<unknown>, duration: number): Promise<void> {
  if (moment === 'sent') return;
  const others = moment === 'answered' ? [] : [moment === 'visible' ? seen(top) : sleep(duration * (moment + Math.random() / 5))];
  await Promise.race([closing, ...others]);
}

/** Waits until the first or the last account of the tree is closed or has no credentials. */
async function seen(top: string): Promise<void> {
  const watcher = new Client({ connectionString: url });
  watcher.on('error', () => {});
  await watcher.connect();
  const untouched = `
    SELECT 1 FROM account JOIN credential ON credential.account_sid = account.sid
    WHERE account.sid IN ($1, 'AC' || md5(md5(substr($1, 3) || 99) || ${cascadeWidth})) AND account.status = 'active'`;
  while ((await watcher.query(untouched, [top])).rowCount === 2);
  await watcher.end();
}

/** `heard` resolves when the server has ended its connections, as it does some time after one of its processes was killed. */
async function listenForCrash(): Promise<{ heard: Promise<void> }> {
  const canary = new Client({ connectionString: url });
  canary.on('error', () => {});
  await canary.connect();
  return { heard: new Promise<void>((resolve) => void canary.once('end', resolve)) };
}

/** How long a client waits for the answer, in milliseconds. */
async function durationOfClosing(gateway: GatewayProcess): Promise<number> {
  const top = await plantTree();
  const began = Date.now();
  expect((await close(gateway, top))?.data).toEqual({ closeAccount: { reachedCount: size } });
  return Date.now() - began;
}

/** A tree of active accounts with credentials, in one statement: a top-level account, 99 below it, and as many below each as the effort allows. */
async function plantTree(): Promise<string> {
  const top = newSid('account');
  await ask(
    url,
    `WITH root AS (SELECT * FROM account WHERE parent_sid IS NULL),
     top AS (SELECT substr($1, 3) AS hex),
     child AS (SELECT md5(top.hex || i) AS hex FROM top, generate_series(1, 99) AS i),
     tree(hex, parent, path) AS (
       SELECT top.hex, substr(root.sid, 3), root.path || top.hex FROM root, top
       UNION ALL SELECT child.hex, top.hex, root.path || top.hex || child.hex FROM root, top, child
       UNION ALL SELECT md5(child.hex || j), child.hex, root.path || top.hex || child.hex || md5(child.hex || j)
                 FROM root, top, child, generate_series(1, ${cascadeWidth}) AS j
     ),
     planted AS (
       INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       SELECT 'AC' || tree.hex, 'AC' || tree.parent, $1, tree.path, root.organization_sid, tree.hex || '@tree.test', 'planted', 'Full', 'active', 'Developer'
       FROM tree, root
       RETURNING sid
     )
     INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash)
     SELECT planted.sid, 'none', '\\x00', '\\x00' FROM planted`,
    [top],
  );
  expect(await tally(top)).toEqual(before);
  return top;
}

/** The accounts of the tree by status, and by whether they have credentials. */
function tally(top: string) {
  return ask(
    url,
    `SELECT account.status, credential.account_sid IS NOT NULL AS credentials, count(*)::integer
     FROM account LEFT JOIN credential ON credential.account_sid = account.sid
     WHERE account.top_level_sid = $1 GROUP BY 1, 2`,
    [top],
  );
}

/** All of the tree is closed, or all is as before; and closed if the gateway said so. */
async function expectWhole(top: string, answer: GraphqlAnswer<any> | undefined): Promise<'before' | 'closed'> {
  const found = await tally(top);
  expect([before, closed]).toContainEqual(found);
  if (answerOf(answer) !== undefined) expect(found).toEqual(closed);
  // Neither its e-mail addresses nor what it reached are half written down.
  const query = <Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]> => ask<Row>(url, sql, parameters);
  expect(await brokenInvariants({ query })).toEqual([]);
  return found[0]!.status === 'closed' ? 'closed' : 'before';
}

function answerOf(answer: unknown): object | undefined {
  return (answer as GraphqlAnswer<any> | undefined)?.data?.closeAccount;
}

/** Creates accounts, one after the other, until the gateway or this test ends it; its journal has what was acknowledged. */
async function writeAlong(gateway: GatewayProcess): Promise<{ journal: Promise<string[]>; stop: () => void }> {
  let stopped = false;
  const acknowledged = [(await create(gateway))!];
  const write = async () => {
    while (!stopped && gateway === gateways.at(-1)) {
      const sid = await create(gateway);
      if (sid === undefined) await sleep(20);
      else acknowledged.push(sid);
    }
    return acknowledged;
  };
  return { journal: write(), stop: () => (stopped = true) };
}

async function expectKept(journal: string[]): Promise<void> {
  const kept = await ask(url, 'SELECT sid FROM account WHERE sid = ANY($1)', [journal]);
  expect(kept).toHaveLength(journal.length);
}

function close(gateway: GatewayProcess, sid: string): Promise<GraphqlAnswer<any> | undefined> {
  return send(gateway, closeAccount, { sid });
}

/** The SID of a new account, if the gateway acknowledged it. */
async function create(gateway: GatewayProcess): Promise<string | undefined> {
  const email = `${newSid('account').toLowerCase()}@journal.test`;
  return (await send(gateway, createAccount, { email }))?.data?.createAccount.account.sid;
}

/** The answer, unless the connection broke. */
function send(gateway: GatewayProcess, query: string, variables: Record<string, unknown>): Promise<GraphqlAnswer<any> | undefined> {
  const login = { login: gateway.adminEmail, secret: gateway.adminPassword };
  return postGraphql<any>(gateway.url, login, query, variables).catch(() => undefined);
}

/** The server process that closes accounts right now; the last that the gateway used when none does. */
async function busyBackend(): Promise<number> {
  const [busy] = await ask<{ pid: number }>(
    url,
    `SELECT pid FROM pg_stat_activity WHERE application_name = 'account-gateway'
     ORDER BY query ~ 'WITH reached' AND state <> 'idle' DESC, state_change DESC LIMIT 1`,
  );
  return busy!.pid;
}

function tell(victim: string, duration: number, outcomes: string[]): void {
  console.info(`${victim}: closing takes ${duration} ms; the outcomes of ${outcomes.length} crashes: ${outcomes.join(', ')}`);
}
