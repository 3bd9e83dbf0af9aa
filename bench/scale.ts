import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { type App, createApp } from '../src/app.js';
import { readConfig } from '../src/config.js';
import { startEmbeddedPostgres } from '../src/persistence/embedded-postgres.js';
import { plant } from '../test/support/plant.js';

/*
 * How the gateway bears SPEC's sizes, over HTTP, on an embedded PostgreSQL with its default settings: `npm run bench`.
 * Prints a table in Markdown; times are medians of the runs, and depend on the machine.
 */

const secret = 'correct horse battery';
const authorization = `Basic ${Buffer.from(`bench@company.com:${secret}`).toString('base64')}`;

async function main(): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const postgres = await startEmbeddedPostgres({ directory });
  const config = readConfig({ PORT: '0', METRICS_PORT: '0', ADMIN_EMAIL: 'bench@company.com', ADMIN_PASSWORD: secret });
  const app = await createApp({
    config,
    databaseUrl: postgres.url,
    credentialsKeys: [randomBytes(32)],
    log: pino({ level: 'silent' }),
    announcePassword: () => {},
  });
  try {
    const { url } = await app.listen();
    console.log(`Node.js ${process.version}, ${availableParallelism()} cores\n`);
    await cascades(app, url);
    await paging(app, url);
  } finally {
    await app.close();
    await postgres.stop();
    await rm(directory, { recursive: true });
  }
}

/** Trees of three levels below the top-level account; a reader asks for one account all the while. */
async function cascades(app: App, url: string): Promise<void> {
  console.log('| accounts | suspend, s | activate, s | migrate, s | close, s | reader, p50 ms | reader, p99 ms |');
  console.log('|---|---|---|---|---|---|---|');
  const { organization } = (
    await ask(url, 'mutation { createOrganization(input: { domainName: "elsewhere.test" }) { organization { sid } } }')
  ).createOrganization;
  const idle = await topLevel(url, 'reader@bench.test');
  for (const widths of [
    [10, 10, 99],
    [10, 100, 99],
  ]) {
    const sid = await topLevel(url, `cascade-${widths[1]}@bench.test`);
    await plant(planter(app), { below: sid, widths });
    const { descendantCount } = (await ask(url, `{ account(by: { sid: "${sid}" }) { descendantCount } }`)).account;
    const steps: [string, string][] = [
      ['setAccountStatus', 'status: SUSPENDED'],
      ['setAccountStatus', 'status: ACTIVE'],
      ['migrateAccount', `organization: { sid: "${organization.sid}" }`],
      ['closeAccount', ''],
    ];
    const seconds: number[] = [];
    const reading = reader(url, idle);
    for (const [mutation, input] of steps) {
      const start = performance.now();
      await ask(url, `mutation { done: ${mutation}(input: { sid: "${sid}", ${input} }) { reachedCount } }`);
      seconds.push((performance.now() - start) / 1000);
    }
    const latencies = (await reading.stop()).toSorted((one, other) => one - other);
    const percentile = (share: number) => latencies[Math.floor(latencies.length * share)]!.toFixed(1);
    console.log(
      `| ${descendantCount + 1} | ${seconds.map((time) => time.toFixed(2)).join(' | ')} | ${percentile(0.5)} | ${percentile(0.99)} |`,
    );
  }
}

/** Pages of 50 among 100,000 sub-accounts of one account. */
async function paging(app: App, url: string): Promise<void> {
  const sid = await topLevel(url, 'pages@bench.test');
  await plant(planter(app), { below: sid, widths: [100_000] });
  console.log('\n| page of 50 among 100,000 | p50 ms |\n|---|---|');
  const page = (after: string | null) =>
    ask(
      url,
      `query($after: String) { account(by: { sid: "${sid}" }) { subAccounts(first: 50, after: $after) { nodes { sid friendlyName } pageInfo { endCursor } } } }`,
      { after },
    );
  let after: string | null = null;
  for (let number = 1; number <= 1800; number++) {
    if ([1, 100, 1800].includes(number)) {
      const cursor: string | null = after;
      console.log(`| from row ${(number - 1) * 50} | ${(await median(50, () => page(cursor))).toFixed(2)} |`);
    }
    after = (await page(after)).account.subAccounts.pageInfo.endCursor;
  }
}

function reader(url: string, sid: string): { stop(): Promise<number[]> } {
  const latencies: number[] = [];
  let running = true;
  const loop = (async () => {
    while (running) {
      const start = performance.now();
      await ask(url, `{ account(by: { sid: "${sid}" }) { sid status } }`);
      latencies.push(performance.now() - start);
    }
  })();
  return {
    async stop() {
      running = false;
      await loop;
      return latencies;
    },
  };
}

async function median(runs: number, work: () => Promise<unknown>): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times.toSorted((one, other) => one - other)[Math.floor(runs / 2)]!;
}

async function topLevel(url: string, emailAddress: string): Promise<string> {
  const input = { emailAddress, password: secret, role: 'ADMINISTRATOR' };
  const made = await ask(url, 'mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }', { input });
  return made.createAccount.account.sid;
}

function planter({ dataSource }: App) {
  return { query: <Row>(sql: string, parameters?: unknown[]): Promise<Row[]> => dataSource.query(sql, parameters) };
}

async function ask(url: string, query: string, variables: Record<string, unknown> = {}): Promise<any> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors !== undefined) throw new Error(JSON.stringify(errors));
  return data;
}

await main();
