import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type GraphQLField,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { createSchema } from '../../src/api/graphql/schema.js';
import { AccountStatus, Role } from '../../src/domain/account.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { Database, defaultBounds } from '../../src/persistence/connection/database.js';
import { Replica } from '../../src/persistence/connection/replica.js';
import { conformanceCases } from '../conformance/cases.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { pidOf, processesIn } from '../support/processes.js';
import { type Replicated, startReplicated } from '../support/replicated.js';
import { sendRest } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import type { Answer } from '../support/surface.js';
import { type Created, create } from '../support/tree.js';

let replicated: Replicated;
beforeAll(async () => {
  replicated = await startReplicated();
});
afterAll(() => replicated.stop());

/** A gateway on the primary that reads the replica, however far behind, once it does. */
async function startReading(config: object = {}): Promise<TestGateway> {
  const gateway = await startTestGateway({
    database: replicated.database,
    config: { replicaUrl: replicated.replicaUrl, replicaMaxLagSeconds: 3600, ...config },
    environment: {
      PUBLIC_URL: 'http://gateway.test',
      MAX_QUERY_COST: '10000000',
      MAX_QUERY_TOKENS: '20000',
      MAX_QUERY_REPETITION: '1000',
      MAX_QUERY_LENGTH: '1000000',
    },
  });
  return gateway;
}

const metricsOf = async ({ metricsUrl }: TestGateway): Promise<string> => (await fetch(metricsUrl)).text();

async function untilUsed(gateway: TestGateway, isUsed = true): Promise<void> {
  const line = `gateway_replica_used ${Number(isUsed)}\n`;
  await eventually(async () => expect(await metricsOf(gateway)).toContain(line), 100);
}

const count = async ({ url }: TestGateway): Promise<number> => {
  const { status, data, errors } = await postGraphql(url, admin, '{ viewer { descendantCount } }');
  expect([status, errors]).toEqual([200, undefined]);
  return data!.viewer.descendantCount as number;
};

const isAboutReplica = (line: string): boolean => line.includes('the replica is');
const reasons = ({ log }: TestGateway): unknown[] =>
  log.filter(isAboutReplica).map((line) => (JSON.parse(line) as { reason?: string }).reason ?? 'read');

/** What the gateways asked the replica for since it was forgotten, apart from how it is. */
const forgetStatements = () => replicated.onReplica('SELECT pg_stat_statements_reset()');
async function statementsOnReplica(): Promise<string[]> {
  const found = await replicated.onReplica<{ query: string }>(
    `SELECT query FROM pg_stat_statements
     WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
       AND query !~ 'pg_stat_statements|pg_backend_pid|pg_is_in_recovery|pg_wal_replay|pg_get_wal|pg_last_wal|version\\(\\)|current_schema|current_database'`,
  );
  return found.map(({ query }) => query);
}

/** All that ever goes to the replica. */
const lateStatements = [
  /^SELECT list\.key, total\.count\s+FROM (unnest|\(VALUES)/,
  /^SELECT COUNT\(\$?\d\) AS "cnt" FROM "organization" "OrganizationEntity"$/,
  /^SELECT pg_backend_pid\(\) AS pid$/,
  /^SELECT COUNT\(\$?\d\) AS "cnt" FROM "profile" "ProfileEntity"$/,
];

it('a replica, which may be late, is no way to credentials or accounts', () => {
  const credentials = (database: Database) =>
    // @ts-expect-error There are none.
    database.readStale(undefined, (reads) => reads.credentials.findForSignIn([]));
  const accounts = (database: Database) =>
    // @ts-expect-error Nor are there any accounts.
    database.readStale(undefined, (reads) => reads.accounts.findRoot());
  const active = (database: Database) =>
    database.readStale(undefined, (reads) => {
      const filter = { status: AccountStatus.ACTIVE };
      // @ts-expect-error And no status is told by their number.
      return reads.countAccounts([], { scope: { kind: 'children' }, filter });
    });
  expect([credentials, accounts, active]).toHaveLength(3);
});

describe('while the replica shows nothing new', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startReading();
    await replicated.caughtUp();
    await untilUsed(gateway);
    await replicated.pause();
    await forgetStatements();
  });
  afterAll(async () => {
    await replicated.resume();
    await gateway.stop();
  });

  describe.each([
    ['GraphQL', graphqlSurface],
    ['REST as JSON', restJsonSurface],
  ])('%s', (_name, connect) => {
    conformanceCases(() => connect(gateway.url));
  });

  it('every test of conformance asked the replica for lengths of lists at most', async () => {
    expect(await count(gateway)).toBe(0);
    const statements = await statementsOnReplica();
    expect(statements).not.toEqual([]);
    for (const statement of statements)
      expect(
        lateStatements.some((late) => late.test(statement)),
        statement,
      ).toBe(true);
    expect(reasons(gateway)).toEqual(['read']);
  });
});

describe('after everything has changed, and the replica does not know', () => {
  let late: TestGateway;
  let fresh: TestGateway;
  let world: Awaited<ReturnType<typeof changedWorld>>;
  beforeAll(async () => {
    late = await startReading();
    fresh = await startReading({ replicaUrl: undefined });
    await untilUsed(late);
    world = await changedWorld(late);
    await forgetStatements();
  });
  afterAll(async () => {
    await replicated.resume();
    await late.stop();
    await fresh.stop();
  });

  it('signing in goes by what is so now', async () => {
    const signIn = async (login: Login) => {
      const { data, errors } = await postGraphql(late.url, login, '{ viewer { role status } }');
      return errors?.[0]?.extensions.code ?? data!.viewer;
    };
    expect(await signIn(world.suspended.login)).toBe('ACCOUNT_NOT_ACTIVE');
    expect(await signIn(world.closed.login)).toBe('UNAUTHENTICATED');
    expect(await signIn(world.newcomer.login)).toEqual({ role: 'DEVELOPER', status: 'ACTIVE' });
    expect(await signIn(world.demoted.login)).toEqual({ role: 'PROVISIONING_AGENT', status: 'ACTIVE' });
    expect(await signIn(world.rekeyed.login)).toBe('UNAUTHENTICATED');
    expect(await signIn({ ...world.rekeyed.login, secret: world.newPassword })).toMatchObject({ status: 'ACTIVE' });
    expect(await signIn({ ...world.rotated.login, secret: world.oldToken })).toBe('UNAUTHENTICATED');
    expect(await signIn({ ...world.rotated.login, secret: world.newToken })).toMatchObject({ status: 'ACTIVE' });
    expect(await statementsOnReplica()).toEqual([]);
  });

  it('every field of GraphQL shows what is so now, but for the lengths of lists', async () => {
    const schema = createSchema();
    const differences = new Set<string>();
    for (const login of world.callers) {
      for (const target of world.targets) {
        for (const document of readings(schema, target)) {
          const [one, other] = [await postGraphql(fresh.url, login, document), await postGraphql(late.url, login, document)];
          expect(one.errors ?? []).not.toContainEqual(
            expect.objectContaining({ extensions: expect.objectContaining({ code: 'BAD_USER_INPUT' }) }),
          );
          for (const field of differing('', [one.data, one.errors], [other.data, other.errors])) differences.add(field);
        }
      }
    }
    expect(differences).toEqual(new Set(['totalCount', 'descendantCount']));
    for (const statement of await statementsOnReplica())
      expect(
        lateStatements.some((late) => late.test(statement)),
        statement,
      ).toBe(true);
  });

  it('no length of a list that a status or a role narrows is late', async () => {
    const lengths = `{ suspended: accounts(filter: { status: SUSPENDED }) { totalCount } agents: accounts(filter: { role: PROVISIONING_AGENT }) { totalCount }
      organizations(status: CLOSED) { totalCount } viewer { descendants(filter: { status: CLOSED }) { totalCount } } }`;
    const now = (await postGraphql(fresh.url, admin, lengths)).data;
    expect(now).toMatchObject({ viewer: { descendants: { totalCount: expect.any(Number) } } });
    await forgetStatements();
    expect((await postGraphql(late.url, admin, lengths)).data).toEqual(now);
    expect(await statementsOnReplica()).toEqual([]);
  });

  it('every answer of REST is what it is now', async () => {
    await forgetStatements();
    const walked = new Set<string>();
    for (const login of world.callers) {
      for (const { described, path } of restReadings(world)) {
        walked.add(described);
        for (const suffix of ['', '.json']) {
          const request = { path: path.replace(/(?=\?|$)/, suffix) };
          const [one, other] = [await sendRest(fresh.url, login, request), await sendRest(late.url, login, request)];
          expect([request.path, other.status, withoutIds(other.text)]).toEqual([request.path, one.status, withoutIds(one.text)]);
        }
      }
    }
    const { paths } = parse(await readFile('openapi.yaml', 'utf8')) as { paths: Record<string, object> };
    const described = Object.entries(paths).filter(([, operations]) => 'get' in operations);
    expect(walked).toEqual(new Set(described.map(([path]) => path)));
    expect(await statementsOnReplica()).toEqual([]);
  });
});

describe('a replica', () => {
  let gateway: TestGateway;
  let isWorking = false;
  let working: Promise<void> | undefined;
  let answered = 0;
  /** Ends the work, which fails the test when an answer was not whole, and the gateway. */
  async function stop(): Promise<void> {
    isWorking = false;
    await working?.finally(() => gateway.stop());
    working = undefined;
  }
  afterEach(stop);

  /** Counts, all the while from now on. */
  function work(): void {
    isWorking = true;
    working = (async () => {
      while (isWorking) {
        await count(gateway);
        expect((await fetch(`${gateway.url}/health/ready`)).status).toBe(200);
        answered += 1;
        await sleep(10);
      }
    })();
    working.catch(() => {});
  }

  describe('that is lost', () => {
    beforeEach(async () => {
      gateway = await startReading({ replicaMaxLagSeconds: 5 });
      await untilUsed(gateway);
      work();
    });

    it('costs no request anything, is told of once, and is read again when it is back', async () => {
      await replicated.stopReplica();
      await untilUsed(gateway, false);
      const before = await count(gateway);
      await create(graphqlSurface(gateway.url));
      expect(await count(gateway)).toBe(before + 1);
      await sleep(3_000);
      expect(reasons(gateway)).toEqual(['read', expect.any(String)]);

      await replicated.startReplica();
      await untilUsed(gateway);
      await replicated.caughtUp();
      await forgetStatements();
      expect(await count(gateway)).toBe(before + 1);
      expect(await statementsOnReplica()).toEqual([expect.stringMatching(lateStatements[0]!)]);
    });

    it('costs no request anything when it is killed', async () => {
      process.kill(await replicated.replicaPid(), 'SIGKILL');
      await untilUsed(gateway, false);
      await untilUsed(gateway);
      expect(reasons(gateway)).toEqual(['read', expect.any(String), 'read']);
    });

    it('holds nobody up when it falls silent', async () => {
      const pids = processesIn(replicated.replicaFolder).map(pidOf);
      for (const pid of pids) process.kill(pid, 'SIGSTOP');
      try {
        await untilUsed(gateway, false);
        const before = answered;
        await eventually(() => expect(answered).toBeGreaterThan(before + 1));
        expect(reasons(gateway)).toEqual(['read', 'it does not answer']);
      } finally {
        for (const pid of pids) process.kill(pid, 'SIGCONT');
      }
      await untilUsed(gateway);
    });

    it('is not read while it is too far behind', async () => {
      await replicated.pause();
      const before = await count(gateway);
      await create(graphqlSurface(gateway.url));
      await untilUsed(gateway, false);
      expect(await count(gateway)).toBe(before + 1);
      expect(reasons(gateway)).toEqual(['read', 'it is more than 5 seconds behind']);
      await replicated.resume();
      await untilUsed(gateway);
    });
  });

  it.each([
    ['is not there', () => replicated.replicaUrl.replace('replica%2Fpostgres', 'nowhere'), /ENOENT/],
    ['is none', () => replicated.database.url, /^it is no replica of the database$/],
  ])('that %s does not keep the gateway from working', async (_what, url, reason) => {
    gateway = await startReading({ replicaUrl: url() });
    work();
    await eventually(() => expect(reasons(gateway)).toEqual([expect.stringMatching(reason)]));
    expect(await metricsOf(gateway)).toContain('gateway_replica_used 0\n');
  });

  it('is read on by the others, when one tree has used up its share of it', async () => {
    const primary = new Database(await createDataSource({ url: replicated.database.url }).initialize());
    const replica = new Replica({
      connect: () => createDataSource({ url: replicated.replicaUrl }),
      bounds: { ...defaultBounds, queueSize: 1 },
      maxLagSeconds: 3600,
      onUsable: () => {},
      onUnusable: () => {},
    });
    replica.follow(primary);
    await eventually(() => expect(replica.isUsed).toBe(true));
    let end = (): void => {};
    const isOver = new Promise<void>((resolve) => (end = resolve));
    const [one, other] = ['one', 'other'].map((sid) => ({ sid, topLevelSid: sid }));
    // 3 run, and 1 waits.
    const under = Promise.all(Array.from({ length: 4 }, () => replica.read(one, () => isOver)));
    await expect(replica.read(one, async () => {})).rejects.toMatchObject({ code: 'OVERLOADED' });
    expect(await replica.read(other, async () => 'read')).toEqual({ result: 'read' });
    expect(replica.isUsed).toBe(true);
    end();
    expect(await under).toHaveLength(4);
    await replica.close();
    await primary.close();
  });

  it('shows its connections, and is let go of at the end', async () => {
    gateway = await startReading();
    await untilUsed(gateway);
    work();
    await eventually(async () => {
      expect(await metricsOf(gateway)).toMatch(/^gateway_database_pool_connections\{database="replica",state="total"\} [1-9]/m);
    });
    await stop();
    const connected = `SELECT state, query FROM pg_stat_activity WHERE application_name = 'account-gateway' AND datname = current_database()`;
    await eventually(async () => expect(await replicated.onReplica(connected)).toEqual([]));
    // Nor is it looked at any more.
    await sleep(1_500);
    expect(reasons(gateway)).toEqual(['read']);
  });
});

function value<Value>(answer: Answer<Value>): Value {
  if ('refused' in answer) throw new Error(`refused: ${answer.refused}`);
  return answer.value;
}

/** Accounts, organizations and profiles that the replica knows, all of them changed after it stopped to replay. */
async function changedWorld(gateway: TestGateway) {
  const surface = graphqlSurface(gateway.url);
  const top = await create(surface);
  const below = (account: object = {}): Promise<Created> => create(surface, { parent: top.sid, ...account });
  const [suspended, closed, demoted, rekeyed, rotated, renamed] = [
    await below(),
    await below(),
    await below(),
    await below(),
    await below(),
    await below(),
  ];
  const moved = await create(surface);
  const [home, emptied] = [
    value(await surface.createOrganization(admin, 'home.test')),
    value(await surface.createOrganization(admin, 'emptied.test')),
  ];
  const [changedProfile, deletedProfile] = [
    value(await surface.createProfile(admin, { a: 1 })),
    value(await surface.createProfile(admin, { b: 1 })),
  ];
  await surface.linkProfile(admin, deletedProfile.sid, { account: top.sid });
  const oldToken = value(await surface.authToken(admin, rotated.sid))!;
  await replicated.caughtUp();
  await replicated.pause();

  const newPassword = 'quite another password';
  const newcomer = await below({ role: Role.DEVELOPER });
  value(await surface.setStatus(admin, suspended.sid, AccountStatus.SUSPENDED));
  value(await surface.close(admin, closed.sid));
  value(await surface.update(admin, demoted.sid, { role: Role.PROVISIONING_AGENT }));
  value(await surface.update(admin, rekeyed.sid, { password: newPassword }));
  value(await surface.update(admin, renamed.sid, { friendlyName: 'Renamed' }));
  value(await surface.migrate(admin, moved.sid, home.sid));
  const rotation = await postGraphql(gateway.url, admin, 'mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', {
    sid: rotated.sid,
  });
  const newToken = rotation.data!.rotateAuthToken.authToken as string;
  const closing = await postGraphql(
    gateway.url,
    admin,
    'mutation($sid: ID!) { closeOrganization(input: { sid: $sid }) { organization { status } } }',
    { sid: emptied.sid },
  );
  expect(closing.data!.closeOrganization.organization).toEqual({ status: 'CLOSED' });
  const newOrganization = value(await surface.createOrganization(admin, 'new.test'));
  const newProfile = value(await surface.createProfile(admin, { c: 1 }));
  value(await surface.updateProfile(admin, changedProfile.sid, { a: 2 }));
  value(await surface.deleteProfile(admin, deletedProfile.sid));
  value(await surface.linkProfile(admin, newProfile.sid, { account: top.sid }));

  const accounts = [top, newcomer, suspended, closed, demoted, rekeyed, rotated, renamed, moved];
  const organizations = [home, emptied, newOrganization];
  const profiles = [changedProfile, deletedProfile, newProfile];
  const target = (which: number) => ({
    account: accounts[which % accounts.length]!,
    organization: organizations[which % organizations.length]!,
    profile: profiles[which % profiles.length]!,
  });
  return {
    suspended,
    closed,
    newcomer,
    demoted,
    rekeyed,
    rotated,
    oldToken,
    newToken,
    newPassword,
    accounts,
    organizations,
    profiles,
    targets: [target(0), target(4), target(8)],
    callers: [admin, top.login, suspended.login],
  };
}

type World = Awaited<ReturnType<typeof changedWorld>>;

/** A document for each field of the query, with all that can be asked of it; a new field is in it by itself. */
function readings(schema: GraphQLSchema, { account, organization, profile }: World['targets'][number]): string[] {
  const required: Record<string, string> = {
    'account(by:)': `{ sid: "${account.sid}" }`,
    'authToken(sid:)': `"${account.sid}"`,
    'node(id:)': `"${account.sid}"`,
    'nodes(ids:)': `["${account.sid}", "${organization.sid}", "${profile.sid}"]`,
    'organization(by:)': `{ sid: "${organization.sid}" }`,
    'profile(sid:)': `"${profile.sid}"`,
    'events(accountSid:)': `"${account.sid}"`,
    'webhook(sid:)': `"WH${account.sid.slice(2)}"`,
  };
  const selected = (field: GraphQLField<unknown, unknown>, levels: number): string => {
    const args = field.args.filter(isRequiredArgument).map(({ name }) => {
      const given = required[`${field.name}(${name}:)`];
      if (given === undefined) throw new Error(`say here what ${field.name}(${name}:) is to be asked with`);
      return `${name}: ${given}`;
    });
    return `${field.name}${args.length === 0 ? '' : `(${args.join(', ')})`} ${selection(field.type, levels)}`;
  };
  const selection = (output: GraphQLOutputType, levels: number): string => {
    const type = getNamedType(output);
    if (!isCompositeType(type)) return '';
    const types = isObjectType(type) ? [type] : schema.getPossibleTypes(type);
    const fields = types.map((one) => {
      const within = Object.values(one.getFields()).filter((field) => levels > 0 || !isCompositeType(getNamedType(field.type)));
      return `... on ${one.name} { ${within.map((field) => selected(field, levels - 1)).join(' ')} }`;
    });
    return `{ __typename ${fields.join(' ')} }`;
  };
  return Object.values(schema.getQueryType()!.getFields()).map((field) => `{ ${selected(field, 2)} }`);
}

/** The documented paths that are read, with the accounts, organizations and profiles in them. */
function restReadings({ accounts, organizations, profiles }: World): { described: string; path: string }[] {
  return [
    ...['', '?Page=0&PageSize=5', '?Page=1&PageSize=5', ...organizations.map(({ sid }) => `?OrganizationSid=${sid}`)].map((query) => ({
      described: '/Accounts',
      path: `/Accounts${query}`,
    })),
    ...accounts.flatMap(({ sid, emailAddress }) =>
      [sid, emailAddress].map((named) => ({ described: '/Accounts/{SidOrEmail}', path: `/Accounts/${named}` })),
    ),
    { described: '/Accounts/{SidOrEmail}/{Subresource}', path: `/Accounts/${accounts[0]!.sid}/Calls` },
    ...['', '?Status=closed'].map((query) => ({ described: '/Organizations', path: `/Organizations${query}` })),
    ...organizations.map(({ sid }) => ({ described: '/Organizations/{Organization}', path: `/Organizations/${sid}` })),
    { described: '/Logout', path: '/Logout' },
    { described: '/Profiles', path: '/Profiles' },
    ...profiles.map(({ sid }) => ({ described: '/Profiles/{ProfileSid}', path: `/Profiles/${sid}` })),
  ];
}

/** The names of the fields in which two answers differ. */
function differing(name: string, one: unknown, other: unknown): string[] {
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return one === other ? [] : [name];
  const keys = new Set([...Object.keys(one), ...Object.keys(other)]);
  const at = (of: object, key: string): unknown => (of as Record<string, unknown>)[key];
  return [...keys].flatMap((key) => differing(Array.isArray(one) ? name : key, at(one, key), at(other, key)));
}

/** Each refusal names its request. */
const withoutIds = (text: string): string => text.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, '…');
