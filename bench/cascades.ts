import { Client } from 'pg';
import { Connection, bytesOf } from './http-client.js';
import type { Running } from './measure.js';
import type { LargeTree, World } from './dataset.js';

/** A change of a whole tree, by the gateway and account by account. */
export interface Cascade {
  work: 'W2' | 'W3';
  title: string;
  accounts: number;
  /** Of each run, in milliseconds. */
  gateway: number[];
  /** What a loop of one UPDATE for each account would take, in milliseconds: from the part of it that was run. */
  loop: number[];
  /** Of requests for one account, in milliseconds: made one after the other before the change, and while it ran. */
  readersBefore: number[];
  readersMeanwhile: number[];
}

/** How many accounts the loop changes; what it would take for all of them follows. */
const loopLength = 2000;
const idleMilliseconds = 4000;

interface Step {
  work: Cascade['work'];
  title: string;
  mutation: string;
  input: object;
  /** What the loop sets. */
  column: 'status' | 'organization_sid';
  value: string;
}

/** Suspends, activates and migrates each large tree some times. A reader of another tree asks all the while, on one connection. */
export async function measureCascades({ server }: Running, world: World, runs: number): Promise<Cascade[]> {
  const loop = new Client({ connectionString: world.databaseUrl });
  const administrator = await Connection.open(server.port);
  await loop.connect();
  try {
    const results: Cascade[] = [];
    for (const tree of world.largeTrees) results.push(...(await measureTree({ server, world, tree, loop, administrator, runs })));
    return results;
  } finally {
    administrator.close();
    await loop.end();
  }
}

interface TreeOptions extends Pick<Running, 'server'> {
  world: World;
  tree: LargeTree;
  /** Where the loop runs. */
  loop: Client;
  /** On which the tree is changed. */
  administrator: Connection;
  runs: number;
}

async function measureTree({ server, world, tree, loop, administrator, runs }: TreeOptions): Promise<Cascade[]> {
  const sids = await membersOf(tree, world);
  const readersBefore = await latenciesDuring(server.port, world, () => new Promise((resolve) => setTimeout(resolve, idleMilliseconds)));
  const cascades = stepsOf(tree, world).map((step) => ({
    ...step,
    accounts: tree.accounts,
    gateway: [] as number[],
    loop: [] as number[],
    readersBefore,
    readersMeanwhile: [] as number[],
  }));
  for (let run = 0; run < runs; run++) {
    for (const cascade of cascades) {
      const { mutation, input, column, value } = cascade;
      const body = JSON.stringify({
        query: `mutation($input: ${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!) { done: ${mutation}(input: $input) { reachedCount } }`,
        variables: { input },
      });
      const request = bytesOf({ method: 'POST', path: '/graphql', body }, world.superAdmin.authorization);
      const latencies = await latenciesDuring(server.port, world, async () => {
        cascade.gateway.push(await timed(() => administrator.load(request)));
      });
      cascade.readersMeanwhile.push(...latencies);
      // The same values once more, so that the tree stays whole.
      const taken = await timed(async () => {
        for (const sid of sids) await loop.query({ name: column, text: updateOf(column), values: [sid, value] });
      });
      cascade.loop.push((taken / sids.length) * tree.accounts);
    }
  }
  return cascades;
}

function stepsOf({ sid, organizationSid }: LargeTree, { emptyOrganization }: World): Step[] {
  const setStatus = (title: string, status: string): Step => ({
    work: 'W2',
    title,
    mutation: 'setAccountStatus',
    input: { sid, status },
    column: 'status',
    value: status.toLowerCase(),
  });
  const migrate = (title: string, organization: string): Step => ({
    work: 'W3',
    title,
    mutation: 'migrateAccount',
    input: { sid, organization: { sid: organization } },
    column: 'organization_sid',
    value: organization,
  });
  return [
    setStatus('suspend', 'SUSPENDED'),
    setStatus('activate', 'ACTIVE'),
    migrate('migrate', emptyOrganization),
    migrate('migrate back', organizationSid),
  ];
}

function updateOf(column: Step['column']): string {
  return `UPDATE account SET ${column} = $2, version = version + 1, date_updated = now() WHERE sid = $1`;
}

async function membersOf({ sid }: LargeTree, { query }: World): Promise<string[]> {
  const members = await query<{ sid: string }>('SELECT sid FROM account WHERE top_level_sid = $1 ORDER BY sid LIMIT $2', [sid, loopLength]);
  return members.map((member) => member.sid);
}

/** How long requests for one account took, one after the other, as long as the work ran. */
async function latenciesDuring(port: number, { accountsToRead }: World, work: () => Promise<void>): Promise<number[]> {
  const { caller, sid } = accountsToRead[0]!;
  const body = JSON.stringify({ query: 'query($sid: ID!) { account(by: { sid: $sid }) { sid status } }', variables: { sid } });
  const request = bytesOf({ method: 'POST', path: '/graphql', body }, caller.authorization);
  const connection = await Connection.open(port);
  const latencies: number[] = [];
  let isRunning = true;
  const reading = (async () => {
    while (isRunning) latencies.push(await timed(() => connection.load(request)));
  })();
  await work();
  isRunning = false;
  await reading;
  connection.close();
  return latencies;
}

async function timed(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
