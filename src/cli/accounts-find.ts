import type { Account } from '../domain/account.js';
import { type AccountFilter, accountColumns, parseFilter, treeOrder } from '../domain/account-list.js';
import { jsonOf, nameOf, roleOf, statusAuthorsOf, statusInWords } from './account-view.js';
import { UsageError } from './failure.js';
import { type Operator, asOperator } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson, table } from './terminal.js';

/** How many accounts are shown. */
const foundAtMost = 100;

/** `account-gateway accounts find`: accounts by their SID, or by part of their name or address. */
export async function findAccounts(text: string, { json }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  await asOperator(shutdown, { reads: true }, async (operator) => {
    const { accounts, hasMore } = await search(operator, text);
    if (accounts.length === 0) process.exitCode = 1;
    const authors = await statusAuthorsOf(operator, accounts);
    const authorOf = ({ sid }: Account) => authors.get(sid) ?? null;
    if (json) return printJson({ accounts: accounts.map((account) => jsonOf(account, authorOf(account))), hasMore });
    if (accounts.length === 0) return print('No account has that SID, or that text in its name or address.');
    for (const line of table(
      accounts.map((account) => [account.sid, nameOf(account), roleOf(account), statusInWords(account, authorOf(account))]),
    ))
      print(line);
    if (hasMore) print(`… and more: these are the first ${foundAtMost}.`);
  });
}

async function search({ accountQueries, caller: { actor } }: Operator, text: string): Promise<{ accounts: Account[]; hasMore: boolean }> {
  const named = await accountQueries.find(actor, { either: text });
  if (named !== null) return { accounts: [named], hasMore: false };
  const root = actor.account;
  const page = { size: foundAtMost, backward: false, from: undefined };
  const filter = filterOf(text);
  const listing = { scope: { kind: 'descendants' }, filter, order: treeOrder, page, columns: accountColumns, cursors: false } as const;
  const [found] = await accountQueries.pages(actor, listing, [root]);
  // The list is of what is below the root.
  const isRoot = `${root.friendlyName}\n${root.emailAddress}`.toLowerCase().includes(text.toLowerCase());
  return { accounts: [...(isRoot ? [root] : []), ...(found!.rows as Account[])], hasMore: found!.hasNextPage };
}

/** @throws UsageError if the text is too short or too long to be looked for */
function filterOf(text: string): AccountFilter {
  try {
    return parseFilter({ text });
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}
