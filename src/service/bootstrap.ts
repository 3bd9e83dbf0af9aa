import { AccountType, Role, defaultFriendlyName } from '../domain/account.js';
import { OrganizationStatus } from '../domain/organization.js';
import { snapshotOf } from '../domain/history.js';
import { defaultProfileSid, digestOf } from '../domain/profile.js';
import { newSid } from '../domain/sid.js';
import { pathBelow } from '../domain/tree.js';
import type { Database } from '../persistence/connection/database.js';
import { type AuditedTransactions, gatewayAuthor } from './audited-transaction.js';
import type { CredentialService } from './credential-service.js';
import type { Passwords } from './passwords.js';
import { type Secrets, generatedPassword } from './secrets.js';

/** The Super Admin that is made at the first start. */
interface FirstAdmin {
  /** In lower case, as it is stored. */
  emailAddress: string;
  /** Default: a generated one. */
  password: string | undefined;
  /** Called with the generated password, once. */
  announce: (password: string) => void;
}

/** Whether the root account exists, so that there is nothing to create. */
export async function hasRoot(database: Database): Promise<boolean> {
  return (await rootOf(database)) !== undefined;
}

/** Whether the root account exists and has another password than this one. */
export async function hasRootOtherPassword(database: Database, passwords: Passwords, password: string): Promise<boolean> {
  const root = await rootOf(database);
  if (root === undefined) return false;
  const key = { key: { sid: root.sid }, login: '', address: '' };
  const [found] = (await database.lookUp(undefined, ({ credentials }) => credentials.findForSignIn([key]))).found;
  return found?.credential === undefined || !(await passwords.verify(root, found.credential.passwordHash, password));
}

/** Whether one of our keys is the one that AuthTokens were encrypted with; true when there are none yet. */
export async function hasRightKey(database: Database, secrets: Secrets): Promise<boolean> {
  const token = await database.lookUp(undefined, ({ credentials }) => credentials.findSampleToken());
  if (token === undefined) return true;
  try {
    secrets.unseal(token.accountSid, token.tokenCiphertext);
    return true;
  } catch {
    return false;
  }
}

function rootOf(database: Database) {
  return database.lookUp(undefined, ({ accounts }) => accounts.findRoot());
}

/**
 * Creates the root organization and the Super Admin, if there is no root account yet. Instances that start at the same time
 * wait for each other; one of them creates.
 *
 * The generated password is announced before the transaction commits. A crash in between then loses a password that was never
 * valid; the other way round it would lose the only valid one.
 */
export async function ensureRoot(
  database: Database,
  transactions: AuditedTransactions,
  credentials: CredentialService,
  admin: FirstAdmin,
): Promise<void> {
  if (await hasRoot(database)) return;
  const { emailAddress } = admin;
  const password = admin.password ?? generatedPassword();
  const prepared = await credentials.preparePassword(password, emailAddress, undefined, undefined);
  await transactions.writeUnauthenticated(gatewayAuthor, {}, async (repositories, { record }) => {
    await repositories.locks.lockBootstrap();
    if (await repositories.accounts.findRoot()) return;
    const organization = await repositories.organizations.insert({
      sid: newSid('organization'),
      domainName: emailAddress.slice(emailAddress.indexOf('@') + 1),
      status: OrganizationStatus.ACTIVE,
    });
    const sid = newSid('account');
    const root = await repositories.accounts.insert({
      sid,
      parentSid: null,
      topLevelSid: sid,
      path: pathBelow(null, sid),
      organizationSid: organization.sid,
      emailAddress,
      friendlyName: defaultFriendlyName(emailAddress),
      type: AccountType.FULL,
      status: 'active',
      statusChangedBy: null,
      role: Role.ADMINISTRATOR,
    });
    credentials.initialize(repositories, sid, prepared);
    const { domainName, status } = organization;
    record(sid, { operation: 'createOrganization', subjectSid: organization.sid, after: { domainName, status } });
    record(sid, { operation: 'createAccount', subjectSid: sid, after: snapshotOf(root) });
    if (admin.password === undefined) admin.announce(password);
  });
}

/** Gives the default profile the configured document, if it has another, and records that in the history of the root. */
export async function ensureDefaultProfile(database: Database, transactions: AuditedTransactions, document: string): Promise<void> {
  const current = await database.lookUp(undefined, ({ profiles }) => profiles.findMany([defaultProfileSid], { withDocument: true }));
  if (current[0] !== undefined && 'document' in current[0] && current[0].document === document) return;
  await transactions.writeUnauthenticated(gatewayAuthor, {}, async ({ accounts, profiles }, { record }) => {
    const before = await profiles.lockDocument(defaultProfileSid, 'FOR NO KEY UPDATE');
    const after = digestOf(document);
    if (before === undefined || before.sha256 === after.sha256) return;
    await profiles.update(defaultProfileSid, document);
    record((await accounts.findRoot())!.sid, { operation: 'updateProfile', subjectSid: defaultProfileSid, before, after });
  });
}
