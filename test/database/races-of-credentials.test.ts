import { expect, it } from 'vitest';
import { describeRaces } from '../support/races.js';
import { password, uniqueEmail } from '../support/tree.js';

describeRaces('credentials and claims', (races) => {
  const { ask, told, create, rename, setPassword, suspend, close, rotate, plant, stateOf, together, race } = races;

  it('a first password while the parent is suspended leaves the account not active', async () => {
    await race(async () => {
      const [, parent, child] = await plant(['active', 'active', 'uninitialized']);
      const told = await together(suspend(parent!), setPassword(child!));
      expect((await stateOf(child!)).status).not.toBe('active');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('rotating the token of %s while the tree is closed leaves no credentials', async (_name, level) => {
    await race(async () => {
      const line = await plant(['active', 'active']);
      const told = await together(rotate(line[level]!), close(line[0]!), setPassword(line[level]!));
      return { told, mayBe: [['OK', 'ACCOUNT_CLOSED'], ['OK'], ['OK', 'ACCOUNT_CLOSED']] };
    });
  });

  it('of ten who create an account with one e-mail address, one does', async () => {
    await race(async () => {
      const [one, other] = [await plant(['active', 'active']), await plant(['active'])];
      const emailAddress = uniqueEmail();
      const parents = [one[0]!, one[1]!, other[0]!, races.root.sid, one[0]!];
      const told = await together(...[...parents, ...parents].map((parent) => create(parent, { emailAddress })));
      expect(told.toSorted()).toEqual([...Array.from({ length: 9 }, () => 'EMAIL_IN_USE'), 'OK']);
      return { told: told.toSorted() };
    });
  });

  it('an e-mail address is taken over only from an account that is closed', async () => {
    await race(async () => {
      const [holder] = await plant(['active']);
      const [account] = await races.database.query<{ email: string }>(`SELECT email_address AS email FROM account WHERE sid = $1`, [
        holder,
      ]);
      const told = await together(
        close(holder!),
        create(races.root.sid, { emailAddress: account!.email }),
        create(races.root.sid, { emailAddress: account!.email }),
      );
      expect(told.slice(1)).toContain('EMAIL_IN_USE');
      return { told, mayBe: [['OK'], ['OK', 'EMAIL_IN_USE'], ['OK', 'EMAIL_IN_USE']] };
    });
  });

  it('of ten who use one reset token, one does', async () => {
    await race(async () => {
      const [, child] = await plant(['active', 'uninitialized']);
      const { data } = await ask('createPasswordResetToken', { sid: child }, 'resetToken');
      const told10 = Array.from({ length: 10 }, () => told('resetPassword', { token: data.resetToken, password }, 'sid'));
      const answers = (await together(...told10)).toSorted();
      expect(answers).toEqual([...Array.from({ length: 9 }, () => 'BAD_USER_INPUT'), 'OK']);
      expect(await stateOf(child!)).toMatchObject({ status: 'active', version: 2 });
      return { told: answers };
    });
  });

  it('using a reset token while the account is closed leaves neither token nor credentials', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'uninitialized']);
      const { data } = await ask('createPasswordResetToken', { sid: child }, 'resetToken');
      const told2 = await together(told('resetPassword', { token: data.resetToken, password }, 'sid'), close(top!));
      return { told: told2, mayBe: [['OK', 'BAD_USER_INPUT'], ['OK']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('of ten who change the same version of %s, one does', async (_name, level) => {
    await race(async () => {
      const sid = (await plant(['active', 'active']))[level]!;
      const changes = Array.from({ length: 9 }, () => rename(sid, { version: 1 }));
      const answers = (await together(...changes, told('setAccountStatus', { sid, status: 'SUSPENDED', version: 1 }))).toSorted();
      expect(answers).toEqual(['OK', ...Array.from({ length: 9 }, () => 'VERSION_CONFLICT')]);
      expect((await stateOf(sid)).version).toBe(2);
      return { told: answers };
    });
  });
});
