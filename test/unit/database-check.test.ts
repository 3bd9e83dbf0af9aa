import { describe, expect, it } from 'vitest';
import { type DatabaseFacts, type DatabaseUse, databaseMistakes } from '../../src/persistence/schema/database-check.js';
import { version } from '../../src/version.js';

const known = ['Accounts1', 'Profiles2'];
const rights = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const;
const sound: DatabaseFacts = {
  versionNumber: 150_000,
  version: '15.0',
  database: 'gateway',
  encoding: 'UTF8',
  role: 'gateway',
  schema: 'public',
  mayCreate: true,
  isReplica: false,
  trigrams: 'created',
  mayExtend: true,
  tables: ['account', 'history', 'migration'].map((name) => ({ name, isOwned: true, rights })),
  migrated: known,
  migratedBy: null,
};
const gateway: DatabaseUse = { migrates: true, rights: 'all' };

const mistakes = (facts: Partial<DatabaseFacts>, use: Partial<DatabaseUse> = {}): string[] =>
  databaseMistakes({ ...sound, ...facts }, known, { ...gateway, ...use });

describe('what is wrong with a database', () => {
  it('is nothing, from PostgreSQL 15 on', () => {
    expect([mistakes({}), mistakes({ versionNumber: 180_001, version: '18.1' })]).toEqual([[], []]);
  });

  it('is a server before PostgreSQL 15, whatever else it has', () => {
    expect(mistakes({ versionNumber: 140_022, version: '14.22 (Debian)', encoding: 'LATIN1' })).toEqual([
      'The database server is PostgreSQL 14.22 (Debian); the gateway needs 15 or later.',
    ]);
  });

  it('is a server without trigrams, or a role that may not create them where they are needed', () => {
    expect(mistakes({ trigrams: 'missing' })).toEqual([
      `The database server lacks the extension pg_trgm, by which texts are found. Install PostgreSQL's own additional modules ("contrib").`,
    ]);
    expect(mistakes({ trigrams: 'available', mayExtend: false, migrated: [] })).toEqual([
      'The role "gateway" may not create the extension pg_trgm in the database "gateway". Run CREATE EXTENSION pg_trgm there as a role that may, or grant it CREATE on the database.',
    ]);
    expect(mistakes({ trigrams: 'available', migrated: [] })).toEqual([]);
  });

  it('is told whole, a sentence for each mistake', () => {
    const tables = [{ name: 'account', isOwned: false, rights: ['SELECT'] as const }];
    expect(mistakes({ encoding: 'LATIN1', tables, migrated: [...known, 'Webhooks3'] })).toEqual([
      expect.stringMatching(/^The database "gateway" has the encoding LATIN1; the gateway needs UTF8\. Make one by: CREATE DATABASE/),
      `A newer gateway has changed this database (Webhooks3), which version ${version} does not know. Use the version that made it, or a later one.`,
      'The role "gateway" lacks rights that the gateway needs: INSERT, UPDATE on account. Grant them.',
    ]);
  });

  it('is a migration of a newer gateway, whose version it says where that is known', () => {
    expect(mistakes({ migrated: [...known, 'Webhooks3'], migratedBy: '9.1.0' })).toEqual([
      expect.stringMatching(/Use 9\.1\.0, or a later one\.$/),
    ]);
  });

  it('is no right that no statement needs: none to falsify the history, and to read it alone where it is verified', () => {
    const tables = [
      { name: 'account', isOwned: false, rights: ['SELECT', 'INSERT', 'UPDATE'] as const },
      { name: 'history', isOwned: false, rights: ['SELECT', 'INSERT'] as const },
      { name: 'migration', isOwned: false, rights: ['SELECT'] as const },
    ];
    expect(mistakes({ tables, mayCreate: false })).toEqual([]);
    const reader = [
      { name: 'account', isOwned: false, rights: [] },
      { name: 'history', isOwned: false, rights: ['SELECT'] as const },
    ];
    expect(mistakes({ tables: reader, migrated: [] }, { rights: 'read history', migrates: false })).toEqual([]);
  });

  it.each([
    [{ isReplica: true }, /^The database is a replica, .* Set DATABASE_URL to its primary\.$/],
    [{ schema: null, mayCreate: false }, /^No schema of the search path exists/],
    [{ mayCreate: false }, /^The role "gateway" may not make tables in the schema "public", as migrations do\. Grant it CREATE/],
    [{ tables: [{ name: 'account', isOwned: false, rights }] }, /^The role "gateway" does not own account, which migrations change\./],
  ])('is, where migrations are to run, %j', (facts, sentence) => {
    expect(mistakes({ ...facts, migrated: ['Accounts1'] })).toEqual([expect.stringMatching(sentence)]);
    for (const [migrated, migrates] of [
      [known, true],
      [['Accounts1'], false],
    ] as const) {
      expect(mistakes({ ...facts, migrated }, { migrates })).toEqual([]);
    }
  });
});
