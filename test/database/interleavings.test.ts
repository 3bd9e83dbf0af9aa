import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Account, AccountStatus, Role } from '../../src/domain/account.js';
import { actorOf } from '../../src/domain/actor.js';
import { ProvenSecret } from '../../src/domain/credentials.js';
import type { Caller } from '../../src/domain/request-context.js';
import type { Sid } from '../../src/domain/sid.js';
import { AppError, type ErrorCode } from '../../src/errors.js';
import { verifyHistoryOf } from '../../src/cli/verify-history.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { Database, defaultBounds } from '../../src/persistence/connection/database.js';
import { AccountMigration } from '../../src/service/account-migration.js';
import { AccountService } from '../../src/service/account-service.js';
import { AccountStatusService } from '../../src/service/account-status.js';
import { AuthTokenQueries } from '../../src/service/auth-token-queries.js';
import { EmailConflicts } from '../../src/service/email-conflicts.js';
import { AuditedTransactions } from '../../src/service/audited-transaction.js';
import { CredentialService } from '../../src/service/credential-service.js';
import { ensureRoot } from '../../src/service/bootstrap.js';
import { OrganizationService } from '../../src/service/organization-service.js';
import { Passwords } from '../../src/service/passwords.js';
import { ProfileService } from '../../src/service/profile-service.js';
import { Secrets } from '../../src/service/secrets.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { interleavingSeed as seed, interleavings } from '../support/effort.js';
import { admin, cheapPasswords, testKey, unlimited } from '../support/gateway.js';
import { brokenInvariants } from '../support/invariants.js';
import { Dice } from '../support/mutation.js';
import { eventually } from '../support/patience.js';
import { password, uniqueEmail } from '../support/tree.js';

/*
 * Interleavings by the thousand: a few use cases at once, chosen by a seed, each after a pause that the seed chose too, on
 * one small tree. Called at the services, since HTTP only adds to the time. INTERLEAVINGS=… and INTERLEAVING_SEED=…
 */

/** Trees that are worked on side by side. */
const lanes = 4;
const timeout = 300_000 + interleavings * 200;
/** How often the invariants are asked for. */
const interval = 100;

/** What a use case may be refused by when another one was faster. Nothing else: a lost lock is none of a client's business. */
const refusals: ErrorCode[] = [
  'ACCOUNT_CLOSED',
  'PARENT_NOT_ACTIVE',
  'PASSWORD_RESET_REQUIRED',
  'INVALID_STATUS',
  'SAME_ORGANIZATION',
  'ORGANIZATION_REQUIRED',
  'ORGANIZATION_NOT_FOUND',
  'ORGANIZATION_NOT_EMPTY',
  'PROFILE_NOT_FOUND',
  'EMAIL_IN_USE',
  'VERSION_CONFLICT',
  'IDEMPOTENCY_IN_FLIGHT',
];

let database: TestDatabase;
let dataSource: DataSource;
let root: Caller;
let rootAccount: Account;
let services: ReturnType<typeof servicesOn>;

function servicesOn(base: Database) {
  const secrets = new Secrets([testKey]);
  const transactions = new AuditedTransactions(base, secrets);
  const credentials = new CredentialService(base, transactions, secrets, new Passwords(cheapPasswords), unlimited(base, secrets));
  return {
    base,
    transactions,
    credentials,
    authTokens: new AuthTokenQueries(base, transactions, secrets),
    accountStatus: new AccountStatusService(transactions),
    accounts: new AccountService(transactions, credentials, new EmailConflicts(base, transactions), 10),
    migration: new AccountMigration(transactions),
    organizations: new OrganizationService(base, transactions),
    profiles: new ProfileService(transactions),
  };
}

beforeAll(async () => {
  database = await cloneDatabase();
  dataSource = createDataSource({ url: database.url, poolSize: 24 });
  await dataSource.initialize();
  services = servicesOn(new Database(dataSource, { ...defaultBounds, poolSize: 48 }));
  const { base, transactions, credentials } = services;
  await ensureRoot(base, transactions, credentials, { emailAddress: admin.login, password: admin.secret, announce: () => {} });
  rootAccount = (await base.lookUp(undefined, ({ accounts }) => accounts.findRoot()))!;
  root = {
    actor: actorOf(rootAccount, new ProvenSecret(() => true)),
    request: { requestId: 'of-a-test', address: '127.0.0.1', slot: undefined },
  };
});
afterAll(async () => {
  await dataSource.destroy();
  await database.drop();
});

/** A top-level account, two below it, and one below the first of them, all open; and what they can be moved and linked to. */
interface Stage {
  sids: Sid[];
  organizations: Sid[];
  profiles: Sid[];
}

async function build(): Promise<Stage> {
  const { accounts, organizations, profiles } = services;
  const make = async (parent: Sid) =>
    (await accounts.create(root, { parent: { sid: parent }, emailAddress: uniqueEmail(), password, role: Role.ADMINISTRATOR })).sid;
  const top = await make(rootAccount.sid);
  const [first, second] = [await make(top), await make(top)];
  const organization = async () => (await organizations.create(root, uniqueEmail().replace('@', '.'))).sid;
  return {
    sids: [top, first, second, await make(first)],
    organizations: [await organization(), await organization()],
    profiles: [(await profiles.create(root, '{}')).sid],
  };
}

type UseCase = (caller: Caller) => Promise<unknown>;

function choose(dice: Dice, { sids, organizations, profiles }: Stage): UseCase {
  const { accounts, accountStatus, migration, credentials, authTokens, organizations: all, profiles: documents } = services;
  const [top] = sids as [Sid];
  const sid = dice.pick(sids);
  const by = { sid };
  const [name, choice, organization, profile] = [`Name ${dice.below(9)}`, dice.below(3), dice.pick(organizations), dice.pick(profiles)];
  const target = dice.chance(0.7) ? { account: by } : { organization: { sid: organization } };
  const emailAddress = dice.chance(0.8) ? uniqueEmail() : `shared-${dice.below(3)}@tests.test`;
  const version = dice.chance(0.3) ? dice.below(4) : undefined;
  return dice.pick<UseCase>([
    (caller) => accounts.create(caller, { parent: by, emailAddress, role: Role.DEVELOPER, ...(choice > 0 && { password }) }),
    (caller) => accounts.update(caller, by, { friendlyName: name, version }),
    (caller) => accounts.update(caller, by, { password: 'another decent password' }),
    (caller) => accounts.update(caller, by, { friendlyName: name, status: AccountStatus.SUSPENDED, role: Role.DEVELOPER }),
    (caller) => accountStatus.setStatus(caller, by, AccountStatus.SUSPENDED, { version }),
    (caller) => accountStatus.setStatus(caller, by, AccountStatus.ACTIVE),
    (caller) => accountStatus.setStatus(caller, by, AccountStatus.ACTIVE, { dryRun: true }),
    (caller) => (choice === 0 ? accountStatus.close(caller, by) : accountStatus.close(caller, by, { dryRun: true })),
    (caller) => migration.migrate(caller, { sid: top }, { sid: organization }),
    (caller) => all.close(caller, organization),
    (caller) => documents.link(caller, profile, target),
    (caller) => documents.unlink(caller, profile, target),
    (caller) => documents.update(caller, profile, `{"name":"${name}"}`),
    (caller) => documents.delete(caller, profile),
    (caller) => credentials.rotateAuthToken(caller, sid, choice),
    (caller) => credentials.createPasswordResetToken(caller, sid),
    (caller) => authTokens.authToken(caller, sid),
  ]);
}

it(`${interleavings} interleavings leave every invariant, and nothing of a deadlock reaches a client`, { timeout }, async () => {
  const told = new Map<string, number>();
  const perLane = Math.ceil(interleavings / lanes);
  const lane = async (number: number): Promise<void> => {
    let stage = await build();
    for (let time = 0; time < perLane; time++) {
      const dice = new Dice(seed + number * perLane + time);
      // A tree lasts for some interleavings, as long as it is not closed.
      if (time % 4 === 3) stage = await build();
      const idempotent = dice.chance(0.1) ? { key: `key-${dice.next()}`, request: 'the same' } : undefined;
      const shared = choose(dice, stage);
      const useCases = Array.from({ length: 2 + dice.below(4) }, () => ({
        useCase: idempotent === undefined ? choose(dice, stage) : shared,
        pause: dice.chance(0.5) ? 0 : dice.below(6),
      }));
      await Promise.all(
        useCases.map(async ({ useCase, pause }) => {
          if (pause > 0) await sleep(pause);
          const outcome = await useCase({ ...root, request: { ...root.request, idempotent } }).then(
            () => 'done',
            (error: unknown) => (error instanceof AppError ? error.code : String(error)),
          );
          told.set(outcome, (told.get(outcome) ?? 0) + 1);
        }),
      );
      if (number === 0 && time % interval === interval - 1) expect(await brokenInvariants(database), `seed ${seed}`).toEqual([]);
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));

  console.info(`INTERLEAVING_SEED=${seed}: ${[...told].map(([outcome, count]) => `${outcome} ${count}`).join(', ')}`);
  expect([...told.keys()].filter((outcome) => outcome !== 'done' && !refusals.includes(outcome as ErrorCode))).toEqual([]);
  expect(await brokenInvariants(database), `seed ${seed}`).toEqual([]);
  expect(await verifyHistoryOf(database.url, undefined)).toMatchObject({ isSound: true });
  // Every backend tells the statistics about its deadlocks before it ends.
  await dataSource.destroy();
  const others = 'SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()';
  await eventually(async () => expect(await database.query(others)).toEqual([]));
  const [statistics] = await database.query<{ deadlocks: number }>(
    'SELECT deadlocks::integer FROM pg_stat_database WHERE datname = current_database()',
  );
  expect(statistics!.deadlocks).toBe(0);
  await dataSource.initialize();
});
