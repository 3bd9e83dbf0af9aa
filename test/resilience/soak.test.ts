import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { soakSeconds } from '../support/effort.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { type Login, basic } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { ask, embeddedUrl } from '../support/processes.js';

/** How long the traffic lasts, after a warm-up. */
const seconds = soakSeconds;
const warmUpSeconds = 6;

const poolSize = 4;
const requestsAtOnce = 24;
/** More than run at once, so that some are always too many. */
const clients = 64;

let gateway: GatewayProcess;
let admin: Login;
let top: string;
let accounts: string[];

beforeAll(async () => {
  gateway = await startGateway({
    environment: {
      DATABASE_POOL_SIZE: String(poolSize),
      MAX_REQUESTS: String(requestsAtOnce),
      LOG_LEVEL: 'error',
      // What leaks does not fit in for long.
      NODE_OPTIONS: '--max-old-space-size=160',
    },
  });
  const url = embeddedUrl(gateway.dataDirectory);
  const [root] = await ask<{ sid: string; secret: string }>(url, 'SELECT sid FROM account WHERE parent_sid IS NULL');
  admin = { login: root!.sid, secret: gateway.adminPassword };
  const query = (sql: string, parameters?: unknown[]) => ask(url, sql, parameters);
  await plant({ query }, { below: root!.sid, widths: [20, 10, 5] });
  accounts = (await ask<{ sid: string }>(url, 'SELECT sid FROM account WHERE length(path) = 96 ORDER BY sid')).map(({ sid }) => sid);
  [{ sid: top } = { sid: '' }] = await ask<{ sid: string }>(url, 'SELECT sid FROM account WHERE length(path) = 64 ORDER BY sid');
});
afterAll(() => gateway?.stop());

it(
  'the gateway serves mixed traffic at saturation, in flat memory, and refuses early what is too much',
  async () => {
    const seen = new Seen();
    const memory: Sample[] = [];
    const began = Date.now();
    let isOver = false;
    const work = Array.from({ length: clients }, async () => {
      while (!isOver) await sendAny(seen);
    });
    while (Date.now() - began < (warmUpSeconds + seconds) * 1000) {
      await sleep(200);
      memory.push(await sample(Date.now() - began));
    }
    isOver = true;
    await Promise.all(work);

    expect(seen.unforeseen).toEqual([]);
    expect(seen.accepted.length).toBeGreaterThan(30);
    expect(seen.refused.length).toBeGreaterThan(0);
    // Early: a refusal waits for no other request, so that it takes no longer than what is answered, however slow that is.
    expect(quantile(seen.refused, 0.5)).toBeLessThan(2 * quantile(seen.accepted, 0.5));

    const measured = memory.filter(({ at }) => at > warmUpSeconds * 1000);
    const third = Math.floor(measured.length / 3);
    const [early, late] = [floorOf(measured.slice(0, third)), floorOf(measured.slice(-third))];
    console.info(
      `${seen.accepted.length} requests were answered in ${quantile(seen.accepted, 0.5)} ms (99%: ${quantile(seen.accepted, 0.99)} ms, at most ` +
        `${Math.max(...seen.accepted)} ms), ${seen.refused.length} refused in ${quantile(seen.refused, 0.5)} ms (99%: ${quantile(seen.refused, 0.99)} ms), ` +
        `${seen.aborted} broken off; heap ${megabytes(early.heap)} → ${megabytes(late.heap)} MB, resident ${megabytes(early.resident)} → ${megabytes(late.resident)} MB`,
    );
    expect(late.heap).toBeLessThan(early.heap * 1.2 + 8_000_000);
    expect(late.resident).toBeLessThan(early.resident * 1.2 + 32_000_000);

    await eventually(async () => {
      const text = await metrics();
      const of = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)![1]);
      expect(of('gateway_database_queue_waiting\\{kind="read"\\}')).toBe(0);
      expect(of('gateway_database_queue_waiting\\{kind="write"\\}')).toBe(0);
      expect(of('gateway_database_pool_connections\\{database="primary",state="waiting"\\}')).toBe(0);
      expect(of('gateway_database_pool_connections\\{database="primary",state="total"\\}')).toBe(
        of('gateway_database_pool_connections\\{database="primary",state="idle"\\}'),
      );
      const connections = await ask<{ state: string }>(
        embeddedUrl(gateway.dataDirectory),
        `SELECT state FROM pg_stat_activity WHERE application_name = 'account-gateway'`,
      );
      expect(connections.length).toBeLessThanOrEqual(poolSize);
      expect(new Set(connections.map(({ state }) => state))).toEqual(connections.length === 0 ? new Set() : new Set(['idle']));
    }, 200);
    // None of the places for requests is lost either: as many as there are can be taken at once.
    const answers = await Promise.all(Array.from({ length: requestsAtOnce }, () => graphql('{ viewer { sid } }')));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
    expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
  },
  (seconds + 300) * 1000,
);

/** How long requests took, in milliseconds, by what became of them. */
class Seen {
  accepted: number[] = [];
  refused: number[] = [];
  aborted = 0;
  /** What should not have been answered. */
  unforeseen: string[] = [];

  note(what: string, status: number, text: string, retryAfter: string | null, milliseconds: number): void {
    if (status === 503) {
      if (!text.includes('OVERLOADED') || retryAfter === null) this.unforeseen.push(`${what}: 503 ${text}`);
      this.refused.push(milliseconds);
    } else if (status >= 500) this.unforeseen.push(`${what}: ${status} ${text}`);
    else this.accepted.push(milliseconds);
  }
}

type Send = () => Promise<Response>;

const graphql = (query: string, variables: Record<string, unknown> = {}, signal?: AbortSignal, login = admin): Promise<Response> =>
  fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic(login) },
    body: JSON.stringify({ query, variables }),
    ...(signal && { signal }),
  });
const rest = (path: string, options: RequestInit = {}): Promise<Response> =>
  fetch(`${gateway.url}/restcomm/2012-04-24${path}`, { ...options, headers: { authorization: basic(admin) } });

const tree = `{ accounts(first: 10) { totalCount nodes { sid friendlyName organization { domainName }
  subAccounts(first: 10) { nodes { sid status capabilities { restApi } subAccounts(first: 5) { nodes { sid } } } } } } }`;
const anyAccount = () => accounts[Math.floor(Math.random() * accounts.length)]!;

/** The traffic, with how often each kind comes. */
const traffic: [kind: string, weight: number, send: Send][] = [
  ['viewer', 6, () => graphql('{ viewer { sid status } }')],
  [
    'account',
    4,
    () => graphql('query($sid: ID!) { account(by: { sid: $sid }) { sid parent { sid } ancestors { sid } } }', { sid: anyAccount() }),
  ],
  ['tree', 3, () => graphql(tree)],
  ['list', 3, () => rest('/Accounts.json?PageSize=20')],
  ['whole list', 1, () => rest(`/Accounts`)],
  ['account by REST', 4, () => rest(`/Accounts/${anyAccount()}.json`)],
  [
    'update',
    3,
    () =>
      graphql('mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }', {
        sid: anyAccount(),
        name: `Name ${Math.random()}`,
      }),
  ],
  ['update by REST', 2, () => rest(`/Accounts/${anyAccount()}`, { method: 'PUT', body: new URLSearchParams({ FriendlyName: 'By REST' }) })],
  [
    'cascade',
    1,
    () =>
      graphql('mutation($sid: ID!, $status: AccountStatus!) { setAccountStatus(input: { sid: $sid, status: $status }) { reachedCount } }', {
        sid: top,
        status: Math.random() < 0.5 ? 'SUSPENDED' : 'ACTIVE',
      }),
  ],
  [
    'create',
    1,
    () =>
      graphql(
        'mutation($email: EmailAddress!, $sid: ID!) { createAccount(input: { parentSid: $sid, emailAddress: $email, role: DEVELOPER }) { account { sid } } }',
        {
          email: `${newSid('account').toLowerCase()}@soak.test`,
          sid: anyAccount(),
        },
      ),
  ],
  ['no GraphQL', 1, () => graphql('{ viewer {')],
  ['wrong input', 1, () => rest(`/Accounts/${anyAccount()}`, { method: 'PUT', body: new URLSearchParams({ Role: 'King' }) })],
  ['nobody', 1, () => graphql('{ viewer { sid } }', {}, undefined, { login: 'AC', secret: 'x' })],
];
const lots = traffic.flatMap(([kind, weight, send]) => Array.from({ length: weight }, () => ({ kind, send })));

async function sendAny(seen: Seen): Promise<void> {
  if (Math.random() < 0.05) {
    seen.aborted += 1;
    await graphql(tree, {}, AbortSignal.timeout(Math.ceil(Math.random() * 30)))
      .then((response) => response.text())
      .catch(() => {});
    return;
  }
  const { kind, send } = lots[Math.floor(Math.random() * lots.length)]!;
  const began = Date.now();
  try {
    const response = await send();
    seen.note(kind, response.status, await response.text(), response.headers.get('retry-after'), Date.now() - began);
    // Sooner than it was told to, but not at once.
    if (response.status === 503) await sleep(100);
  } catch (error) {
    seen.unforeseen.push(`${kind}: ${String(error)} ${String((error as Error).cause)}`);
  }
}

interface Sample {
  /** In milliseconds after the start. */
  at: number;
  heap: number;
  resident: number;
}

async function sample(at: number): Promise<Sample> {
  const text = await metrics();
  const of = (name: string) => Number(new RegExp(`^${name} (.*)$`, 'm').exec(text)![1]);
  return { at, heap: of('nodejs_heap_size_used_bytes'), resident: of('process_resident_memory_bytes') };
}

async function metrics(): Promise<string> {
  const [, url] = /Metrics +(http\S+)/.exec(gateway.output())!;
  return (await fetch(url!)).text();
}

/** The heap grows until it is collected: what it never falls below is what is held. */
function floorOf(samples: Sample[]): { heap: number; resident: number } {
  return {
    heap: Math.min(...samples.map(({ heap }) => heap)),
    resident: Math.min(...samples.map(({ resident }) => resident)),
  };
}

function quantile(values: number[], part: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.floor(part * (sorted.length - 1))]!;
}

const megabytes = (bytes: number): number => Math.round(bytes / 1_000_000);
