import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/domain/account.js';
import { actorOf, anonymous } from '../../src/domain/actor.js';
import { ProvenSecret } from '../../src/domain/credentials.js';
import { type Operation, authorize, authorizeOn, may, operations } from '../../src/domain/permissions.js';
import { account } from '../support/account.js';

const root = account();
const top = account({}, root);
const signedIn = (as: Account) => actorOf(as, new ProvenSecret(() => true));
const caller = (role: 'Administrator' | 'Developer' | 'ProvisioningAgent') => account({ role }, top);

describe('permission', () => {
  it('is nothing for whoever is not signed in, but to reset a password by a token', () => {
    for (const operation of operations) {
      expect(may(anonymous, operation, top)).toBe(false);
      if (operation === 'resetPassword') expect(() => authorize(anonymous, operation)).not.toThrow();
      else expect(() => authorize(anonymous, operation)).toThrow(expect.objectContaining({ code: 'UNAUTHENTICATED' }));
    }
  });

  it('makes the root the Super Admin, whatever its role', () => {
    for (const role of ['Administrator', 'Developer', 'ProvisioningAgent'] as const) {
      expect(signedIn(account({ role })).rank).toBe('SuperAdmin');
      expect(signedIn(caller(role)).rank).toBe(role);
    }
  });

  it('never reaches above or beside the caller', () => {
    const administrator = caller('Administrator');
    const outside = [root, top, caller('Developer'), account({}, account({}, root))];
    for (const other of outside) {
      for (const operation of operations) expect(may(signedIn(administrator), operation, other), operation).toBe(false);
    }
  });

  it('lets nobody change their own status, role or e-mail address, or make a reset token for themselves', () => {
    const own: Operation[] = ['setAccountStatus', 'changeRole', 'changeEmailAddress', 'createPasswordResetToken'];
    for (const self of [root, caller('Administrator'), caller('Developer')]) {
      for (const operation of own) expect(may(signedIn(self), operation, self), operation).toBe(false);
    }
  });

  it('lets an Administrator close itself, and no other role; the root is closed by nobody', () => {
    for (const self of [root, caller('Administrator'), caller('Developer'), caller('ProvisioningAgent')]) {
      expect(may(signedIn(self), 'closeAccount', self)).toBe(self !== root && self.role === 'Administrator');
    }
  });

  it('tells only the Super Admin that an account does not exist', () => {
    expect(() => authorizeOn(signedIn(root), 'readAccount', undefined)).toThrow(expect.objectContaining({ code: 'ACCOUNT_NOT_FOUND' }));
    expect(() => authorizeOn(signedIn(caller('Administrator')), 'readAccount', undefined)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
    expect(() => authorizeOn(signedIn(caller('Administrator')), 'readAccount', top)).toThrow(
      expect.objectContaining({ code: 'FORBIDDEN' }),
    );
  });
});
