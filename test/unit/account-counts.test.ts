import { describe, expect, it } from 'vitest';
import { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import { byStatus, countedInTree } from '../../src/domain/account-counts.js';
import { account } from '../support/account.js';

const { ACTIVE, CLOSED, SUSPENDED, UNINITIALIZED } = AccountStatus;

describe('what a cascade reaches', () => {
  const below = [
    { status: SUSPENDED, role: Role.DEVELOPER, type: AccountType.FULL, count: 2 },
    { status: ACTIVE, role: Role.DEVELOPER, type: AccountType.FULL, count: 1 },
    { status: ACTIVE, role: Role.ADMINISTRATOR, type: AccountType.TRIAL, count: 2 },
    { status: CLOSED, role: Role.DEVELOPER, type: AccountType.FULL, count: 4 },
  ];
  const reached = (top: AccountStatus, from: AccountStatus[]) => byStatus(countedInTree(account({ status: top }), below, from));

  it('is the account at the top, and those below it, with one of the statuses', () => {
    expect(reached(SUSPENDED, [UNINITIALIZED, SUSPENDED, ACTIVE])).toEqual([
      { status: ACTIVE, count: 3 },
      { status: SUSPENDED, count: 3 },
    ]);
    expect(reached(UNINITIALIZED, [UNINITIALIZED])).toEqual([{ status: UNINITIALIZED, count: 1 }]);
  });

  it('is nothing where none has', () => {
    expect(reached(ACTIVE, [UNINITIALIZED])).toEqual([]);
  });
});
