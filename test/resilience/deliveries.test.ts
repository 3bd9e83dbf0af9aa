import { setTimeout as sleep } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { deliveryCrashes } from '../support/effort.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { type TestReceiver, startReceiver } from '../support/receiver.js';

/*
 * Two instances deliver to receivers that lie, hang and answer late, and are killed again and again, one or both, at random moments, with
 * PostgreSQL's sessions among them. In the end each receiver's own record is compared with the history: every event of every tree that it should
 * know of, in order; duplicates only with the same ID.
 */

const trees = 6;
let database: TestDatabase;
let gateways: GatewayProcess[];
let receivers: TestReceiver[];
const key = randomBytes(32).toString('hex');

const start = () =>
  startGateway({
    environment: {
      DATABASE_URL: database.url,
      CREDENTIALS_KEY: key,
      WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
      DATABASE_POOL_SIZE: '6',
      ADMIN_PASSWORD: 'correct horse battery',
    },
  });

beforeAll(async () => {
  database = await cloneDatabase();
  gateways = [await start(), await start()];
  receivers = await Promise.all([startReceiver(), startReceiver(), startReceiver()]);
});
afterAll(async () => {
  for (const gateway of gateways) await gateway.stop();
  for (const receiver of receivers) await receiver.stop();
  await database.drop();
});

const admin = () => ({ login: gateways[0]!.adminEmail, secret: gateways[0]!.adminPassword });

/** Why the last request was refused. */
let lastErrors: unknown;

/** Asks one of the gateways; undefined if it was killed meanwhile, or lost its session. */
async function ask(query: string, which = 0): Promise<any> {
  try {
    const { data, errors } = await postGraphql<any>(gateways[which]!.url, admin(), query);
    lastErrors = errors;
    return errors === undefined ? data : undefined;
  } catch (error) {
    lastErrors = error;
    return undefined;
  }
}
const surely = (query: string): Promise<any> =>
  eventually(async () => {
    const data = await ask(query);
    if (data === undefined) throw new Error(JSON.stringify(lastErrors) + String(lastErrors));
    return data;
  });

/** Answers at random: mostly well; else with an error, much later, after hanging up, or twice as much as was asked for. */
function whimsical(receiver: TestReceiver): void {
  receiver.answerWith((response) => {
    const whim = Math.random();
    if (whim < 0.05) response.writeHead(500, { 'retry-after': '0' }).end();
    else if (whim < 0.08) response.socket!.resetAndDestroy();
    else if (whim < 0.1) setTimeout(() => response.writeHead(200).end(), 300);
    else response.writeHead(204).end();
  });
}

/** Lets time pass: what has failed is tried again at once, and the leases of the killed run out. */
const passTime = (leases: boolean) =>
  database.query(`UPDATE webhook_place SET due_at = now() WHERE due_at > now() AND (lease IS NULL OR $1)`, [leases]);

/** Waits until something more was delivered, so that what comes next happens in the middle of deliveries. */
async function moreIsDelivered(): Promise<void> {
  const delivered = () => receivers.reduce((sum, { requests }) => sum + requests.length, 0);
  const before = delivered();
  await eventually(() => expect(delivered()).toBeGreaterThan(before));
}

/** The IDs in a receiver's record, tree by tree, in the order in which they came. */
function recordOf({ requests }: TestReceiver): Map<string, string[]> {
  const record = new Map<string, string[]>();
  for (const { headers } of requests) {
    const id = headers['webhook-id'] as string;
    const tree = id.split(':')[0]!;
    record.set(tree, [...(record.get(tree) ?? []), id]);
  }
  return record;
}

/** The IDs in the order of their first occurrence. */
const firsts = (ids: readonly string[]): string[] => [...new Set(ids)];

/** Milliseconds that a crash may take on a busy machine, with what is started anew. */
const crashMilliseconds = 60_000;

it(
  'every event of every tree reaches each receiver in order, whatever is killed',
  { timeout: 600_000 + deliveryCrashes * crashMilliseconds },
  async () => {
    const rootSid = (await surely('{ viewer { sid } }')).viewer.sid;
    const register = async (accountSid: string, receiver: TestReceiver) =>
      (await surely(`mutation { createWebhook(input: { accountSid: "${accountSid}", url: "${receiver.url}" }) { webhook { sid } } }`))
        .createWebhook.webhook.sid as string;
    const [everything, alsoEverything, ofOne] = receivers as [TestReceiver, TestReceiver, TestReceiver];
    const webhooks = [await register(rootSid, everything), await register(rootSid, alsoEverything)];
    const create = (parentSid: string, name: string) =>
      `mutation { createAccount(input: { parentSid: "${parentSid}", emailAddress: "${name}@tests.test", role: ADMINISTRATOR, password: "a decent password" }) { account { sid } } }`;
    const tops: string[] = [];
    for (let index = 0; index < trees; index++) tops.push((await surely(create(rootSid, `top${index}`))).createAccount.account.sid);
    const middle = (await surely(create(tops[0]!, 'middle'))).createAccount.account.sid as string;
    webhooks.push(await register(middle, ofOne));
    for (const receiver of receivers) whimsical(receiver);

    let isOver = false;
    const write = async (writer: number): Promise<void> => {
      for (let count = 0; !isOver; count++) {
        const top = tops[count % trees]!;
        const which = writer % 2;
        const sid = count % 3 === 0 ? middle : top;
        if (count % 7 === 0) await ask(create(top, `w${writer}-${count}`), which);
        else
          await ask(`mutation { updateAccount(input: { sid: "${sid}", friendlyName: "${writer} ${count}" }) { account { sid } } }`, which);
        await sleep(Math.random() * 30);
      }
    };
    const writers = [0, 1].map(write);

    for (let crash = 0; crash < deliveryCrashes; crash++) {
      await moreIsDelivered();
      await sleep(Math.random() * 500);
      const both = crash % 2 === 0;
      if (crash % 3 === 2) {
        await database
          .query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`)
          .catch(() => {});
      } else {
        const killed = both ? [0, 1] : [crash % 4 === 1 ? 0 : 1];
        await Promise.all(killed.map((index) => gateways[index]!.end('SIGKILL')));
        // With both gone, no lease is anybody's. Of one alone, they are left to run out at the end.
        if (both) await passTime(true);
        await Promise.all(killed.map(async (index) => (gateways[index] = await start())));
      }
      await passTime(false);
    }
    isOver = true;
    await Promise.all(writers);
    for (const receiver of receivers) receiver.answerWith((response) => void response.writeHead(200).end());
    await sleep(1000);
    await passTime(true);
    await eventually(async () => {
      await passTime(false);
      for (const sid of webhooks) expect((await ask(`{ webhook(sid: "${sid}") { waitingCount } }`))?.webhook.waitingCount).toBe(0);
    }, 200);

    /** All events of an account's stream, as the gateway tells whoever polls. */
    const polled = async (accountSid: string, login = admin()): Promise<string[]> => {
      const ids: string[] = [];
      for (let after: string | null = null; ;) {
        const { data }: { data?: any } = await postGraphql<any>(
          gateways[0]!.url,
          login,
          'query($sid: ID!, $after: ID) { events(accountSid: $sid, after: $after, first: 100) { nodes { id } pageInfo { hasNextPage endCursor } } }',
          { sid: accountSid, after },
        );
        ids.push(...data!.events.nodes.map(({ id }: { id: string }) => id));
        if (!data!.events.pageInfo.hasNextPage) return ids;
        after = data!.events.pageInfo.endCursor;
      }
    };
    let total = 0;
    for (const receiver of [everything, alsoEverything]) {
      const record = recordOf(receiver);
      for (const top of tops) {
        expect(firsts(record.get(top)!)).toEqual(await polled(top));
        total += record.get(top)!.length;
      }
      // Between two events, only the first of them may have come again.
      for (const [, ids] of record) expect(outOfOrder(ids)).toEqual([]);
    }
    const below = recordOf(ofOne);
    expect(below.size).toBe(1);
    const ofMiddle = (await polled(middle)).map((id) => id.split(':').slice(1).join(':'));
    const told = firsts([...below.values()][0]!).map((id) => id.split(':').slice(1).join(':'));
    expect(told).toEqual(ofMiddle.slice(-told.length));
    // Its making came before the webhook; all since then was told.
    expect(ofMiddle.length - told.length).toBe(1);
    console.log(
      `${deliveryCrashes} crashes, ${total} deliveries, ${total - tops.reduce((sum, top) => sum + firsts(recordOf(everything).get(top)!).length * 2, 0)} of them again`,
    );
  },
);

/** The IDs that came after a later one had come, but for those that came before: a late duplicate. None, unless a lease was lost. */
function outOfOrder(ids: readonly string[]): string[] {
  const seen = new Set<string>();
  let last = [0, 0];
  return ids.filter((id) => {
    const [position, part = 1] = id.split(':').slice(1).map(Number) as [number, number?];
    const isRepeated = seen.has(id);
    seen.add(id);
    const isLater = position > last[0]! || (position === last[0] && part >= last[1]!);
    if (isLater) last = [position, part];
    return !isLater && !isRepeated;
  });
}
