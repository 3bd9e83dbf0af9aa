import fc from 'fast-check';
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest';
import { AccountStatus, Role } from '../../src/domain/account.js';
import type { ErrorCode } from '../../src/errors.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import type { Login } from '../support/graphql-client.js';
import { commandRuns } from '../support/effort.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { writtenCascades } from '../support/cascade-parts.js';
import { brokenInvariants } from '../support/invariants.js';
import { assertAsyncProperty, defaultSeed, steadySeed } from '../support/property.js';
import { restJsonSurface, restXmlSurface } from '../support/rest-surface.js';
import type { AccountView, Answer, Changes, NewAccount, OrganizationView, ProfileTarget, Surface } from '../support/surface.js';
import { AccountTree, type Command, type ModelAccount, type Predicted, pathOf, viewOf, wellKnownPassword } from './model.js';

/*
 * Random commands, by anyone, on anything: the gateway must answer each as the model does, through whichever surface it
 * comes; show what came of it alike on every surface; and hold in its tables in the end what the model holds. FC_SEED=… tries others, FC_RUNS=… more of them,
 * FC_SHRINK=1 searches for a smaller example that fails, FC_VERBOSE=1 counts the answers.
 */

const commandsPerRun = 60;
const maxLevels = 4;

const { ACTIVE, CLOSED, SUSPENDED, UNINITIALIZED } = AccountStatus;
const missingAccount = `AC${'0'.repeat(32)}`;
const missingOrganization = `OR${'0'.repeat(32)}`;
const missingProfile = `PR${'0'.repeat(32)}`;
/** The default one, and three more. */
const profiles = ['PRae6e420f425248d6a26948c17a9e2acf', ...['1', '2', '3'].map((digit) => `PR${digit.repeat(32)}`)];

let gateway: TestGateway;
let surfaces: Surface[];
let root: ModelAccount;
let organizations: OrganizationView[];

beforeAll(async () => {
  gateway = await startTestGateway({ config: { maxLevels } });
  surfaces = [graphqlSurface, restJsonSurface, restXmlSurface].map((connect) => connect(gateway.url));
});
afterAll(() => gateway.stop());

beforeEach(async () => {
  const { database } = gateway;
  await database.query(`CREATE TABLE root_account AS SELECT * FROM account`);
  await database.query(`CREATE TABLE root_credential AS SELECT * FROM credential`);
  await database.query(
    `INSERT INTO organization (sid, domain_name, status) VALUES ($1, 'open.test', 'active'), ($2, 'closed.test', 'closed')`,
    [`OR${'1'.repeat(32)}`, `OR${'2'.repeat(32)}`],
  );
  await database.query(`INSERT INTO profile (sid, document) SELECT sid, '{}' FROM unnest($1::text[]) AS sid`, [profiles.slice(1)]);
  organizations = await database.query(`SELECT sid, domain_name AS "domainName", status FROM organization ORDER BY date_created, sid`);
  const [account] = await database.query<AccountView>(`SELECT ${viewColumns} FROM account`);
  root = { ...account!, parent: null, password: admin.secret, formerPassword: 'never its password' };
});

/** Leaves the root alone, as it was. */
async function clear(): Promise<AccountTree> {
  const { database } = gateway;
  await database.query(`DELETE FROM password_reset_token`);
  await database.query(`DELETE FROM account_profile`);
  await database.query(`DELETE FROM organization_profile`);
  await database.query(`DELETE FROM credential WHERE account_sid <> $1`, [root.sid]);
  await database.query(`DELETE FROM account WHERE parent_sid IS NOT NULL`);
  await database.query(`DELETE FROM organization WHERE sid <> ALL($1)`, [organizations.map(({ sid }) => sid)]);
  await database.query(`UPDATE account SET friendly_name = root_account.friendly_name, version = account.version + 1 FROM root_account`);
  await database.query(
    `UPDATE credential SET password_hash = kept.password_hash, token_hash = kept.token_hash, token_ciphertext = kept.token_ciphertext
     FROM root_credential AS kept`,
  );
  return new AccountTree({ ...root }, structuredClone(organizations), profiles, maxLevels);
}

const viewColumns = `account.sid, account.email_address AS "emailAddress", account.friendly_name AS "friendlyName", account.type,
  account.status, account.role, account.organization_sid AS "organizationSid"`;

interface Row extends AccountView {
  parentSid: string | null;
  hasCredentials: boolean;
}

function tableOfAccounts(): Promise<Row[]> {
  return gateway.database.query<Row>(
    `SELECT ${viewColumns}, account.parent_sid AS "parentSid", credential.account_sid IS NOT NULL AS "hasCredentials"
     FROM account LEFT JOIN credential ON credential.account_sid = account.sid`,
  );
}

function rowOf({ parent, password, formerPassword: _formerPassword, ...view }: ModelAccount): Row {
  return { ...view, parentSid: parent?.sid ?? null, hasCredentials: password !== null };
}

const bySid = (one: { sid: string }, other: { sid: string }): number => (one.sid < other.sid ? -1 : 1);

/** Who calls: the root, an account some steps above the target, or any account; and by which login. */
interface CallerChoice {
  who: 'root' | { above: number } | { any: number };
  byEmailAddress: boolean;
  formerPassword: boolean;
}

/** Which account a command is for; accounts are counted in the order of their creation, the root's number is 0. */
type TargetChoice = { number: number; byEmailAddress: boolean } | 'missing';

type Action =
  | {
      kind: 'create';
      account: Omit<NewAccount, 'parent' | 'organization'>;
      below: 'caller' | 'target' | 'newest';
      organization?: number | undefined;
    }
  | { kind: 'update'; changes: Changes }
  | { kind: 'setStatus'; status: AccountStatus }
  | { kind: 'close' }
  | { kind: 'migrate'; organization: { number: number; byDomainName: boolean } | 'none' }
  | { kind: 'createOrganization'; domainName: string }
  | { kind: 'linkProfile' | 'unlinkProfile'; profile: number; organization?: number | undefined };

/** A command before it is known which accounts there are. */
class Step {
  constructor(
    private readonly surface: number,
    private readonly caller: CallerChoice,
    private readonly target: TargetChoice,
    private readonly action: Action,
  ) {}

  surfaceAmong(all: Surface[]): Surface {
    return all[this.surface % all.length]!;
  }

  loginIn(tree: AccountTree): Login {
    const { who, byEmailAddress, formerPassword } = this.caller;
    const account = this.#callerIn(tree, who);
    return {
      login: byEmailAddress ? account.emailAddress : account.sid,
      secret: formerPassword ? account.formerPassword : (account.password ?? account.formerPassword),
    };
  }

  #callerIn(tree: AccountTree, who: CallerChoice['who']): ModelAccount {
    if (who === 'root') return tree.accounts[0]!;
    if ('any' in who) return chosen(tree.accounts, who.any);
    return chosen(this.target === 'missing' ? tree.accounts : pathOf(chosen(tree.accounts, this.target.number)), who.above);
  }

  commandIn(tree: AccountTree): Command {
    const { action } = this;
    const target = this.#targetIn(tree, { sidOnly: ['create', 'linkProfile', 'unlinkProfile'].includes(action.kind) });
    switch (action.kind) {
      case 'create': {
        const organization =
          action.organization === undefined ? undefined : chosen([...sidsOf(tree.organizations), missingOrganization], action.organization);
        const parent = { caller: undefined, target, newest: tree.accounts.at(-1)!.sid }[action.below];
        return {
          kind: 'create',
          account: { ...action.account, ...(parent !== undefined && { parent }), ...(organization !== undefined && { organization }) },
        };
      }
      case 'migrate':
        return { kind: 'migrate', target, organization: destinationIn(tree, action.organization) };
      case 'createOrganization':
        return action;
      case 'linkProfile':
      case 'unlinkProfile': {
        const to: ProfileTarget =
          action.organization === undefined
            ? { account: target }
            : { organization: chosen([...sidsOf(tree.organizations), missingOrganization], action.organization) };
        return { kind: action.kind, profile: chosen([...profiles, missingProfile], action.profile), to };
      }
      default:
        return { ...action, target };
    }
  }

  #targetIn(tree: AccountTree, { sidOnly }: { sidOnly: boolean }): string {
    if (this.target === 'missing') return missingAccount;
    const account = chosen(tree.accounts, this.target.number);
    return this.target.byEmailAddress && !sidOnly ? account.emailAddress : account.sid;
  }

  toString(): string {
    const { who, formerPassword } = this.caller;
    const caller = who === 'root' ? 'root' : 'any' in who ? `#${who.any}` : `${who.above} above`;
    const target = this.target === 'missing' ? 'missing' : `#${this.target.number}`;
    const { kind, ...details } = this.action;
    return `${caller}${formerPassword ? ' (former password)' : ''}: ${kind} ${target} ${JSON.stringify(details)}`;
  }
}

function chosen<Item>(items: readonly Item[], number: number): Item {
  return items[number % items.length]!;
}

function sidsOf(items: readonly { sid: string }[]): string[] {
  return items.map(({ sid }) => sid);
}

function destinationIn(tree: AccountTree, choice: { number: number; byDomainName: boolean } | 'none'): string | undefined {
  if (choice === 'none') return undefined;
  const missing = { sid: missingOrganization, domainName: 'missing.test' };
  const organization = chosen([...tree.organizations, missing], choice.number);
  return choice.byDomainName ? organization.domainName.toUpperCase() : organization.sid;
}

const seldom = (weight: number) => fc.oneof({ weight, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) });
const anyNumber = fc.nat({ max: 50 });

const emailAddress = fc.oneof(
  { weight: 12, arbitrary: fc.nat({ max: 60 }).map((number) => `user-${number}@tests.test`) },
  { weight: 3, arbitrary: fc.nat({ max: 60 }).map((number) => `USER-${number}@Tests.Test`) },
  { weight: 1, arbitrary: fc.constantFrom(`${'l'.repeat(60)}@long.tests.test`, "o'hara+50%@tests.test", admin.login) },
  { weight: 1, arbitrary: fc.constantFrom('no address', 'two@at@tests.test', 'what?@tests.test', 'a=b@tests.test', '@tests.test') },
);
const friendlyName = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('Sales', 'e\u0301'.repeat(64), '😀'.repeat(64)) },
  { weight: 1, arbitrary: fc.constantFrom('x'.repeat(65), '😀'.repeat(65)) },
);
const password = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('restcomm', 'NewPassword', 'pass wörd: 😀', 'another decent one') },
  { weight: 1, arbitrary: fc.constantFrom('short', 'l'.repeat(129), wellKnownPassword, 'user-1@tests.test') },
);
const role = fc.oneof(
  { weight: 3, arbitrary: fc.constant(Role.ADMINISTRATOR) },
  { weight: 1, arbitrary: fc.constantFrom(...Object.values(Role)) },
);
const status = fc.oneof(
  { weight: 1, arbitrary: fc.constantFrom(ACTIVE, SUSPENDED, CLOSED) },
  { weight: 2, arbitrary: fc.constant(UNINITIALIZED) },
);
const domainName = fc.oneof(
  fc.nat({ max: 5 }).map((number) => `Company-${number}.test`),
  fc.constantFrom('open.test', 'CLOSED.test', 'no domain', 'a..b'),
);
const sometimes = <Value>(arbitrary: fc.Arbitrary<Value>) =>
  fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });

const create = fc
  .record({
    account: fc.record({ emailAddress, password, role, status: sometimes(status), friendlyName: sometimes(friendlyName) }),
    below: fc.constantFrom<('caller' | 'target' | 'newest')[]>('caller', 'target', 'newest'),
    organization: sometimes(anyNumber),
  })
  .map(({ account, ...rest }) => ({ kind: 'create' as const, account: present(account), ...rest }));
const update = fc
  .record({
    friendlyName: sometimes(friendlyName),
    password: fc.option(password, { nil: undefined, freq: 1 }),
    role: sometimes(role),
    emailAddress: sometimes(emailAddress),
  })
  .map((changes) => ({ kind: 'update' as const, changes: present(changes) }));
const setStatus = fc.constantFrom(ACTIVE, SUSPENDED).map((status) => ({ kind: 'setStatus' as const, status }));
const close = fc.constant({ kind: 'close' as const });
const migrate = fc
  .oneof(
    { weight: 8, arbitrary: fc.record({ number: anyNumber, byDomainName: fc.boolean() }) },
    { weight: 1, arbitrary: fc.constant('none' as const) },
  )
  .map((organization) => ({ kind: 'migrate' as const, organization }));
const createOrganization = domainName.map((domainName) => ({ kind: 'createOrganization' as const, domainName }));

const changeLink = fc.record({
  kind: fc.constantFrom<('linkProfile' | 'unlinkProfile')[]>('linkProfile', 'linkProfile', 'unlinkProfile'),
  profile: anyNumber,
  organization: sometimes(anyNumber),
});

const caller: fc.Arbitrary<CallerChoice> = fc.record({
  who: fc.oneof(
    { weight: 4, arbitrary: fc.constant('root' as const) },
    { weight: 5, arbitrary: fc.record({ above: fc.nat({ max: 3 }) }) },
    { weight: 1, arbitrary: fc.record({ any: anyNumber }) },
  ),
  byEmailAddress: seldom(3),
  formerPassword: seldom(20),
});
const target: fc.Arbitrary<TargetChoice> = fc.oneof(
  { weight: 15, arbitrary: fc.record({ number: anyNumber, byEmailAddress: seldom(3) }) },
  { weight: 1, arbitrary: fc.constant('missing' as const) },
);
const action: fc.Arbitrary<Action> = fc.oneof(
  { weight: 10, arbitrary: create },
  { weight: 5, arbitrary: update },
  { weight: 6, arbitrary: setStatus },
  { weight: 2, arbitrary: close },
  { weight: 4, arbitrary: migrate },
  { weight: 1, arbitrary: createOrganization },
  { weight: 4, arbitrary: changeLink },
);
const step = fc.tuple(anyNumber, caller, target, action).map((parts) => new Step(...parts));

/** The object without its undefined properties. */
function present<Properties extends object>(properties: Properties): { [Key in keyof Properties]: Exclude<Properties[Key], undefined> } {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as never;
}

function ask(surface: Surface, login: Login, command: Command): Promise<Answer<AccountView | OrganizationView | string>> {
  switch (command.kind) {
    case 'create':
      return surface.create(login, command.account);
    case 'update':
      return surface.update(login, command.target, command.changes);
    case 'setStatus':
      return surface.setStatus(login, command.target, command.status);
    case 'close':
      return surface.close(login, command.target);
    case 'migrate':
      return surface.migrate(login, command.target, command.organization);
    case 'createOrganization':
      return surface.createOrganization(login, command.domainName);
    case 'linkProfile':
      return surface.linkProfile(login, command.profile, command.to);
    case 'unlinkProfile':
      return surface.unlinkProfile(login, command.profile, command.to);
  }
}

/** The model says which code; which field the code is about, the conformance cases say. */
function comparable<Value>(answer: Answer<Value>): { value: Value } | { refused: ErrorCode } {
  return 'refused' in answer ? { refused: answer.refused } : answer;
}

/** What was asked and answered, with the accounts numbered as the steps number them. */
function readable(transcript: string[], { accounts }: AccountTree): string {
  return accounts.reduce((text, { sid }, number) => text.replaceAll(sid, `#${number}`), transcript.join('\n'));
}

function summaryOf(answer: Predicted): string {
  if ('refused' in answer) return answer.refused;
  return typeof answer.value === 'string' ? answer.value : `${answer.value.sid}, ${answer.value.status}`;
}

/** Accounts of the same instant are listed in the order of their SIDs. */
function sorted<Listed extends { value: AccountView[] } | { refused: ErrorCode }>(list: Listed): Listed {
  return 'value' in list ? { ...list, value: list.value.toSorted(bySid) } : list;
}

/** All refusals that the model knows. A fixed seed must meet each, or it tests less than it seems to. */
const refusals: ErrorCode[] = [
  'UNAUTHENTICATED',
  'ACCOUNT_NOT_ACTIVE',
  'FORBIDDEN',
  'ACCOUNT_NOT_FOUND',
  'ORGANIZATION_NOT_FOUND',
  'PROFILE_NOT_FOUND',
  'EMAIL_IN_USE',
  'DOMAIN_NAME_IN_USE',
  'PARENT_NOT_ACTIVE',
  'INVALID_EMAIL',
  'INVALID_STATUS',
  'INVALID_DOMAIN_NAME',
  'FRIENDLY_NAME_TOO_LONG',
  'PASSWORD_TOO_WEAK',
  'ACCOUNT_CLOSED',
  'NOT_TOP_LEVEL',
  'SAME_ORGANIZATION',
  'MAX_LEVELS_EXCEEDED',
  'PASSWORD_RESET_REQUIRED',
  'ORGANIZATION_REQUIRED',
];

it('the gateway answers random commands as the model does, and ends in the same tree', { timeout: commandRuns * 20_000 }, async () => {
  const counts: Record<string, number> = {};

  const property = fc.asyncProperty(fc.array(step, { maxLength: commandsPerRun, size: 'max' }), run);

  async function run(steps: Step[]): Promise<void> {
    const tree = await clear();
    const transcript: string[] = [];
    try {
      for (const step of steps) await take(step, tree, transcript);
      expect((await tableOfAccounts()).toSorted(bySid)).toEqual(tree.accounts.map(rowOf).toSorted(bySid));
      expect(await brokenInvariants(gateway.database)).toEqual([]);
    } catch (error) {
      throw new Error(`\n${readable(transcript, tree)}`, { cause: error });
    }
  }

  /** Asks the gateway and the model, and compares. */
  async function take(step: Step, tree: AccountTree, transcript: string[]): Promise<void> {
    const surface = step.surfaceAmong(surfaces);
    const login = step.loginIn(tree);
    const command = step.commandIn(tree);
    const isCascade = ['setStatus', 'close', 'migrate'].includes(command.kind);
    const before = isCascade ? await standing() : undefined;
    const answer = comparable(await ask(surface, login, command));
    if (before !== undefined) await compareReached(before);
    transcript.push(`${surface.name}: ${login.login} asks ${JSON.stringify(command)} → ${summaryOf(answer)}`);

    const newSid = 'value' in answer && typeof answer.value !== 'string' ? answer.value.sid : 'nothing was created';
    if (command.kind.startsWith('create') && 'value' in answer) {
      expect(newSid).toMatch(/^(AC|OR)[0-9a-f]{32}$/);
      expect(sidsOf([...tree.accounts, ...tree.organizations])).not.toContain(newSid);
    }
    expect(answer).toEqual(tree.apply(login, command, newSid, surface.byForm));
    const outcome = `${command.kind}: ${'refused' in answer ? answer.refused : 'done'}`;
    counts[outcome] = (counts[outcome] ?? 0) + 1;
    await compareSurfaces(login, command, newSid, tree);
  }

  /** The versions of all accounts in the order of their paths, and how many cascades were written down. */
  async function standing(): Promise<{ versions: Map<string, number>; cascades: number }> {
    const { query } = gateway.database;
    const versions = await query<{ sid: string; version: number }>(`SELECT sid, version FROM account ORDER BY path`);
    const [counted] = await query<{ cascades: number }>(
      `SELECT count(*)::integer AS cascades FROM history WHERE operation IN ('setAccountStatus', 'closeAccount', 'migrateAccount')`,
    );
    return { versions: new Map(versions.map(({ sid, version }) => [sid, version])), ...counted! };
  }

  /** A cascade wrote down that it reached the accounts that it changed. */
  async function compareReached(before: Awaited<ReturnType<typeof standing>>): Promise<void> {
    const after = await standing();
    const changed = [...after.versions].filter(([sid, version]) => version !== before.versions.get(sid)).map(([sid]) => sid);
    const written = after.cascades === before.cascades ? [] : await writtenCascades(gateway.database, after.cascades - before.cascades);
    expect(written.map(({ parts }) => parts)).toEqual(changed.length === 0 ? [] : [[changed]]);
  }

  /** Asks every surface for the account that a command was about, for the profile in effect for it, and for the caller's list. */
  async function compareSurfaces(login: Login, command: Command, newSid: string, tree: AccountTree): Promise<void> {
    const touched = tree.accounts.find(({ sid, emailAddress, status }) => {
      const named = 'target' in command ? command.target : 'to' in command && 'account' in command.to ? command.to.account : newSid;
      return named === sid || (status !== CLOSED && named.toLowerCase() === emailAddress);
    });
    const list = tree.list(login);
    await Promise.all(
      surfaces.map(async (surface) => {
        expect(sorted(comparable(await surface.list(login))), `the list through ${surface.name}`).toEqual(sorted(list));
        if (touched === undefined) return;
        expect(await surface.read(admin, touched.sid), `read through ${surface.name}`).toEqual({ value: viewOf(touched) });
        expect(await surface.effectiveProfile(admin, { account: touched.sid }), `profile through ${surface.name}`).toEqual({
          value: tree.effectiveProfile(touched),
        });
      }),
    );
  }

  await assertAsyncProperty(property, { seed: steadySeed, numRuns: commandRuns });
  if (process.env.FC_VERBOSE !== undefined) console.log(counts);
  if (steadySeed !== defaultSeed) return;
  expect(refusals.filter((code) => !Object.keys(counts).some((outcome) => outcome.endsWith(`: ${code}`)))).toEqual([]);
  expect(Object.keys(counts).filter((outcome) => outcome.endsWith(': done'))).toHaveLength(8);
});
