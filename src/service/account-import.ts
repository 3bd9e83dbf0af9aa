import { CountChange } from '../domain/account-counts.js';
import { type AuditEvent, hashOf, snapshotOf } from '../domain/history.js';
import { digestOf } from '../domain/profile.js';
import type { Account } from '../domain/account.js';
import type { Sid } from '../domain/sid.js';
import { ImportRefusedError } from '../import/errors.js';
import type { ImportPlan, PlannedAccount } from '../import/planned.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { isDuplicate } from '../persistence/connection/errors.js';
import type { ImportedKind, NewEntry, NewHead, Occupation, StagedRow } from '../persistence/repositories/import-repository.js';
import type { Secrets } from './secrets.js';

/** How many rows are written at once. */
export const partSize = 10_000;

/** What came of an import: `repeated` if it had been done before, so that nothing was left to do. */
export type ImportOutcome = 'done' | 'repeated';

/** Called with how many rows are done. */
type OnProgress = (done: number) => void;

/**
 * Takes over accounts of another installation (SPEC §11, ADR 55). First all rows are put aside, in parts, each a transaction of its own: with
 * their secrets encrypted and hashed, where nothing but an import looks. Then one transaction takes all of them over. So nobody sees a
 * part of them, and an import that was killed goes on after its last part.
 */
export class AccountImport {
  constructor(
    private readonly database: Database,
    private readonly secrets: Secrets,
  ) {}

  /** Why the gateway cannot take anything over: an import needs it to itself. Undefined if it can. */
  async obstacle(): Promise<string | undefined> {
    return obstacleIn(await this.database.lookUp(undefined, ({ imports }) => imports.occupation()));
  }

  /** Whether the import has been done. */
  async isDone({ id }: Pick<ImportPlan, 'id'>): Promise<boolean> {
    return (await this.database.lookUp(undefined, ({ imports }) => imports.isDone(id))) === true;
  }

  /** Puts the rows aside that are not yet. */
  async stage(plan: ImportPlan, onProgress: OnProgress = () => {}): Promise<void> {
    let done = await this.database.write(undefined, ({ imports }) => imports.begin(plan.id, this.secrets.keyId));
    onProgress(done);
    for (const { kind, rows, first, last } of partsOf(plan)) {
      if (last <= done) continue;
      const part = rows.slice(done + 1 - first).map((content) => this.#withSecrets({ kind, content }));
      await this.database.write(undefined, ({ imports }) => imports.stage(plan.id, done + 1, part));
      onProgress((done = last));
    }
  }

  /** Takes over what was put aside, all at once. @throws ImportRefusedError */
  async takeOver(plan: ImportPlan, onProgress: OnProgress = () => {}): Promise<ImportOutcome> {
    const taking = this.database.write(undefined, async (repositories) => {
      const { locks, accounts, imports } = repositories;
      await locks.lockBootstrap();
      const root = await accounts.findRoot();
      if (root === undefined)
        throw new ImportRefusedError('The gateway has no root account yet. Start it once, or run account-gateway migrate.');
      await locks.lockForChange(root, { account: { sid: root.sid }, scope: 'tree' });
      if (await imports.isDone(plan.id)) return 'repeated';
      const obstacle = obstacleIn(await imports.occupation());
      if (obstacle !== undefined) throw new ImportRefusedError(obstacle);
      await replaceRoot(repositories, plan, root, onProgress);
      return 'done' as const;
    });
    return taking.catch((error: unknown) => {
      if (!isDuplicate(error)) throw error;
      throw new ImportRefusedError(
        'The source has a SID that this gateway, or another row of the source, has too. Nothing was taken over.',
      );
    });
  }

  /** Adds to an account what is kept of its secrets: what verifies the password, and the AuthToken. */
  #withSecrets({ kind, content }: StagedRow): StagedRow {
    if (kind !== 'account') return { kind, content };
    const { authToken, ...account } = content as PlannedAccount;
    if (authToken === null) return { kind, content: account };
    const { passwordHash, tokenCiphertext, tokenHash } = this.secrets.storedMd5(account.sid, authToken);
    return {
      kind,
      content: { ...account, passwordHash, tokenCiphertext: tokenCiphertext.toString('hex'), tokenHash: tokenHash.toString('hex') },
    };
  }
}

function obstacleIn({ hasChildren, hasHistory }: Occupation): string | undefined {
  if (hasChildren) return 'This gateway has accounts below its root already. An import needs one that has none: make a new database.';
  return hasHistory
    ? "This gateway's root has been used already. An import needs one that was only just made: make a new database."
    : undefined;
}

/** How many rows the plan has, of all kinds. */
export function rowsOf({ organizations, profiles, accounts, links }: ImportPlan): number {
  return organizations.length + profiles.length + accounts.length + links.length;
}

/** Rows of one kind, by their numbers. */
interface Part {
  kind: ImportedKind;
  rows: readonly object[];
  first: number;
  last: number;
}

/** What is taken over, in parts, in the order in which one needs the other. */
function* partsOf({ organizations, profiles, accounts, links }: ImportPlan): Generator<Part> {
  let done = 0;
  for (const [kind, all] of [
    ['organization', organizations],
    ['profile', profiles],
    ['account', accounts],
    ['link', links],
  ] as const) {
    for (let at = 0; at < all.length; at += partSize) {
      const rows = all.slice(at, at + partSize);
      yield { kind, rows, first: done + 1, last: (done += rows.length) };
    }
  }
}

/** Puts the imported tree in the place of the root, which nobody has used yet. Its history stays, as every history does. */
async function replaceRoot(repositories: Repositories, plan: ImportPlan, root: Account, onProgress: OnProgress): Promise<void> {
  const { imports, organizations } = repositories;
  if ((await imports.countStaged(plan.id)) !== rowsOf(plan))
    throw new ImportRefusedError('Another import was begun meanwhile. Run this one again.');
  const keepsOrganization = plan.accounts.some(({ organizationSid }) => organizationSid === null);
  if (!keepsOrganization) await organizations.setStatus(root.organizationSid, 'closed');
  await imports.clearRoot(root.sid);
  for (const { kind, first, last } of partsOf(plan)) {
    await imports.takeOver(kind, plan.id, first, last, root);
    onProgress(last);
  }
  await writeHistory(imports, plan, root, keepsOrganization);
  await imports.finish(plan.id);
}

/** Writes the chains of the imported trees: what was made, by nobody, for the request of the import. */
async function writeHistory(imports: Repositories['imports'], plan: ImportPlan, root: Account, keepsOrganization: boolean): Promise<void> {
  const date = new Date();
  const requestId = `import:${plan.id}`;
  const chains = new Map<Sid, { head: NewHead; counts: CountChange }>();
  // In parts: all entries of a large installation would not fit into memory beside its plan.
  let entries: NewEntry[] = [];
  for (const { treeSid, account, ...event } of eventsOf(plan, root, keepsOrganization)) {
    let chain = chains.get(treeSid);
    if (chain === undefined) {
      const counts = new CountChange();
      chains.set(treeSid, (chain = { head: { treeSid, position: 0, hash: treeSid, date, counts: counts.changes }, counts }));
    }
    const { head, counts } = chain;
    head.position++;
    const content = { ...event, before: textOf(event.before), after: textOf(event.after), requestId, position: head.position, date };
    head.hash = hashOf(head.hash, { ...content, actorSid: null, recordVersion: 2 });
    entries.push({ ...content, treeSid, hash: head.hash });
    if (account !== undefined) counts.add(undefined, account);
    if (entries.length === partSize) {
      await imports.addEntries(entries);
      entries = [];
    }
  }
  await imports.addEntries(entries);
  const heads = [...chains.values()].map(({ head }) => head);
  await imports.addHeads(heads, root.sid);
}

function textOf(values: object | undefined): string | null {
  return values === undefined ? null : JSON.stringify(values);
}

/** What becomes an entry of a tree's history, and the account that the tree has more. */
interface ImportEvent extends AuditEvent {
  treeSid: Sid;
  account?: Account;
}

function* eventsOf(plan: ImportPlan, root: Account, keepsOrganization: boolean): Generator<ImportEvent> {
  const rootSid = plan.accounts[0]!.sid;
  for (const { sid, domainName, status } of plan.organizations)
    yield { treeSid: rootSid, operation: 'createOrganization', subjectSid: sid, after: { domainName, status } };
  for (const { sid, document } of plan.profiles)
    yield { treeSid: rootSid, operation: 'createProfile', subjectSid: sid, after: digestOf(document) };
  for (const planned of plan.accounts) {
    const account = { ...planned, organizationSid: planned.organizationSid ?? root.organizationSid, statusChangedBy: null, version: 1 };
    yield { treeSid: account.topLevelSid, operation: 'createAccount', subjectSid: account.sid, after: snapshotOf(account), account };
  }
  for (const { ownerSid, treeSid, profileSid } of plan.links)
    yield { treeSid: treeSid ?? rootSid, operation: 'linkProfile', subjectSid: ownerSid, after: { profileSid } };
  if (!keepsOrganization) {
    const [before, after] = [{ status: 'active' }, { status: 'closed' }];
    yield { treeSid: rootSid, operation: 'closeOrganization', subjectSid: root.organizationSid, before, after };
  }
}
