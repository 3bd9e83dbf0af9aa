import { expect, it } from 'vitest';
import type { Sid } from '../../src/domain/sid.js';
import { describeRaces } from '../support/races.js';
import { uniqueEmail } from '../support/tree.js';

describeRaces('organizations and profiles', (races) => {
  const {
    ask,
    create,
    close,
    migrate,
    closeOrganization,
    linkProfile,
    deleteProfile,
    plant,
    plantOrganization,
    plantProfile,
    together,
    race,
  } = races;

  it('creating an account while its tree is migrated puts it into the new organization', async () => {
    const [home, away] = [await plantOrganization(), await plantOrganization()];
    await race(async () => {
      const line = await plant(['active', 'active'], home);
      const told = await together(create(line[1]!), migrate(line[0]!, away), create(line[0]!));
      const strays = await races.database.query(`SELECT 1 FROM account WHERE top_level_sid = $1 AND organization_sid <> $2`, [
        line[0],
        away,
      ]);
      expect(strays).toEqual([]);
      return { told, mayBe: [['OK'], ['OK'], ['OK']] };
    });
  });

  it('creating a top-level account while its organization is closed leaves no open account in a closed organization', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const told = await together(create(races.root.sid, { organization: { sid: organization } }), closeOrganization(organization));
      expect(told.filter((code) => code === 'OK')).toHaveLength(1);
      return {
        told,
        mayBe: [
          ['OK', 'ORGANIZATION_NOT_FOUND'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('migrating into an organization while it is closed leaves no open account in a closed organization', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const line = await plant(['active', 'active']);
      const told = await together(migrate(line[0]!, organization), closeOrganization(organization));
      expect(told.filter((code) => code === 'OK')).toHaveLength(1);
      return {
        told,
        mayBe: [
          ['OK', 'ORGANIZATION_REQUIRED'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('closing an organization while its last tree is closed, grows or leaves finds it empty or not', async () => {
    const elsewhere = await plantOrganization();
    await race(async () => {
      const organization = await plantOrganization();
      const [one, other] = [await plant(['active'], organization), await plant(['active'], organization)];
      const told = await together(
        close(one[0]!),
        migrate(other[0]!, elsewhere),
        create(one[0]!),
        create(other[0]!),
        closeOrganization(organization),
      );
      return { told, mayBe: [['OK'], ['OK'], ['OK', 'PARENT_NOT_ACTIVE'], ['OK'], ['OK', 'ORGANIZATION_NOT_EMPTY']] };
    });
  });

  it('linking a profile while its account or organization is closed, or it is deleted, leaves no link of what is closed', async () => {
    await race(async () => {
      const organization = await plantOrganization();
      const [top, child] = await plant(['active', 'active'], organization);
      const [profile, another] = [await plantProfile(), await plantProfile()];
      const told = await together(
        linkProfile(profile, { accountSid: child }),
        linkProfile(another, { accountSid: child }),
        linkProfile(profile, { organizationSid: organization }),
        deleteProfile(another),
        close(top!),
        closeOrganization(organization),
      );
      return {
        told,
        mayBe: [
          ['OK', 'ACCOUNT_CLOSED'],
          ['OK', 'ACCOUNT_CLOSED', 'PROFILE_NOT_FOUND'],
          ['OK', 'ORGANIZATION_NOT_FOUND'],
          ['OK'],
          ['OK'],
          ['OK', 'ORGANIZATION_NOT_EMPTY'],
        ],
      };
    });
  });

  it('deleting a profile while trees with many of its links are closed waits, and never in a circle', async () => {
    await race(async () => {
      const profile = await plantProfile();
      const [top] = await plant(['active']);
      const children: Sid[] = [];
      for (let count = 0; count < 12; count++) {
        const { sid } = (await ask('createAccount', { parentSid: top, emailAddress: uniqueEmail(), role: 'DEVELOPER' })).data.account;
        children.push(sid);
      }
      await races.database.query(`INSERT INTO account_profile SELECT sid, $1 FROM unnest($2::text[]) AS sid ORDER BY random()`, [
        profile,
        children,
      ]);
      const told = await together(
        deleteProfile(profile),
        close(top!),
        ...children.slice(0, 3).map((sid) => linkProfile(profile, { accountSid: sid })),
      );
      return { told, mayBe: [['OK'], ['OK']] };
    });
  });
});
