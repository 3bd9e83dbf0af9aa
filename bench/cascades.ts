import { Client } from 'pg';
import { Connection, bytesOf } from './http-client.js';
import type { RunningContender } from './measure.js';
import type { LargeTree, Dataset } from './dataset.js';

/** A change of a whole tree: by the gateway, and by a loop over its accounts. */
export interface Cascade {
  scenario: 'W2' | 'W3';
  title: string;
  accounts: number;
  /** The time of each run, in milliseconds. */
  gateway: number[];
  /** The time that a loop of one UPDATE for each account would take, in milliseconds; extrapolated from the part that was run. */
  loop: number[];
  /** Latencies of requests for one account, made one after the other, in milliseconds: before the change, and while it ran. */
  readersBefore: number[];
  readersDuring: number[];
}

/** How many accounts the loop changes. The time for all of them is extrapolated. */
const loopLength = 2000;
const idleMilliseconds = 4000;

interface Step {
  scenario: Cascade['scenario'];
  title: string;
  mutation: string;
  input: object;
  /** The column that the loop sets. */
  column: 'status' | 'organization_sid';
  value: string;
}

/** Suspends, activates and migrates each large tree several times. Meanwhile a reader of another tree sends requests on one connection. */
export async function measureCascades({ server }: RunningContender, dataset: Dataset, runs: number): Promise<Cascade[]> {
  const loop = new Client({ connectionString: dataset.databaseUrl });
  const administrator = await Connection.open(server.port);
  await loop.connect();
  try {
    const results: Cascade[] = [];
    for (const tree of dataset.largeTrees) results.push(...(await measureTree({ server, dataset, tree, loop, administrator, runs })));
    return results;
  } finally {
    administrator.close();
    await loop.end();
  }
}

interface TreeOptions extends Pick<RunningContender, 'server'> {
  dataset: Dataset;
  tree: LargeTree;
  /** The connection of the loop. */
  loop: Client;
  /** The connection on which the gateway is asked to change the tree. */
  administrator: Connection;
  runs: number;
}

async function measureTree({ server, dataset, tree, loop, administrator, runs }: TreeOptions): Promise<Cascade[]> {
  const sids = await membersOf(tree, dataset);
  const readersBefore = await latenciesDuring(server.port, dataset, () => new Promise((resolve) => setTimeout(resolve, idleMilliseconds)));
  const cascades = stepsOf(tree, dataset).map((step) => ({
    ...step,
    accounts: tree.accounts,
    gateway: [] as number[],
    loop: [] as number[],
    readersBefore,
    readersDuring: [] as number[],
  }));
  for (let run = 0; run < runs; run++) {
    for (const cascade of cascades) {
      const { mutation, input, column, value } = cascade;
      const body = JSON.stringify({
        query: `mutation($input: ${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input!) { done: ${mutation}(input: $input) { reachedCount } }`,
        variables: { input },
      });
      const request = bytesOf({ method: 'POST', path: '/graphql', body }, dataset.superAdmin.authorization);
      const latencies = await latenciesDuring(server.port, dataset, async () => {
        cascade.gateway.push(await timed(() => administrator.load(request)));
      });
      cascade.readersDuring.push(...latencies);
      // The loop sets the same values again, so that the tree stays consistent.
      const taken = await timed(async () => {
        for (const sid of sids) await loop.query({ name: column, text: updateOf(column), values: [sid, value] });
      });
      cascade.loop.push((taken / sids.length) * tree.accounts);
    }
  }
  return cascades;
}

function stepsOf({ sid, organizationSid }: LargeTree, { emptyOrganization }: Dataset): Step[] {
  const setStatus = (title: string, status: string): Step => ({
    scenario: 'W2',
    title,
    mutation: 'setAccountStatus',
    input: { sid, status },
    column: 'status',
    value: status.toLowerCase(),
  });
  const migrate = (title: string, organization: string): Step => ({
    scenario: 'W3',
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

async function membersOf({ sid }: LargeTree, { query }: Dataset): Promise<string[]> {
  const members = await query<{ sid: string }>('SELECT sid FROM account WHERE top_level_sid = $1 ORDER BY sid LIMIT $2', [sid, loopLength]);
  return members.map((member) => member.sid);
}

/** Latencies of requests for one account, made one after the other while the work ran. */
async function latenciesDuring(port: number, { accountsToRead }: Dataset, work: () => Promise<void>): Promise<number[]> {
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
