import { type Account, AccountStatus, type StatusCount } from '../domain/account.js';
import { type AccountScope, accountColumns, creationOrder } from '../domain/account-list.js';
import type { Sid } from '../domain/sid.js';
import { UsageError } from './failure.js';
import { type StatusAuthor, countsInWords, jsonOf, nameOf, roleOf, statusAuthorsOf, statusInWords } from './account-view.js';
import { type Operator, asOperator } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson, styled } from './terminal.js';

/** An account of the tree that is shown. */
interface TreeNode {
  account: Account;
  children: TreeNode[];
  /** The children that are not shown, by status; all that is below it, where no level below it is shown. */
  hidden: StatusCount[];
  isOpen: boolean;
}

/** How many children of one account are shown. */
const childrenAtMost = 20;

/** From how many accounts on no further level is shown. */
const enough = 1000;

/** `account-gateway accounts tree`: the accounts below the Super Admin or another one, as a tree. */
export async function showTree(
  named: string | undefined,
  { depth, json }: { depth: number; json?: boolean },
  shutdown: Shutdown,
): Promise<void> {
  if (!Number.isInteger(depth) || depth < 1 || depth > 50) throw new UsageError('--depth must be a number of levels from 1 to 50.');
  await asOperator(shutdown, { reads: true }, async (operator) => {
    const { accountQueries, caller } = operator;
    const top = await accountQueries.get(caller.actor, named === undefined ? { sid: caller.actor.account.sid } : { either: named });
    const [[below], tree] = [await countsBelow(operator, [top], { kind: 'descendants' }), await readTree(operator, top, depth)];
    const authors = await statusAuthorsOf(operator, accountsOf(tree));
    if (json) return printJson({ ...jsonTreeOf(tree, authors), below: asObject(below!) });
    print(`${lineOf(tree, authors)}${below!.length === 0 ? '' : `  (${countsInWords(below!, 'below')})`}`);
    for (const line of linesBelow(tree, authors)) print(line);
  });
}

/** Reads the tree level by level: each by one statement, and by one for each status where not all is shown. */
async function readTree(operator: Operator, top: Account, depth: number): Promise<TreeNode> {
  const { accountQueries, caller } = operator;
  const page = { size: childrenAtMost, backward: false, from: undefined };
  const listing = { scope: { kind: 'children' }, filter: {}, order: creationOrder, page, columns: accountColumns, cursors: false } as const;
  const tree = nodeOf(top);
  let level = [tree];
  let shown = 1;
  for (let step = 0; step < depth && level.length > 0 && shown < enough; step++) {
    const pages = await accountQueries.pages(
      caller.actor,
      listing,
      level.map(({ account }) => account),
    );
    level.forEach((node, index) => {
      node.isOpen = true;
      node.children = pages[index]!.rows.map((row) => nodeOf(row as Account));
    });
    const long = level.filter((_node, index) => pages[index]!.hasNextPage);
    const counts = await countsBelow(
      operator,
      long.map(({ account }) => account),
      { kind: 'children' },
    );
    long.forEach(
      (node, index) => (node.hidden = counts[index]!.map((all) => withoutShown(all, node.children)).filter(({ count }) => count > 0)),
    );
    level = level.flatMap(({ children }) => children);
    shown += level.length;
  }
  const counts = await countsBelow(
    operator,
    level.map(({ account }) => account),
    { kind: 'descendants' },
  );
  level.forEach((node, index) => (node.hidden = counts[index]!));
  return tree;
}

function nodeOf(account: Account): TreeNode {
  return { account, children: [], hidden: [], isOpen: false };
}

function withoutShown({ status, count }: StatusCount, children: readonly TreeNode[]): StatusCount {
  return { status, count: count - children.filter(({ account }) => account.status === status).length };
}

/** How many accounts there are below each of the owners, by status; nothing of those that there are none of. */
export async function countsBelow(
  { accountQueries, caller }: Operator,
  owners: readonly Account[],
  scope: AccountScope,
): Promise<StatusCount[][]> {
  if (owners.length === 0) return [];
  const counts = owners.map((): StatusCount[] => []);
  for (const status of Object.values(AccountStatus)) {
    const ofStatus = await accountQueries.counts(caller.actor, { scope, filter: { status } }, owners);
    ofStatus.forEach((count, index) => count > 0 && counts[index]!.push({ status, count }));
  }
  return counts;
}

function accountsOf({ account, children }: TreeNode): Account[] {
  return [account, ...children.flatMap(accountsOf)];
}

function lineOf({ account }: TreeNode, authors: ReadonlyMap<Sid, StatusAuthor>): string {
  return [nameOf(account), roleOf(account), statusInWords(account, authors.get(account.sid) ?? null), styled('dim', account.sid)].join(
    '  ',
  );
}

function linesBelow({ children, hidden, isOpen }: TreeNode, authors: ReadonlyMap<Sid, StatusAuthor>): string[] {
  const parts = children.map((child) => {
    const folded = child.isOpen || child.hidden.length === 0 ? '' : `  (${countsInWords(child.hidden, 'below')})`;
    return [lineOf(child, authors) + folded, ...linesBelow(child, authors)];
  });
  if (isOpen && hidden.length > 0) parts.push([`… and ${countsInWords(hidden, 'more')}`]);
  return parts.flatMap((lines, index) => {
    const isLast = index === parts.length - 1;
    return lines.map((line, number) => (number === 0 ? (isLast ? '└─ ' : '├─ ') : isLast ? '   ' : '│  ') + line);
  });
}

/** As JSON: `more` are the children that are not shown, `below` all that is below an account of the last level. */
function jsonTreeOf({ account, children, hidden, isOpen }: TreeNode, authors: ReadonlyMap<Sid, StatusAuthor>): object {
  return {
    ...jsonOf(account, authors.get(account.sid) ?? null),
    ...(isOpen ? { children: children.map((child) => jsonTreeOf(child, authors)), more: asObject(hidden) } : { below: asObject(hidden) }),
  };
}

/** Counts by status, as JSON shows them. */
export function asObject(counts: readonly StatusCount[]): Partial<Record<AccountStatus, number>> {
  return Object.fromEntries(counts.map(({ status, count }) => [status, count]));
}
