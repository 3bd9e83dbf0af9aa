import { createHash } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'pg';
import { createDataSource } from '../src/persistence/connection/data-source.js';
import { startEmbeddedPostgres } from '../src/embedded-postgres/launcher.js';
import { availableMemory, memorySettings } from '../src/embedded-postgres/memory.js';
import { migrate } from '../src/persistence/schema/migrate.js';
import { Secrets } from '../src/service/secrets.js';
import { plant } from '../test/support/plant.js';

/** How large the dataset is. Everything in it follows from this, SIDs included: two datasets of one size are identical. */
export interface DatasetSize {
  /** Organizations besides that of the provider and those of the trees below. */
  organizations: number;
  /** Children of one account. */
  siblings: number;
  /** Trees of 50 × 50. Reading one is expensive, and the gateway limits the cost of each account, so several take turns. */
  squares: number;
  /** Children of each account in the widest two-level tree. */
  widest: number;
  /** The shapes of the trees below the other top-level accounts, in turn. */
  shapes: readonly (readonly number[])[];
}

/** How many children of each account one request for a tree can ask for within the default cost limit. */
export const largestWidth = 98;

/** With the top-level account and the root, these trees have 3, 4 and 5 levels. */
const smallShapes = [[134], [7, 18], [4, 6, 4]];

/** 500 organizations and about 200,000 accounts, on 3 to 5 levels. */
export const fullSize: DatasetSize = { organizations: 486, siblings: 100_000, squares: 10, widest: 100, shapes: smallShapes };

/** Enough to count statements. */
export const smallSize: DatasetSize = { organizations: 60, siblings: 2000, squares: 1, widest: 10, shapes: smallShapes };

/** 300 top-level accounts and about that many accounts (SPEC §12), on 4 to 10 levels. @throws Error for fewer than a million */
export function sizeOf(accounts: number): DatasetSize {
  if (!(accounts >= 1_000_000)) throw new Error('With trees of 10 levels there are at least 1000000 accounts.');
  const others = { organizations: 286, siblings: 100_000, squares: 10, widest: 100 };
  const each = (accounts - 140_000) / others.organizations;
  const side = Math.round(Math.sqrt(each));
  return {
    ...others,
    shapes: [
      [side, side],
      [7, 18, Math.round(each / 126)],
      [3, 3, 3, 3, 3, 3, 3, Math.max(1, Math.round(each / 3000))],
    ],
  };
}

/** An account that calls the API with its AuthToken. */
export interface Caller {
  sid: string;
  authorization: string;
}

/** A caller, and the account at or below it that it reads. */
export interface AccountAccess {
  caller: Caller;
  sid: string;
}

/** A tree that is changed as a whole. */
export interface LargeTree {
  sid: string;
  organizationSid: string;
  /** Itself included. */
  accounts: number;
}

/** A PostgreSQL with the accounts of the bench, and who reads what in it. */
export interface Dataset {
  /** The service behind the subresources, where one runs. */
  serviceUrl?: string;
  databaseUrl: string;
  /** In the format of `CREDENTIALS_KEY`. */
  credentialsKey: string;
  /** The pid of the server's main process, the parent of all others. */
  postgresPid: number;
  accounts: number;
  /** Administrators of top-level accounts, with accounts below them that have AuthTokens. */
  accountsToRead: readonly AccountAccess[];
  /** Two-level trees, by the number of children of each account. */
  trees: ReadonlyMap<number, readonly AccountAccess[]>;
  /** The account with the many children. */
  parentOfMany: readonly AccountAccess[];
  superAdmin: Caller;
  /** Top-level accounts with about 10,000 and 100,000 accounts below them. */
  largeTrees: readonly LargeTree[];
  /** The SID of an organization without accounts. */
  emptyOrganization: string;
  query<Row extends object>(sql: string, parameters?: unknown[]): Promise<Row[]>;
  stop(): Promise<void>;
}

/** Enough callers that none exceeds the default cost limit of one account; and how many accounts each reads. */
const callers = { count: 40, targets: 10 };

const hex = (text: string): string => createHash('md5').update(text).digest('hex');

/** Starts a PostgreSQL that is sized to the machine, as the gateway's own is, and inserts the dataset. */
export async function createDataset(size: DatasetSize, settings: Record<string, string> = {}): Promise<Dataset> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-'));
  const postgres = await startEmbeddedPostgres({
    directory,
    settings: { ...memorySettings(availableMemory()), shared_preload_libraries: 'pg_stat_statements', max_connections: '200', ...settings },
  });
  const client = new Client({ connectionString: postgres.url });
  const stop = async (): Promise<void> => {
    await client.end();
    await postgres.stop();
    await rm(directory, { recursive: true });
  };
  try {
    await client.connect();
    const query = async <Row extends object>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
      (await client.query<Row>(sql, parameters)).rows;
    const dataSource = createDataSource({ url: postgres.url });
    await dataSource.initialize();
    await migrate(dataSource);
    await dataSource.destroy();
    const credentialsKey = hex('the first half') + hex('the second half');
    const planted = await insertRows({ query }, size, new Secrets([Buffer.from(credentialsKey, 'hex')]));
    const [server] = await query<{ pid: number }>(`SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::integer AS pid`);
    return { ...planted, databaseUrl: postgres.url, credentialsKey, postgresPid: server!.pid, query, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Two words and a number, as SQL: of a word there is one account in thirty. */
const words = (list: string): string => `('{${list.split(' ').join(',')}}'::text[])`;
const friendlyName = `
  ${words('Amber Birch Cedar Coral Delta Ember Falcon Garnet Harbor Indigo Juniper Kestrel Lagoon Maple Nimbus Opal Prairie Quartz Raven Summit Thistle Umber Violet Willow Zephyr Atlas Beacon Cobalt Dune Echo')}[1 + get_byte(decode(child.hex, 'hex'), 0) % 30]
  || ' ' ||
  ${words('Bakery Bank Books Cafe Clinic Dental Energy Farms Films Florist Foods Garage Gallery Games Hotel Insurance Law Logistics Media Motors Music Optics Pharmacy Press Realty School Software Sports Toys Travel')}[1 + get_byte(decode(child.hex, 'hex'), 1) % 30]
  || ' ' || child.number`;

/** Does the work while the secondary indexes of accounts, and the checks of their foreign keys, are switched off. */
async function withoutIndexes(query: Dataset['query'], work: () => Promise<void>): Promise<void> {
  const indexes = await query<{ name: string; definition: string }>(
    `SELECT indexname AS name, indexdef AS definition FROM pg_indexes
     WHERE tablename = 'account' AND NOT EXISTS (SELECT FROM pg_constraint WHERE conname = indexname)`,
  );
  await query(`DROP INDEX ${indexes.map(({ name }) => name).join(', ')}`);
  await query(`SET session_replication_role = replica`);
  await work();
  await query(`RESET session_replication_role`);
  for (const { definition } of indexes) await query(definition);
}

async function insertRows(database: Pick<Dataset, 'query'>, size: DatasetSize, secrets: Secrets) {
  const { query } = database;
  const root = `AC${hex('root')}`;
  const special = size.squares + 3;
  // Organization 0 is the provider's; the last one stays empty.
  await query(
    `INSERT INTO organization (sid, domain_name, status, date_created)
     SELECT 'OR' || md5('organization ' || number), 'organization-' || number || '.test', 'active', now() + number * interval '1 ms'
     FROM generate_series(0, $1::integer) AS number`,
    [size.organizations + special + 1],
  );
  await query(
    `INSERT INTO account (sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
     VALUES ($1, $1, substr($1, 3), 'OR' || md5('organization 0'), 'root@organization-0.test', 'Provider', 'Full', 'active', 'Administrator')`,
    [root],
  );
  const topLevels = await query<{ sid: string }>(
    `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role, date_created)
     SELECT 'AC' || top.hex, $1, 'AC' || top.hex, substr($1, 3) || top.hex, 'OR' || md5('organization ' || top.number),
            'head@organization-' || top.number || '.test', 'Organization ' || top.number, 'Full', 'active', 'Administrator',
            now() + top.number * interval '1 ms'
     FROM (SELECT number, md5('top-level ' || number) AS hex FROM generate_series(1, $2::integer) AS number) AS top
     ORDER BY top.number
     RETURNING sid`,
    [root, size.organizations + special],
  );
  const [many, small, widest, ...others] = topLevels.map(({ sid }) => sid);
  const [squares, ordinary] = [others.slice(0, size.squares), others.slice(size.squares)];

  await withoutIndexes(query, async () => {
    await plant(database, { below: many!, widths: [1, 1, size.siblings], friendlyName });
    await plant(database, { below: small!, widths: [10, 10], friendlyName });
    await plant(database, { below: widest!, widths: [size.widest, size.widest], friendlyName });
    await plant(database, { below: squares, widths: [50, 50], friendlyName });
    for (const [index, widths] of size.shapes.entries()) {
      const below = ordinary.filter((_, number) => number % size.shapes.length === index);
      await plant(database, { below, widths, friendlyName });
    }
  });

  // Each tree gets the head of a history without entries, for the counts of its accounts, which its trigger makes.
  await query(`INSERT INTO history_head (tree_sid, position, hash) SELECT sid, 0, sid FROM account WHERE sid = top_level_sid`);

  const below = await query<{ callerSid: string; sid: string }>(
    `SELECT caller.sid AS "callerSid", target.sid
     FROM unnest($1::text[]) WITH ORDINALITY AS caller(sid, number)
     CROSS JOIN LATERAL (
       SELECT account.sid FROM account WHERE account.top_level_sid = caller.sid AND account.sid <> caller.sid ORDER BY account.sid LIMIT $2
     ) AS target
     ORDER BY target.sid`,
    [ordinary.slice(0, callers.count), callers.targets],
  );
  const chain = await query<{ sid: string }>(
    `SELECT account.sid FROM account WHERE account.top_level_sid = $1 ORDER BY length(account.path), account.path LIMIT 3`,
    [many],
  );
  const chainSids = chain.map(({ sid }) => sid);
  const readers = await signIn(database, secrets, [
    root,
    small!,
    widest!,
    ...squares,
    ...chainSids,
    ...new Set(below.flatMap(({ callerSid, sid }) => [callerSid, sid])),
  ]);
  const readItself = (sid: string): AccountAccess => ({ caller: readers.get(sid)!, sid });

  await query('VACUUM (ANALYZE)');
  await query('CHECKPOINT');
  await query('CREATE EXTENSION pg_stat_statements');
  const [counted] = await query<{ count: number }>('SELECT count(*)::integer AS count FROM account');
  const largeTrees = await query<LargeTree>(
    `SELECT account.sid, account.organization_sid AS "organizationSid", (
       SELECT count(*)::integer FROM account AS member WHERE member.top_level_sid = account.sid
     ) AS accounts
     FROM account WHERE account.sid = ANY ($1) ORDER BY accounts`,
    [[many, widest]],
  );
  return {
    accounts: counted!.count,
    accountsToRead: below.map(({ callerSid, sid }) => ({ caller: readers.get(callerSid)!, sid })),
    trees: new Map([
      [10, [readItself(small!)]],
      [50, squares.map(readItself)],
      [largestWidth, [readItself(widest!)]],
    ]),
    parentOfMany: chainSids.map((sid) => ({ caller: readers.get(sid)!, sid: chainSids.at(-1)! })),
    superAdmin: readers.get(root)!,
    largeTrees,
    emptyOrganization: `OR${hex(`organization ${size.organizations + special + 1}`)}`,
  };
}

/** Gives an AuthToken to each of the accounts, or finds the one that it has. */
async function signIn({ query }: Pick<Dataset, 'query'>, secrets: Secrets, sids: readonly string[]): Promise<Map<string, Caller>> {
  const kept = sids.map((sid) => {
    const token = hex(`AuthToken of ${sid}`);
    return { sid, token, ...secrets.storedAuthToken(sid, token) };
  });
  await query(
    `INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash)
     SELECT made.sid, 'no password', made.ciphertext, made.hash
     FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS made(sid, ciphertext, hash)
     ON CONFLICT (account_sid) DO NOTHING`,
    [sids, kept.map(({ tokenCiphertext }) => tokenCiphertext), kept.map(({ tokenHash }) => tokenHash)],
  );
  return new Map(kept.map(({ sid, token }) => [sid, { sid, authorization: `Basic ${Buffer.from(`${sid}:${token}`).toString('base64')}` }]));
}

/** Gives an AuthToken to each top-level account. */
export async function signInTopLevels(dataset: Dataset): Promise<Caller[]> {
  const found = await dataset.query<{ sid: string }>(
    `SELECT account.sid FROM account WHERE account.sid = account.top_level_sid AND length(account.path) > 32 ORDER BY account.sid`,
  );
  const secrets = new Secrets([Buffer.from(dataset.credentialsKey, 'hex')]);
  const sids = found.map(({ sid }) => sid);
  return [...(await signIn(dataset, secrets, sids)).values()];
}
