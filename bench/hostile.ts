import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Contender, contenders } from './contenders.js';
import { Connection, type Request, bytesOf } from './http-client.js';
import { ServerProcess } from './server-process.js';
import { type Caller, type Dataset, smallSize } from './dataset.js';

/** The dataset for the attacks: one account of the hostile tenant has 60,000 accounts below it. */
export const hostileSize = { ...smallSize, siblings: 60_000 };

/** What a hostile tenant repeats on each of its connections, and what another tenant does meanwhile. */
interface Attack {
  title: string;
  /** Creates a request of the hostile tenant. */
  request: () => Buffer;
  /** Creates a request of the other tenant, which has one connection. */
  victim: () => Buffer;
  /** What the Super Admin does once in the middle of the attack, and undoes after it. */
  remedy?: { done: Buffer; undone: Buffer };
}

/** How many requests of a tenant were answered and refused. */
export interface Outcomes {
  answered: number;
  refused: number;
}

/** How one attack affected the other tenant. */
export interface AttackResult {
  title: string;
  connections: number;
  /** Latencies of the other tenant's requests, in milliseconds: before the attack and during it. */
  before: number[];
  during: number[];
  victim: Outcomes;
  hostile: Outcomes;
  /** How long the Super Admin's remedy took, in milliseconds. */
  remedy: number | undefined;
}

const connectionCounts = [1, 16, 100];

/** In milliseconds: how long the other tenant is measured before and during the attack, and its pause between requests. */
const idleMilliseconds = 3_000;
const attackMilliseconds = 10_000;
const pause = 10;

/** Attacks from more and more connections of one account. Each attack gets a new gateway, whose budgets are full. */
export async function measureHostility(dataset: Dataset, outputFile: string): Promise<AttackResult[]> {
  const results: AttackResult[] = [];
  for (const attack of attacksIn(dataset)) {
    for (const connections of connectionCounts) {
      const server = await ServerProcess.start({ ...(contenders[0] as Contender).program(dataset), outputFile });
      try {
        results.push(await measureAttack(server, attack, connections));
      } finally {
        await server.stop();
      }
    }
  }
  return results;
}

async function measureAttack({ port }: ServerProcess, attack: Attack, connections: number): Promise<AttackResult> {
  const [before, during]: [number[], number[]] = [[], []];
  const own = await Connection.open(port);
  // The first run warms the gateway up.
  await sendRequests(own, attack.victim, { milliseconds: idleMilliseconds });
  await sendRequests(own, attack.victim, { milliseconds: idleMilliseconds, latencies: before });
  const hostile = Promise.all(
    Array.from({ length: connections }, async () => {
      const connection = await Connection.open(port);
      return sendRequests(connection, attack.request, { milliseconds: attackMilliseconds, pause: 0 }).finally(() => connection.close());
    }),
  );
  const [victim, remedy] = await Promise.all([
    sendRequests(own, attack.victim, { milliseconds: attackMilliseconds, latencies: during }),
    attack.remedy && sleep(attackMilliseconds / 2).then(() => timeOf(port, attack.remedy!.done)),
  ]);
  own.close();
  const outcomes = await hostile;
  if (attack.remedy !== undefined) await timeOf(port, attack.remedy.undone);
  const sum = (of: keyof Outcomes): number => outcomes.reduce((total, outcome) => total + outcome[of], 0);
  return {
    title: attack.title,
    connections,
    before,
    during,
    victim,
    hostile: { answered: sum('answered'), refused: sum('refused') },
    remedy,
  };
}

/** Sends one request after the other on a connection, with a pause after each answer, for the given time. */
async function sendRequests(
  connection: Connection,
  request: () => Buffer,
  options: { milliseconds: number; pause?: number; latencies?: number[] },
): Promise<Outcomes> {
  const outcomes = { answered: 0, refused: 0 };
  for (const end = performance.now() + options.milliseconds; performance.now() < end;) {
    const start = performance.now();
    const { status, body } = await connection.ask(request());
    options.latencies?.push(performance.now() - start);
    outcomes[status === 200 && !body.includes('"errors":') ? 'answered' : 'refused'] += 1;
    if (options.pause !== 0) await sleep(options.pause ?? pause);
  }
  return outcomes;
}

async function timeOf(port: number, request: Buffer): Promise<number> {
  const connection = await Connection.open(port);
  const start = performance.now();
  await connection.load(request);
  connection.close();
  return performance.now() - start;
}

function attacksIn({ accountsToRead, parentOfMany, superAdmin }: Dataset): Attack[] {
  const [top] = parentOfMany;
  const parent = parentOfMany.at(-1)!.caller;
  const { caller: victim } = accountsToRead[0]!;
  const viewer = bytesOf(graphql('{ viewer { sid } }'), victim.authorization);
  const always = (bytes: Buffer) => () => bytes;
  /** No account matches, so each list is read to its end, twice. Different page lengths make them different lists. */
  const lists = (filters: readonly string[]): Buffer =>
    bytesOf(
      graphql(
        `{ viewer { ${filters.map((filter, index) => `a${index}: subAccounts(first: ${index + 1}, filter: { ${filter} }) { totalCount nodes { sid } }`).join(' ')} } }`,
      ),
      parent.authorization,
    );
  const setStatus = (status: string): Buffer =>
    bytesOf(
      graphql(`mutation { setAccountStatus(input: { sid: "${top!.caller.sid}", status: ${status} }) { reachedCount } }`),
      superAdmin.authorization,
    );
  return [
    {
      title: 'twelve filters by role, with their counts',
      request: always(lists(byRole)),
      victim: always(viewer),
    },
    {
      title: 'six searches by text, with their counts',
      request: always(lists(byText)),
      victim: always(viewer),
    },
    {
      title: 'new accounts; the other tenant makes some too, the Super Admin suspends the hostile tree',
      request: () => creation(top!.caller),
      victim: () => creation(victim),
      remedy: { done: setStatus('SUSPENDED'), undone: setStatus('ACTIVE') },
    },
  ];
}

/** Twelve different filters. All accounts below the hostile one are active administrators, and full accounts. */
const byRole = ['DEVELOPER', 'PROVISIONING_AGENT'].flatMap((role) =>
  ['', 'type: FULL', 'type: TRIAL', 'status: ACTIVE', 'status: CLOSED', 'type: FULL, status: ACTIVE'].map(
    (more) => `role: ${role}, ${more}`,
  ),
);
const byText = Array.from({ length: 6 }, (_, number) => `text: "nowhere ${number}"`);

function graphql(query: string): Request {
  return { method: 'POST', path: '/graphql', body: JSON.stringify({ query }) };
}

function creation({ authorization }: Caller): Buffer {
  const emailAddress = `${randomBytes(12).toString('hex')}@created.test`;
  return bytesOf(
    graphql(`mutation { createAccount(input: { emailAddress: "${emailAddress}", role: DEVELOPER }) { account { sid } } }`),
    authorization,
  );
}
