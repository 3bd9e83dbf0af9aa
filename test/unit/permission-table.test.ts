import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/domain/account.js';
import { type Actor, type Rank, actorOf, anonymous, ranks } from '../../src/domain/actor.js';
import { ProvenSecret } from '../../src/domain/credentials.js';
import {
  type Operation,
  assertSignedIn,
  authorize,
  authorizeOn,
  authorizeOnOrganization,
  authorizeRank,
  hasRank,
  ifReadable,
  may,
  mayOnDescendants,
  minimumRank,
  operations,
  ownerSeenBy,
  requiredRanksFor,
  seesOrganization,
} from '../../src/domain/permissions.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

const root = account();
const top = account({}, root);
const organizationSid = top.organizationSid;
const signedIn = (as: Account) => actorOf(as, new ProvenSecret(() => true));
const callers: Record<Exclude<Rank, 'Anonymous'>, Account> = {
  ProvisioningAgent: account({ role: 'ProvisioningAgent', organizationSid }, top),
  Developer: account({ role: 'Developer', organizationSid }, top),
  Administrator: account({ role: 'Administrator', organizationSid }, top),
  SuperAdmin: root,
};

/** SPEC §2, "Who may do what": the least rank that an operation takes on oneself, and on the accounts below; `-` where nobody may. */
const table = `
  readAccount               ProvisioningAgent  Administrator
  listSubAccounts           Administrator      Administrator
  updateAccount             ProvisioningAgent  Administrator
  changeRole                -                  Administrator
  setAccountStatus          -                  Administrator
  closeAccount              Administrator      Administrator
  changeEmailAddress        -                  Administrator
  createAccount             Administrator      Administrator
  migrateAccount            SuperAdmin         SuperAdmin
  readAuthToken             ProvisioningAgent  Administrator
  rotateAuthToken           ProvisioningAgent  Administrator
  createPasswordResetToken  -                  Administrator
  resetPassword             Anonymous          -
  readHistory               Administrator      Administrator
  readEvents                Administrator      Administrator
  manageWebhooks            Administrator      Administrator
  readResourceRemoval       -                  Administrator
  retryResourceRemoval      -                  Administrator
  readProfile               ProvisioningAgent  Administrator
  manageProfiles            SuperAdmin         -
  readSubresources          ProvisioningAgent  Administrator
  createSubresources        ProvisioningAgent  Administrator
  changeSubresources        ProvisioningAgent  Administrator
  removeSubresources        ProvisioningAgent  Administrator
  readMessageText           Developer          Administrator
  removeRecordings          Developer          Administrator
  readSubresourcesOfSubAccounts  Administrator  Administrator
  readOwnOrganization       Administrator      -
  manageOrganizations       SuperAdmin         -`;
const rows = table
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/ +/) as [Operation, Rank | '-', Rank | '-']);

it('the table has every operation', () => {
  expect(rows.map(([operation]) => operation)).toEqual(operations);
});

it('ranks go from nobody to the Super Admin', () => {
  expect(ranks).toEqual(['Anonymous', 'ProvisioningAgent', 'Developer', 'Administrator', 'SuperAdmin']);
});

describe.each(rows)('%s', (operation, self, below) => {
  const atLeast = (rank: Rank, least: Rank | '-'): boolean => least !== '-' && ranks.indexOf(rank) >= ranks.indexOf(least);

  it('is permitted to whom the table says, on oneself and on accounts below', () => {
    for (const [rank, as] of Object.entries(callers) as [Rank, Account][]) {
      const closesRoot = operation === 'closeAccount' && as === root;
      expect([rank, may(signedIn(as), operation, as)]).toEqual([rank, atLeast(rank, self) && !closesRoot]);
      expect([rank, may(signedIn(as), operation, account({}, as))]).toEqual([rank, atLeast(rank, below)]);
      expect([rank, mayOnDescendants(signedIn(as), operation)]).toEqual([rank, atLeast(rank, below)]);
    }
    expect(may(anonymous, operation, top)).toBe(false);
    const shown = { ...(self !== '-' && { self }), ...(below !== '-' && { below }) };
    expect(requiredRanksFor(operation)).toEqual(shown);
  });

  it('is asked for by nobody whose rank may do it nowhere, which is told in a sentence', () => {
    const least = [self, below].filter((rank) => rank !== '-').toSorted((one, other) => ranks.indexOf(one) - ranks.indexOf(other))[0]!;
    expect(minimumRank(operation)).toBe(least);
    const actors: [Rank, Actor][] = [
      ['Anonymous', anonymous],
      ...Object.entries(callers).map(([rank, as]): [Rank, Actor] => [rank as Rank, signedIn(as)]),
    ];
    for (const [rank, actor] of actors) {
      const code = rank === 'Anonymous' ? 'UNAUTHENTICATED' : 'FORBIDDEN';
      expect([rank, refusalOf(() => authorize(actor, operation))]).toEqual([rank, atLeast(rank, least) ? undefined : { code }]);
      expect(hasRank(actor, least)).toBe(atLeast(rank, least));
    }
  });
});

it('a refusal for want of a rank says whose it takes, and for what', () => {
  const messageOf = (actor: Actor, operation: Operation): string => {
    try {
      authorize(actor, operation);
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  const agent = signedIn(callers.ProvisioningAgent);
  const named: Operation[] = [
    'listSubAccounts',
    'createAccount',
    'closeAccount',
    'setAccountStatus',
    'migrateAccount',
    'readHistory',
    'manageProfiles',
    'readOwnOrganization',
    'manageOrganizations',
  ];
  for (const operation of named) {
    const message = messageOf(agent, operation);
    expect(message).toMatch(/ may [a-z]+[, ].*\w\.$/);
    expect(message).not.toContain('do this.');
    expect(message).toContain(minimumRank(operation) === 'SuperAdmin' ? 'the Super Admin' : 'an Administrator');
  }
  expect(messageOf(agent, 'changeRole')).toContain('an Administrator may do this.');
  const messageFor = (rank: Rank): string => {
    try {
      authorizeRank(rank === 'ProvisioningAgent' ? anonymous : agent, rank);
      return 'none';
    } catch (error) {
      return (error as Error).message;
    }
  };
  expect(messageFor('Developer')).toMatch(/a Developer or Administrator may do this\.$/);
  expect(messageFor('ProvisioningAgent')).toMatch(/^Sign in /);
});

it('an account that is out of sight is refused as one that does not exist, but to the Super Admin', () => {
  const administrator = signedIn(callers.Administrator);
  for (const hidden of [undefined, root, top, callers.Developer]) {
    expect(refusalOf(() => authorizeOn(administrator, 'readAccount', hidden))).toEqual({ code: 'FORBIDDEN' });
  }
  expect(refusalOf(() => authorizeOn(signedIn(root), 'readAccount', undefined))).toEqual({ code: 'ACCOUNT_NOT_FOUND' });
  // Closed to everybody, the Super Admin too.
  expect(refusalOf(() => authorizeOn(signedIn(root), 'closeAccount', root))).toEqual({ code: 'FORBIDDEN' });
  expect(refusalOf(() => authorizeOn(anonymous, 'readAccount', top))).toEqual({ code: 'UNAUTHENTICATED' });
  expect(refusalOf(() => authorizeOn(administrator, 'readAccount', callers.Administrator))).toBeUndefined();
  expect(refusalOf(() => assertSignedIn(anonymous))).toEqual({ code: 'UNAUTHENTICATED' });
  expect(refusalOf(() => assertSignedIn(administrator))).toBeUndefined();
  expect([ifReadable(administrator, top), ifReadable(administrator, undefined)]).toEqual([null, null]);
  expect(ifReadable(administrator, callers.Administrator)).toBe(callers.Administrator);
});

it('an account is its own owner to itself, and to others belongs to the account above', () => {
  expect(ownerSeenBy(signedIn(top), top)).toBe(top.sid);
  expect(ownerSeenBy(signedIn(root), root)).toBe(root.sid);
  expect(ownerSeenBy(signedIn(root), top)).toBe(root.sid);
  expect(ownerSeenBy(signedIn(top), callers.Developer)).toBe(top.sid);
});

it('administrators know their own organization, the Super Admin any, and nobody else one', () => {
  const own = callers.Administrator.organizationSid;
  const seen = (actor: Actor, sid: string): boolean => seesOrganization(actor, sid);
  expect([seen(signedIn(callers.Administrator), own), seen(signedIn(callers.Administrator), 'OR')]).toEqual([true, false]);
  expect([seen(signedIn(root), own), seen(signedIn(root), 'OR')]).toEqual([true, true]);
  for (const actor of [anonymous, signedIn(callers.Developer), signedIn(callers.ProvisioningAgent)]) expect(seen(actor, own)).toBe(false);
  expect(refusalOf(() => authorizeOnOrganization(signedIn(callers.Administrator), own))).toBeUndefined();
  expect(refusalOf(() => authorizeOnOrganization(signedIn(callers.Administrator), 'OR'))).toEqual({ code: 'FORBIDDEN' });
  expect(refusalOf(() => authorizeOnOrganization(anonymous, own))).toEqual({ code: 'UNAUTHENTICATED' });
});
