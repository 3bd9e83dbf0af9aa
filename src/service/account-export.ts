import type { Sid } from '../domain/sid.js';
import type { Database, Repositories } from '../persistence/connection/database.js';

/** How many accounts or organizations are read at once; profiles can be long. */
const batchSizes = { organizations: 500, profiles: 20, accounts: 1_000 };

/**
 * Tells of the account, or of the root, and everything below it, with its organizations, profiles and links, but no secrets: a line for
 * each, in batches, all as of one moment. The account is told as a root, so that what is exported can be imported. Returns whether
 * there is such an account.
 */
export async function exportTree(
  database: Database,
  sid: Sid | undefined,
  write: (lines: readonly object[]) => Promise<void>,
): Promise<boolean> {
  return database.snapshot(async (repositories) => {
    const { accounts, exports } = repositories;
    const top = sid === undefined ? await accounts.findRoot() : await accounts.find(sid);
    if (top === undefined) return false;
    const { path } = top;
    let lines = 0;
    const writeCounted = (batch: readonly object[]): Promise<void> => {
      lines += batch.length;
      return write(batch);
    };
    for await (const rows of inBatches(batchSizes.organizations, exports.organizationsAfter.bind(exports, path), bySid))
      await writeCounted([...rows.map((row) => ({ kind: 'organization', ...row })), ...(await linesOfLinks(repositories, rows))]);
    for await (const rows of inBatches(batchSizes.profiles, exports.profilesAfter.bind(exports, path), bySid))
      await writeCounted(rows.map((row) => ({ kind: 'profile', ...row })));
    for await (const rows of inBatches(batchSizes.accounts, exports.accountsAfter.bind(exports, path), (row) => row.path)) {
      const exported = rows.map(({ path: own, parentSid, ...row }) => ({
        kind: 'account',
        parentSid: own === path ? null : parentSid,
        ...row,
      }));
      await writeCounted([...exported, ...(await linesOfLinks(repositories, rows))]);
    }
    // Without it, nobody could tell a file that was cut off.
    await write([{ kind: 'end', lines: String(lines) }]);
    return true;
  });
}

const bySid = ({ sid }: { sid: Sid }): Sid => sid;

/** Rows in batches, each read from the key of the last one on. */
async function* inBatches<Row>(size: number, read: (after: string, size: number) => Promise<Row[]>, keyOf: (row: Row) => string) {
  for (let after = ''; ;) {
    const rows = await read(after, size);
    if (rows.length > 0) yield rows;
    if (rows.length < size) return;
    after = keyOf(rows.at(-1)!);
  }
}

async function linesOfLinks({ profiles }: Repositories, owners: readonly { sid: Sid }[]): Promise<object[]> {
  const links = await profiles.linksOf(owners.map(({ sid }) => sid));
  return [...links].map(([ownerSid, profileSid]) => ({ kind: 'link', ownerSid, profileSid }));
}
