import { describe, expect, it } from 'vitest';
import { AccountStatus, AccountType, Role } from '../../src/domain/account.js';
import type { ErrorCode } from '../../src/errors.js';
import { admin } from '../support/gateway.js';
import type { Login } from '../support/graphql-client.js';
import type { Answer, Surface } from '../support/surface.js';
import { create, missingSid, password, uniqueEmail } from '../support/tree.js';

const { ACTIVE, CLOSED, SUSPENDED, UNINITIALIZED } = AccountStatus;

/** What the gateway does, whichever surface it is asked through. Each case builds its own tree. */
export function conformanceCases(surfaceOf: () => Surface): void {
  const gateway: Surface = new Proxy({} as Surface, { get: (_target, name) => surfaceOf()[name as keyof Surface] });
  const refused = (code: ErrorCode, field: string) => (gateway.namesFields ? { refused: code, field } : { refused: code });
  const statusOf = async (sid: string) => value(await gateway.read(admin, sid)).status;

  /** top > child > grandchild, all active. */
  async function family() {
    const top = await create(gateway);
    const child = await create(gateway, { parent: top.sid });
    const grandchild = await create(gateway, { parent: child.sid });
    return { top, child, grandchild };
  }

  async function organization() {
    return value(await gateway.createOrganization(admin, `${uniqueEmail('domain').replace('@', '.')}`));
  }

  describe('creating an account', () => {
    it('answers with the whole account, active and in its parent’s organization', async () => {
      const emailAddress = uniqueEmail('Mixed.Case').toUpperCase();
      const parent = await create(gateway);
      const answer = await gateway.create(admin, {
        parent: parent.sid,
        emailAddress,
        password,
        role: Role.DEVELOPER,
        friendlyName: 'Sales',
      });
      expect(answer).toEqual({
        value: {
          sid: expect.stringMatching(/^AC[0-9a-f]{32}$/),
          emailAddress: emailAddress.toLowerCase(),
          friendlyName: 'Sales',
          type: AccountType.FULL,
          status: ACTIVE,
          role: Role.DEVELOPER,
          organizationSid: parent.organizationSid,
        },
      });
      expect(await gateway.read(admin, value(answer).sid)).toEqual(answer);
    });

    it('takes the e-mail address as the friendly name when none is given, cut to 64 characters', async () => {
      const long = `${'a'.repeat(50)}.${uniqueEmail()}.${'b'.repeat(20)}.test`;
      expect((await create(gateway, { emailAddress: long })).friendlyName).toBe(long.slice(0, 64));
    });

    it('gives the account the status that is asked for', async () => {
      for (const status of Object.values(AccountStatus)) expect((await create(gateway, { status })).status).toBe(status);
    });

    it('counts the characters of a friendly name as people do', async () => {
      const emoji = '😀'.repeat(64);
      expect((await create(gateway, { friendlyName: emoji })).friendlyName).toBe(emoji);
      expect(
        await gateway.create(admin, { emailAddress: uniqueEmail(), password, role: Role.DEVELOPER, friendlyName: `${emoji}x` }),
      ).toEqual(refused('FRIENDLY_NAME_TOO_LONG', 'friendlyName'));
    });

    it('keeps a friendly name in Unicode’s form NFC', async () => {
      expect((await create(gateway, { friendlyName: 'Cafe\u0301' })).friendlyName).toBe('Caf\u00e9');
    });

    it.each([
      '',
      'no-at',
      'two@@at.test',
      'a@b@c.test',
      'with space@x.test',
      'ünï@x.test',
      'a?b@x.test',
      'a=b@x.test',
      '@x.test',
      'a@',
      'a@-x.test',
      `${'a'.repeat(65)}@x.test`,
    ])('refuses %j as an e-mail address', async (emailAddress) => {
      expect(await gateway.create(admin, { emailAddress, password, role: Role.DEVELOPER })).toMatchObject({
        refused: expect.stringMatching(/INVALID_EMAIL|MISSING_PARAMETER/),
        ...(gateway.namesFields && { field: 'emailAddress' }),
      });
    });

    it('takes every character that the local part of an address may have', async () => {
      const emailAddress = `a.b_c%d+e-f'${uniqueEmail()}`;
      expect((await create(gateway, { emailAddress })).emailAddress).toBe(emailAddress);
    });

    it.each(['short', 'x'.repeat(129), 'password1', 'Qwerty123'])('refuses the weak password %j', async (weak) => {
      expect(await gateway.create(admin, { emailAddress: uniqueEmail(), password: weak, role: Role.DEVELOPER })).toEqual(
        refused('PASSWORD_TOO_WEAK', 'password'),
      );
    });

    it.each(['********', '\u2022'.repeat(8), '\u25cf'.repeat(12), '*\u2022\u25cf\u00b7*\u2022\u25cf\u00b7', '\u26ab\ufe0f'.repeat(8)])(
      'refuses the mask %j as a password, when an account is created and when it is changed',
      async (mask) => {
        const refusal = refused('PASSWORD_TOO_WEAK', 'password');
        expect(await gateway.create(admin, { emailAddress: uniqueEmail(), password: mask, role: Role.DEVELOPER })).toEqual(refusal);
        const account = await create(gateway);
        expect(await gateway.update(account.login, account.sid, { password: mask })).toEqual(refusal);
        expect(await gateway.read(account.login, account.sid)).toMatchObject({ value: { sid: account.sid } });
      },
    );

    it('takes a password that is a mask but for one character', async () => {
      const account = await create(gateway, { password: '*******\u2022a' });
      expect(await gateway.read(account.login, account.sid)).toMatchObject({ value: { sid: account.sid } });
    });

    it('takes a password in whatever way its characters are composed, when it is set and when it is used', async () => {
      const [composed, decomposed] = ['caf\u00e9 cr\u00e8me', 'cafe\u0301 cre\u0300me'];
      for (const [set, used] of [
        [composed, decomposed],
        [decomposed, composed],
        [decomposed, decomposed],
      ] as const) {
        const { sid } = await create(gateway, { password: set });
        expect(await gateway.read({ login: sid, secret: used }, sid)).toMatchObject({ value: { sid } });
        value(await gateway.update({ login: sid, secret: used }, sid, { password: `${used} 2` }));
        expect(await gateway.read({ login: sid, secret: `${set} 2` }, sid)).toMatchObject({ value: { sid } });
      }
    });

    it('refuses the e-mail address as a password', async () => {
      const emailAddress = uniqueEmail();
      expect(await gateway.create(admin, { emailAddress, password: emailAddress.toUpperCase(), role: Role.DEVELOPER })).toMatchObject({
        refused: 'PASSWORD_TOO_WEAK',
      });
    });

    it.each(['restcomm', 'NewPassword'])('takes the sample password %j of the documented API', async (sample) => {
      const account = await create(gateway, { password: sample });
      expect(await gateway.read(account.login, account.sid)).toMatchObject({ value: { sid: account.sid } });
    });

    it('refuses an e-mail address that another open account has, in any case', async () => {
      const { emailAddress } = await create(gateway);
      expect(await gateway.create(admin, { emailAddress: emailAddress.toUpperCase(), password, role: Role.DEVELOPER })).toEqual(
        refused('EMAIL_IN_USE', 'emailAddress'),
      );
    });

    it('takes the e-mail address of a closed account again', async () => {
      const closed = await create(gateway);
      value(await gateway.close(admin, closed.sid));
      const again = await create(gateway, { emailAddress: closed.emailAddress });
      expect(await gateway.read(admin, closed.emailAddress)).toMatchObject({ value: { sid: again.sid } });
    });

    it.each([UNINITIALIZED, SUSPENDED, CLOSED])('is refused below an account that is %s', async (status) => {
      const parent = await create(gateway, { status });
      expect(
        await gateway.create(admin, { parent: parent.sid, emailAddress: uniqueEmail(), password, role: Role.DEVELOPER }),
      ).toMatchObject({
        refused: 'PARENT_NOT_ACTIVE',
      });
    });

    it('tells the Super Admin that the parent is missing, and everyone else that it is forbidden', async () => {
      const account = { parent: missingSid(), emailAddress: uniqueEmail(), password, role: Role.DEVELOPER };
      expect(await gateway.create(admin, account)).toMatchObject({ refused: 'ACCOUNT_NOT_FOUND' });
      const other = await create(gateway);
      expect(await gateway.create(other.login, account)).toMatchObject({ refused: 'FORBIDDEN' });
    });

    it('is refused below the last level of the tree', async () => {
      let last = await create(gateway);
      for (let level = 3; level <= 10; level++) last = await create(gateway, { parent: last.sid });
      expect(await gateway.create(admin, { parent: last.sid, emailAddress: uniqueEmail(), password, role: Role.DEVELOPER })).toMatchObject({
        refused: 'MAX_LEVELS_EXCEEDED',
      });
    });

    it('lets the Super Admin choose the organization of a top-level account, and of no other', async () => {
      const { sid } = await organization();
      const top = await create(gateway, { organization: sid });
      expect(top.organizationSid).toBe(sid);
      const child = { emailAddress: uniqueEmail(), password, role: Role.DEVELOPER, parent: top.sid };
      const other = await organization();
      expect(await gateway.create(admin, { ...child, organization: other.sid })).toMatchObject({ refused: 'NOT_TOP_LEVEL' });
      expect(await gateway.create(top.login, { ...child, organization: other.sid })).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.create(top.login, { ...child, organization: sid })).toMatchObject({ value: { organizationSid: sid } });
    });

    it('refuses an organization that does not exist', async () => {
      expect(
        await gateway.create(admin, { emailAddress: uniqueEmail(), password, role: Role.DEVELOPER, organization: `OR${'0'.repeat(32)}` }),
      ).toMatchObject(refused('ORGANIZATION_NOT_FOUND', 'organization'));
    });

    it.each([Role.DEVELOPER, Role.PROVISIONING_AGENT])('is not for a %s', async (role) => {
      const caller = await create(gateway, { role });
      expect(await gateway.create(caller.login, { emailAddress: uniqueEmail(), password, role, parent: caller.sid })).toMatchObject({
        refused: 'FORBIDDEN',
      });
    });
  });

  describe('reading', () => {
    it('finds an account by SID and by e-mail address in any case', async () => {
      const { sid, emailAddress, login: _login, ...account } = await create(gateway);
      const expected = { value: { sid, emailAddress, ...account } };
      expect(await gateway.read(admin, sid)).toEqual(expected);
      expect(await gateway.read(admin, emailAddress.toUpperCase())).toEqual(expected);
    });

    it('shows an account itself and what is below it, never its parent, siblings or strangers', async () => {
      const { top, child, grandchild } = await family();
      const sibling = await create(gateway, { parent: top.sid });
      const stranger = await create(gateway);
      for (const visible of [child, grandchild])
        expect(await gateway.read(child.login, visible.sid)).toMatchObject({ value: { sid: visible.sid } });
      for (const hidden of [top, sibling, stranger]) {
        expect(await gateway.read(child.login, hidden.sid)).toEqual({ refused: 'FORBIDDEN' });
        expect(await gateway.read(child.login, hidden.emailAddress)).toEqual({ refused: 'FORBIDDEN' });
      }
    });

    it('lists the sub-accounts of the caller, and no account further down', async () => {
      const { top, child } = await family();
      const second = await create(gateway, { parent: top.sid });
      expect(value(await gateway.list(top.login)).map(({ sid }) => sid)).toEqual([child.sid, second.sid]);
    });

    it('lists all accounts of an organization for the Super Admin, and for no one else', async () => {
      const { sid, domainName } = await organization();
      expect(await gateway.listOfOrganization(admin, domainName)).toEqual({ value: [] });
      const top = await create(gateway, { organization: sid });
      const child = await create(gateway, { parent: top.sid });
      for (const named of [sid, domainName]) {
        expect(value(await gateway.listOfOrganization(admin, named)).map((account) => account.sid)).toEqual([top.sid, child.sid]);
      }
      expect(await gateway.listOfOrganization(top.login, sid)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.listOfOrganization(admin, 'nowhere.test')).toMatchObject({ refused: 'ORGANIZATION_NOT_FOUND' });
    });
  });

  describe('updating', () => {
    it('changes the name and leaves all else', async () => {
      const { login, ...account } = await create(gateway);
      const answer = await gateway.update(login, account.emailAddress, { friendlyName: 'Renamed' });
      expect(answer).toEqual({ value: { ...account, friendlyName: 'Renamed' } });
    });

    it('takes a password that stops the old one and the old AuthToken at once', async () => {
      const account = await create(gateway);
      const token = value(await gateway.authToken(admin, account.sid))!;
      value(await gateway.read({ login: account.sid, secret: token }, account.sid));
      value(await gateway.update(account.login, account.sid, { password: 'another decent one' }));
      for (const secret of [password, token]) {
        expect(await gateway.read({ login: account.sid, secret }, account.sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
      }
      const renewed = value(await gateway.authToken(admin, account.sid))!;
      expect(renewed).not.toBe(token);
      for (const secret of ['another decent one', renewed]) {
        expect(await gateway.read({ login: account.emailAddress, secret }, account.sid)).toMatchObject({ value: { sid: account.sid } });
      }
    });

    it('lets an administrator above change the role, and nobody their own', async () => {
      const { top, child } = await family();
      expect(await gateway.update(top.login, child.sid, { role: Role.DEVELOPER })).toMatchObject({ value: { role: Role.DEVELOPER } });
      expect(await gateway.update(child.login, child.sid, { role: Role.ADMINISTRATOR })).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.update(admin, admin.login, { role: Role.DEVELOPER })).toMatchObject({ refused: 'FORBIDDEN' });
    });

    it('makes an uninitialized account active when an administrator above sets its password', async () => {
      const { top } = await family();
      const account = await create(gateway, { parent: top.sid, status: UNINITIALIZED });
      expect(await gateway.update(top.login, account.sid, { password: 'first real password' })).toMatchObject({
        value: { status: ACTIVE },
      });
    });

    it('keeps a suspended account suspended when its password is set', async () => {
      const account = await create(gateway, { status: SUSPENDED });
      expect(await gateway.update(admin, account.sid, { password: 'a fresh password' })).toMatchObject({ value: { status: SUSPENDED } });
    });

    it('refuses every change of a closed account', async () => {
      const account = await create(gateway, { status: CLOSED });
      expect(await gateway.update(admin, account.sid, { friendlyName: 'Too late' })).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      expect(await gateway.update(admin, account.sid, { password: 'another decent one' })).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      expect(await gateway.update(admin, account.sid, { emailAddress: uniqueEmail() })).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      expect(await gateway.setStatus(admin, account.sid, ACTIVE)).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      const again = await gateway.close(admin, account.sid);
      if (gateway.byForm.close) expect(again).toEqual(await gateway.read(admin, account.sid));
      else expect(again).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
    });

    it('takes what stays the same as no change, from whoever may change the name, of a closed account too', async () => {
      const { top, child } = await family();
      const closed = await create(gateway, { parent: top.sid, status: CLOSED });
      for (const [login, account] of [
        [child.login, child],
        [top.login, child],
        [admin, closed],
      ] as const) {
        const { friendlyName, role, emailAddress } = account;
        const answer = await gateway.update(login, account.sid, { friendlyName, role, emailAddress: emailAddress.toUpperCase() });
        expect(answer).toEqual(await gateway.read(admin, account.sid));
      }
    });

    it('gives an account another e-mail address, by an administrator above it: the old one signs in no longer', async () => {
      const { top, child } = await family();
      const [before, after] = [child.emailAddress, uniqueEmail('Renewed')];
      expect(await gateway.update(top.login, before, { emailAddress: after })).toMatchObject({
        value: { sid: child.sid, emailAddress: after.toLowerCase() },
      });
      expect(await gateway.read({ login: after, secret: password }, child.sid)).toMatchObject({ value: { sid: child.sid } });
      expect(await gateway.read({ login: before, secret: password }, child.sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
      // It is free again.
      expect((await create(gateway, { emailAddress: before })).emailAddress).toBe(before);
    });

    it('judges a password once it is known that the caller may set it: a weak one tells nobody who exists', async () => {
      const { top, child, grandchild } = await family();
      const stranger = await create(gateway);
      const developer = await create(gateway, { parent: top.sid, role: Role.DEVELOPER });
      const forbidden = { refused: 'FORBIDDEN' };
      for (const { sid, emailAddress } of [top, stranger, { sid: missingSid(), emailAddress: uniqueEmail() }]) {
        for (const weak of ['short', emailAddress]) {
          expect(await gateway.update(child.login, sid, { password: weak })).toEqual(forbidden);
          expect(await gateway.create(developer.login, { parent: sid, emailAddress, password: weak, role: Role.DEVELOPER })).toEqual(
            forbidden,
          );
        }
      }
      expect(await gateway.update(developer.login, grandchild.sid, { password: grandchild.emailAddress })).toEqual(forbidden);
      expect(await gateway.update(admin, missingSid(), { password: 'short' })).toMatchObject({ refused: 'ACCOUNT_NOT_FOUND' });
      expect(await gateway.update(child.login, grandchild.sid, { password: 'short' })).toEqual(refused('PASSWORD_TOO_WEAK', 'password'));
      value(await gateway.close(admin, grandchild.sid));
      expect(await gateway.update(child.login, grandchild.sid, { password: 'short' })).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
    });

    it('judges the password of a new account alike below whatever account: one out of sight, or none', async () => {
      const { child } = await family();
      const stranger = await create(gateway);
      const below = (parent: string, weak: string) =>
        gateway.create(child.login, { parent, emailAddress: uniqueEmail(), password: weak, role: Role.DEVELOPER });
      for (const weak of ['short', password]) expect(await below(stranger.sid, weak)).toEqual(await below(missingSid(), weak));
    });

    it('gives nobody an e-mail address that another account has, or by its own act', async () => {
      const { top, child, grandchild } = await family();
      const stranger = await create(gateway);
      for (const { emailAddress } of [grandchild, stranger]) {
        expect(await gateway.update(top.login, child.sid, { emailAddress })).toEqual(refused('EMAIL_IN_USE', 'emailAddress'));
        expect(await gateway.update(top.login, child.sid, { emailAddress, password: 'another decent one' })).toEqual(
          refused('EMAIL_IN_USE', 'emailAddress'),
        );
      }
      expect(await gateway.update(top.login, child.sid, { emailAddress: 'no-at' })).toEqual(refused('INVALID_EMAIL', 'emailAddress'));
      expect(await gateway.update(child.login, child.sid, { emailAddress: uniqueEmail() })).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.update(admin, admin.login, { emailAddress: uniqueEmail() })).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.read(child.login, child.sid)).toMatchObject({ value: { emailAddress: child.emailAddress } });
    });

    it('holds a new password against the new e-mail address', async () => {
      const { top, child } = await family();
      const emailAddress = uniqueEmail();
      expect(await gateway.update(top.login, child.sid, { emailAddress, password: emailAddress })).toEqual(
        refused('PASSWORD_TOO_WEAK', 'password'),
      );
      value(await gateway.update(top.login, child.sid, { emailAddress, password: child.emailAddress }));
      expect(await gateway.read({ login: emailAddress, secret: child.emailAddress }, child.sid)).toMatchObject({ value: { emailAddress } });
    });
  });

  describe('the life cycle', () => {
    it('suspends and reactivates an account together with everything below it', async () => {
      const { top, child, grandchild } = await family();
      expect(await gateway.setStatus(admin, top.sid, SUSPENDED)).toMatchObject({ value: { status: SUSPENDED } });
      expect([await statusOf(child.sid), await statusOf(grandchild.sid)]).toEqual([SUSPENDED, SUSPENDED]);
      expect(await gateway.setStatus(admin, top.sid, ACTIVE)).toMatchObject({ value: { status: ACTIVE } });
      expect([await statusOf(child.sid), await statusOf(grandchild.sid)]).toEqual([ACTIVE, ACTIVE]);
    });

    it('passes over uninitialized and closed accounts when it suspends and activates', async () => {
      const { top } = await family();
      const waiting = await create(gateway, { parent: top.sid, status: UNINITIALIZED });
      const closed = await create(gateway, { parent: top.sid, status: CLOSED });
      for (const status of [SUSPENDED, ACTIVE] as const) {
        value(await gateway.setStatus(admin, top.sid, status));
        expect([await statusOf(waiting.sid), await statusOf(closed.sid)]).toEqual([UNINITIALIZED, CLOSED]);
      }
    });

    it('closes an account together with everything below it, and nothing beside it', async () => {
      const { top, child, grandchild } = await family();
      const sibling = await create(gateway, { parent: top.sid });
      expect(await gateway.close(top.login, child.sid)).toMatchObject({ value: { sid: child.sid, status: CLOSED } });
      expect([await statusOf(child.sid), await statusOf(grandchild.sid)]).toEqual([CLOSED, CLOSED]);
      expect([await statusOf(top.sid), await statusOf(sibling.sid)]).toEqual([ACTIVE, ACTIVE]);
    });

    it('activates nothing below an account that is not active', async () => {
      const { top, child } = await family();
      value(await gateway.setStatus(admin, top.sid, SUSPENDED));
      expect(await gateway.setStatus(admin, child.sid, ACTIVE)).toMatchObject({ refused: 'PARENT_NOT_ACTIVE' });
    });

    it('asks for a password to activate an uninitialized account', async () => {
      const account = await create(gateway, { status: UNINITIALIZED });
      expect(await gateway.setStatus(admin, account.sid, ACTIVE)).toMatchObject({ refused: 'PASSWORD_RESET_REQUIRED' });
      expect(await gateway.setStatus(admin, account.sid, SUSPENDED)).toMatchObject({ refused: 'INVALID_STATUS' });
    });

    it('lets nobody suspend themselves', async () => {
      for (const { login, sid } of [await create(gateway), { login: admin, sid: value(await gateway.read(admin, admin.login)).sid }]) {
        expect(await gateway.setStatus(login, sid, SUSPENDED)).toMatchObject({ refused: 'FORBIDDEN' });
      }
    });

    it('lets an Administrator close itself, with everything below it', async () => {
      const { top, child, grandchild } = await family();
      expect(await gateway.close(child.login, child.sid)).toMatchObject({ value: { sid: child.sid, status: CLOSED } });
      expect([await statusOf(top.sid), await statusOf(child.sid), await statusOf(grandchild.sid)]).toEqual([ACTIVE, CLOSED, CLOSED]);
      expect(await gateway.read(child.login, child.sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
    });

    it('lets no Developer or ProvisioningAgent close itself, nor the Super Admin', async () => {
      const others = await Promise.all([Role.DEVELOPER, Role.PROVISIONING_AGENT].map((role) => create(gateway, { role })));
      for (const { login, sid } of [...others, { login: admin, sid: value(await gateway.read(admin, admin.login)).sid }]) {
        expect(await gateway.close(login, sid)).toMatchObject({ refused: 'FORBIDDEN' });
        expect(await statusOf(sid)).toBe(ACTIVE);
      }
    });

    it.each([Role.DEVELOPER, Role.PROVISIONING_AGENT])('is not for a %s to change', async (role) => {
      const top = await create(gateway, { role });
      const child = await create(gateway, { parent: top.sid });
      expect(await gateway.close(top.login, child.sid)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.setStatus(top.login, child.sid, SUSPENDED)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.read(top.login, child.sid)).toEqual({ refused: 'FORBIDDEN' });
    });
  });

  describe('signing in', () => {
    it('works by SID and by e-mail address in any case, with the password and with the AuthToken', async () => {
      const account = await create(gateway);
      const token = value(await gateway.authToken(account.login, account.sid))!;
      expect(token).toMatch(/^[0-9a-f]{32}$/);
      for (const login of [account.sid, account.emailAddress, account.emailAddress.toUpperCase()]) {
        for (const secret of [password, token]) {
          expect(await gateway.read({ login, secret }, account.sid)).toMatchObject({ value: { sid: account.sid } });
        }
      }
    });

    it('is refused with a wrong secret, an unknown login, and a piece or an extension of the AuthToken', async () => {
      const account = await create(gateway);
      const token = value(await gateway.authToken(admin, account.sid))!;
      for (const secret of ['', 'wrong', token.slice(0, 31), `${token}0`, token.toUpperCase(), ` ${password}`]) {
        expect(await gateway.read({ login: account.sid, secret }, account.sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
      }
      for (const login of ['', missingSid(), 'nobody@nowhere.test', '\u0000', '%']) {
        expect(await gateway.read({ login, secret: password }, account.sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
      }
    });

    it.each([SUSPENDED, UNINITIALIZED])('tells that the account is %s only to whoever knows the secret', async (status) => {
      const account = await create(gateway, { status });
      expect(await gateway.read(account.login, account.sid)).toMatchObject({ refused: 'ACCOUNT_NOT_ACTIVE' });
      expect(await gateway.read({ login: account.sid, secret: 'wrong password' }, account.sid)).toMatchObject({
        refused: 'UNAUTHENTICATED',
      });
    });

    it('stops for the whole tree when an account is closed', async () => {
      const { top, grandchild } = await family();
      value(await gateway.close(admin, top.sid));
      for (const { login, sid } of [top, grandchild]) expect(await gateway.read(login, sid)).toMatchObject({ refused: 'UNAUTHENTICATED' });
    });
  });

  describe('migrating', () => {
    it('moves a top-level account with everything below it, by SID and by domain name', async () => {
      const { top, child, grandchild } = await family();
      for (const name of ['sid', 'domainName'] as const) {
        const destination = await organization();
        expect(await gateway.migrate(admin, top.sid, destination[name])).toMatchObject({ value: { organizationSid: destination.sid } });
        for (const { sid } of [child, grandchild]) {
          expect(value(await gateway.read(admin, sid)).organizationSid).toBe(destination.sid);
        }
      }
    });

    it('checks in the documented order', async () => {
      const { top, child } = await family();
      const { sid: here } = await organization();
      value(await gateway.migrate(admin, top.sid, here));
      const { sid: there } = await organization();
      const closed = await create(gateway, { status: CLOSED });
      expect(await gateway.migrate(top.login, missingSid(), undefined)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.migrate(admin, missingSid(), undefined)).toMatchObject({ refused: 'ORGANIZATION_REQUIRED' });
      expect(await gateway.migrate(admin, missingSid(), `OR${'0'.repeat(32)}`)).toMatchObject({ refused: 'ORGANIZATION_REQUIRED' });
      for (const malformed of ['OR1', 'not_a_domain', '']) {
        expect(await gateway.migrate(admin, missingSid(), malformed)).toMatchObject({ refused: 'ORGANIZATION_REQUIRED' });
      }
      expect(await gateway.migrate(admin, missingSid(), there)).toMatchObject({ refused: 'ACCOUNT_NOT_FOUND' });
      expect(await gateway.migrate(admin, closed.sid, closed.organizationSid)).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      expect(await gateway.migrate(admin, child.sid, here)).toMatchObject({ refused: 'NOT_TOP_LEVEL' });
      expect(await gateway.migrate(admin, admin.login, there)).toMatchObject({ refused: 'NOT_TOP_LEVEL' });
      expect(await gateway.migrate(admin, top.sid, here)).toMatchObject({ refused: 'SAME_ORGANIZATION' });
    });
  });

  describe('organizations', () => {
    it('are created, read and listed by the Super Admin, by domain names in any case', async () => {
      const domainName = uniqueEmail('Shop').replace('@', '.').toUpperCase();
      const created = value(await gateway.createOrganization(admin, domainName));
      expect(created).toEqual({ sid: expect.stringMatching(/^OR[0-9a-f]{32}$/), domainName: domainName.toLowerCase(), status: 'active' });
      expect(await gateway.readOrganization(admin, created.sid)).toEqual({ value: created });
      expect(value(await gateway.listOrganizations(admin, 'active'))).toContainEqual(created);
      expect(await gateway.createOrganization(admin, domainName)).toMatchObject({ refused: 'DOMAIN_NAME_IN_USE' });
      expect(await gateway.createOrganization(admin, 'not_a_domain')).toMatchObject({ refused: 'INVALID_DOMAIN_NAME' });
    });

    it('show an Administrator its own, and nobody else any', async () => {
      const own = await organization();
      const other = await organization();
      const top = await create(gateway, { organization: own.sid });
      const developer = await create(gateway, { parent: top.sid, role: Role.DEVELOPER });
      expect(await gateway.readOrganization(top.login, own.sid)).toEqual({ value: own });
      expect(await gateway.readOrganization(top.login, other.sid)).toEqual({ refused: 'FORBIDDEN' });
      expect(await gateway.readOrganization(developer.login, own.sid)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.listOrganizations(top.login)).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.createOrganization(top.login, 'mine.test')).toMatchObject({ refused: 'FORBIDDEN' });
    });
  });

  describe('profiles', () => {
    const defaultProfile = 'PRae6e420f425248d6a26948c17a9e2acf';
    const profile = async (document = { outboundSMS: { allowed: true } }) => value(await gateway.createProfile(admin, document)).sid;

    it('are created, read, replaced, listed and deleted by the Super Admin', async () => {
      const document = { outboundPSTN: {}, 'ünï "quoted"': [1, null, { deep: false }], empty: '' };
      const { sid, ...created } = value(await gateway.createProfile(admin, document));
      expect(sid).toMatch(/^PR[0-9a-f]{32}$/);
      expect(created).toEqual({ document });
      expect(await gateway.readProfile(admin, sid)).toEqual({ value: { sid, document } });
      expect(await gateway.updateProfile(admin, sid, {})).toEqual({ value: { sid, document: {} } });
      expect(await gateway.readProfile(admin, sid)).toEqual({ value: { sid, document: {} } });
      expect(value(await gateway.listProfiles(admin))).toEqual(expect.arrayContaining([defaultProfile, sid]));
      expect(await gateway.deleteProfile(admin, sid)).toEqual({ value: sid });
      expect(value(await gateway.listProfiles(admin))).not.toContain(sid);
      expect(await gateway.updateProfile(admin, sid, {})).toMatchObject({ refused: 'PROFILE_NOT_FOUND' });
      expect(await gateway.deleteProfile(admin, sid)).toMatchObject({ refused: 'PROFILE_NOT_FOUND' });
    });

    it('have a default one from the first start, which nobody changes or deletes', async () => {
      expect(await gateway.readProfile(admin, defaultProfile)).toMatchObject({ value: { sid: defaultProfile } });
      expect(await gateway.updateProfile(admin, defaultProfile, { mine: true })).toMatchObject({ refused: 'FORBIDDEN' });
      expect(await gateway.deleteProfile(admin, defaultProfile)).toMatchObject({ refused: 'FORBIDDEN' });
      const features = ['DIDPurchase', 'subaccountsCreation', 'outboundPSTN', 'inboundPSTN', 'outboundSMS', 'inboundSMS', 'asr', 'USSD'];
      const document = {
        featureEnablement: Object.fromEntries([...features, 'inboundUSSD', 'outboundUSSD'].map((feature) => [feature, {}])),
      };
      expect(await gateway.readProfile(admin, defaultProfile)).toEqual({ value: { sid: defaultProfile, document } });
    });

    it('are in effect by the account’s own link, else its nearest ancestor’s, else its organization’s, else by default', async () => {
      const { sid: organizationSid } = await organization();
      const top = await create(gateway, { organization: organizationSid });
      const child = await create(gateway, { parent: top.sid });
      const grandchild = await create(gateway, { parent: child.sid });
      const effective = async () =>
        Promise.all([top, child, grandchild].map(async ({ sid }) => value(await gateway.effectiveProfile(admin, { account: sid }))));
      expect(await effective()).toEqual([defaultProfile, defaultProfile, defaultProfile]);
      expect(await gateway.effectiveProfile(admin, { organization: organizationSid })).toEqual({ value: defaultProfile });

      const [ofOrganization, ofTop, ofGrandchild, another] = [await profile(), await profile(), await profile(), await profile()];
      value(await gateway.linkProfile(admin, ofOrganization, { organization: organizationSid }));
      expect(await effective()).toEqual([ofOrganization, ofOrganization, ofOrganization]);
      expect(await gateway.effectiveProfile(admin, { organization: organizationSid })).toEqual({ value: ofOrganization });
      value(await gateway.linkProfile(admin, ofGrandchild, { account: grandchild.sid }));
      value(await gateway.linkProfile(admin, ofTop, { account: top.sid }));
      expect(await effective()).toEqual([ofTop, ofTop, ofGrandchild]);

      value(await gateway.linkProfile(admin, another, { account: top.sid }));
      expect(await effective()).toEqual([another, another, ofGrandchild]);
      value(await gateway.unlinkProfile(admin, ofTop, { account: top.sid }));
      expect(await effective()).toEqual([another, another, ofGrandchild]);
      value(await gateway.unlinkProfile(admin, another, { account: top.sid }));
      value(await gateway.unlinkProfile(admin, another, { account: top.sid }));
      expect(await effective()).toEqual([ofOrganization, ofOrganization, ofGrandchild]);
      value(await gateway.deleteProfile(admin, ofOrganization));
      expect(await effective()).toEqual([defaultProfile, defaultProfile, ofGrandchild]);
    });

    it('are linked to no account or organization that does not exist or is closed, and to no missing profile', async () => {
      const account = await create(gateway, { status: CLOSED });
      const open = await create(gateway);
      const sid = await profile();
      const missing = `PR${'0'.repeat(32)}`;
      expect(await gateway.linkProfile(admin, sid, { account: account.sid })).toMatchObject({ refused: 'ACCOUNT_CLOSED' });
      expect(await gateway.linkProfile(admin, sid, { account: missingSid() })).toMatchObject({ refused: 'ACCOUNT_NOT_FOUND' });
      expect(await gateway.linkProfile(admin, sid, { organization: `OR${'0'.repeat(32)}` })).toMatchObject({
        refused: 'ORGANIZATION_NOT_FOUND',
      });
      expect(await gateway.linkProfile(admin, missing, { account: open.sid })).toMatchObject({ refused: 'PROFILE_NOT_FOUND' });
      expect(await gateway.unlinkProfile(admin, missing, { account: open.sid })).toMatchObject({ refused: 'PROFILE_NOT_FOUND' });
    });

    it('lose their links when an account is closed', async () => {
      const { top, child } = await family();
      const sid = await profile();
      value(await gateway.linkProfile(admin, sid, { account: child.sid }));
      value(await gateway.close(admin, top.sid));
      expect(await gateway.effectiveProfile(admin, { account: child.sid })).toEqual({ value: defaultProfile });
    });

    it('are read by whoever sees an account or organization that they are in effect for, and by no one else', async () => {
      const { sid: organizationSid } = await organization();
      const top = await create(gateway, { organization: organizationSid });
      const child = await create(gateway, { parent: top.sid, role: Role.PROVISIONING_AGENT });
      const other = await create(gateway, { parent: top.sid, role: Role.DEVELOPER });
      const belowOther = await create(gateway, { parent: other.sid });
      const [ofOrganization, ofTop, ofChild, unlinked] = [await profile(), await profile(), await profile(), await profile()];
      const ofBelowOther = await profile();
      value(await gateway.linkProfile(admin, ofBelowOther, { account: belowOther.sid }));
      value(await gateway.linkProfile(admin, ofOrganization, { organization: organizationSid }));
      value(await gateway.linkProfile(admin, ofTop, { account: top.sid }));
      value(await gateway.linkProfile(admin, ofChild, { account: child.sid }));
      const readable = async ({ login }: { login: Login }) => {
        const answers = await Promise.all(
          [ofOrganization, ofTop, ofChild, unlinked, ofBelowOther].map((sid) => gateway.readProfile(login, sid)),
        );
        return answers.map((answer) => ('refused' in answer ? answer.refused : 'read'));
      };
      expect(await readable(top)).toEqual(['read', 'read', 'read', 'FORBIDDEN', 'read']);
      expect(await readable(child)).toEqual(['FORBIDDEN', 'FORBIDDEN', 'read', 'FORBIDDEN', 'FORBIDDEN']);
      expect(await readable(other)).toEqual(['FORBIDDEN', 'read', 'FORBIDDEN', 'FORBIDDEN', 'FORBIDDEN']);
      expect(await gateway.readProfile(top.login, `PR${'0'.repeat(32)}`)).toEqual({ refused: 'FORBIDDEN' });
      // The default one is in effect for none of these.
      for (const { login } of [top, child, other])
        expect(await gateway.readProfile(login, defaultProfile)).toEqual({ refused: 'FORBIDDEN' });
      expect(await gateway.effectiveProfile(top.login, { account: child.sid })).toEqual({ value: ofChild });
      expect(await gateway.effectiveProfile(top.login, { organization: organizationSid })).toEqual({ value: ofOrganization });
    });

    it.each(Object.values(Role))('are for no %s to change, link or list', async (role) => {
      const { login, sid: account } = await create(gateway, { role });
      const sid = await profile();
      for (const answer of [
        await gateway.createProfile(login, {}),
        await gateway.updateProfile(login, sid, {}),
        await gateway.deleteProfile(login, sid),
        await gateway.linkProfile(login, sid, { account }),
        await gateway.unlinkProfile(login, sid, { account }),
        await gateway.listProfiles(login),
      ]) {
        expect(answer).toMatchObject({ refused: 'FORBIDDEN' });
      }
    });
  });
}

function value<Value>(answer: Answer<Value>): Value {
  if ('refused' in answer) throw new Error(`refused: ${answer.refused} ${answer.field ?? ''}`);
  return answer.value;
}
