import { describe, expect, it } from 'vitest';
import type { Sid } from '../../src/domain/sid.js';
import { type Call, describeRaces } from '../support/races.js';
import { password } from '../support/tree.js';

describeRaces('a tree', (races) => {
  const {
    create,
    rename,
    setPassword,
    suspend,
    activate,
    close,
    migrate,
    rotate,
    closeOrganization,
    linkProfile,
    deleteProfile,
    put,
    makeResetToken,
    plant,
    plantOrganization,
    plantProfile,
    stateOf,
    together,
    race,
  } = races;

  const levels: [string, number][] = [
    ['top-level account', 0],
    ['grandparent', 1],
    ['parent', 2],
  ];

  describe.each(levels)('creating an account while its %s', (_name, level) => {
    it('is closed leaves nothing open', async () => {
      await race(async () => {
        const line = await plant(['active', 'active', 'active']);
        const told = await together(create(line[2]!), close(line[level]!), create(line[2]!));
        return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
      });
    });

    it('is suspended leaves nothing active', async () => {
      await race(async () => {
        const line = await plant(['active', 'active', 'active']);
        const told = await together(create(line[2]!), suspend(line[level]!), create(line[2]!));
        return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
      });
    });
  });

  it('cascades that cross keep each account at most as active as its parent', async () => {
    await race(async () => {
      const [, parent, child, grandchild] = await plant(['active', 'active', 'suspended', 'suspended']);
      const told = await together(suspend(parent!), activate(child!), close(grandchild!));
      expect((await stateOf(child!)).status).toBe('suspended');
      expect((await stateOf(grandchild!)).status).toBe('closed');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE'], ['OK']] };
    });
  });

  it('activating a child while its parent is suspended leaves it suspended', async () => {
    await race(async () => {
      const [parent, child] = await plant(['active', 'suspended']);
      const told = await together(suspend(parent!), activate(child!));
      expect((await stateOf(child!)).status).toBe('suspended');
      return { told, mayBe: [['OK'], ['OK', 'PARENT_NOT_ACTIVE']] };
    });
  });

  it.each([
    ['a top-level account', 0],
    ['an account below', 1],
  ])('updates of %s at once are all made', async (_name, level) => {
    await race(async () => {
      const line = await plant(['active', 'active']);
      const account = line[level]!;
      const told = await together(...Array.from({ length: 4 }, () => rename(account)), create(account), rotate(account));
      expect((await stateOf(account)).version).toBe(6);
      return { told, mayBe: told.map(() => ['OK']) };
    });
  });

  it('updating a child while its tree is closed either comes first or is refused', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'active']);
      const told = await together(rename(child!), close(top!), setPassword(child!), makeResetToken(child!));
      return { told, mayBe: [['OK', 'ACCOUNT_CLOSED'], ['OK'], ['OK', 'ACCOUNT_CLOSED'], ['OK', 'ACCOUNT_CLOSED']] };
    });
  });

  it('changing a name and the status at once happens whole, or is refused', async () => {
    await race(async () => {
      const [top, child] = await plant(['active', 'suspended']);
      const told = await together(put(child!, { FriendlyName: 'both', Status: 'active' }), suspend(top!), activate(top!));
      const [account] = await races.database.query<{ name: string }>(`SELECT friendly_name AS name FROM account WHERE sid = $1`, [child]);
      expect(account!.name).toBe(told[0] === 'OK' ? 'both' : 'planted');
      return { told, mayBe: [['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK']] };
    });
  });

  it('any changes of one tree at once break nothing', async () => {
    await race(async () => {
      const [home, away] = [await plantOrganization(), await plantOrganization()];
      const line = await plant(['active', 'active', 'suspended', 'uninitialized'], home);
      const profile = await plantProfile();
      const anyOf = <Item>(items: Item[]): Item => items[Math.floor(Math.random() * items.length)]!;
      const kinds: ((sid: Sid) => Call)[] = [
        create,
        rename,
        setPassword,
        suspend,
        activate,
        rotate,
        makeResetToken,
        (sid) => put(sid, { FriendlyName: 'Put', Status: anyOf(['active', 'suspended', 'closed']) }),
        (sid) => put(sid, { Password: password, Status: 'active' }),
        (sid) => linkProfile(profile, { accountSid: sid }),
        () => linkProfile(profile, { organizationSid: anyOf([home, away]) }),
        () => deleteProfile(profile),
        () => migrate(line[0]!, anyOf([home, away])),
        () => closeOrganization(anyOf([home, away])),
        () => create(races.root.sid, { organization: { sid: anyOf([home, away]) } }),
      ];
      const mixed = Array.from({ length: 11 }, () => anyOf(kinds)(anyOf(line)));
      const told = await together(...mixed, close(anyOf(line)));
      return { told };
    });
  });
});
