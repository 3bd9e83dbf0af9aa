import { type Account, type AccountStatus, type StatusCount, isRoot } from '../domain/account.js';
import { isByOperator } from '../domain/history.js';
import type { Sid } from '../domain/sid.js';
import type { Operator } from './operator.js';
import { type Style, printable, styled } from './terminal.js';

/** Who gave an account its status: an account, the operator at the command line, or nobody that is known. */
export type StatusAuthor = Pick<Account, 'sid' | 'emailAddress'> | 'command-line' | null;

const statusStyles: Record<AccountStatus, Style> = { active: 'green', suspended: 'red', uninitialized: 'yellow', closed: 'gray' };

/** In how many of the last entries about an account the one is looked for that gave it its status. */
const lastEntries = 20;

/** Who gave each of the accounts its status, by the SIDs of the accounts. */
export async function statusAuthorsOf(
  { accountQueries, history, caller }: Operator,
  accounts: readonly Account[],
): Promise<Map<Sid, StatusAuthor>> {
  const sids = [...new Set(accounts.flatMap(({ statusChangedBy }) => statusChangedBy ?? []))];
  const known = new Map(
    (await accountQueries.findMany(caller.actor, sids)).flatMap((account) => (account === null ? [] : [[account.sid, account]])),
  );
  const authors = new Map<Sid, StatusAuthor>();
  for (const { sid, statusChangedBy } of accounts) authors.set(sid, (statusChangedBy !== null && known.get(statusChangedBy)) || null);

  // No account did it: the history tells whether the operator did.
  const byNone = accounts.filter(({ statusChangedBy, statusChangedAt }) => statusChangedBy === null && statusChangedAt !== null);
  if (byNone.length === 0) return authors;
  const page = { size: lastEntries, backward: true, from: undefined };
  const pages = await history.pages(caller.actor, byNone, 'owner', page);
  byNone.forEach(({ sid }, index) => {
    const change = pages[index]!.rows.findLast(({ after }) => after?.includes('"status":'));
    if (change !== undefined && isByOperator(change)) authors.set(sid, 'command-line');
  });
  return authors;
}

/** "suspended since 2026-11-29 03:22 UTC by jane@company.com": of an account that is active, just that. */
export function statusInWords({ status, statusChangedAt }: Account, author: StatusAuthor): string {
  if (status === 'active') return styled(statusStyles[status], status);
  const since = statusChangedAt === null ? '' : ` since ${minuteOf(statusChangedAt)}`;
  return styled(statusStyles[status], status) + since + (author === null ? '' : ` by ${authorInWords(author)}`);
}

export function authorInWords(author: NonNullable<StatusAuthor>): string {
  return author === 'command-line' ? 'the command line' : printable(author.emailAddress);
}

/** The name of an account with its address, or the address alone where that is its name. */
export function nameOf({ friendlyName, emailAddress }: Account): string {
  return friendlyName === emailAddress ? printable(emailAddress) : `${printable(friendlyName)} <${printable(emailAddress)}>`;
}

/** What an account may do, and whether it pays, where that is not usual. */
export function roleOf(account: Account): string {
  return (isRoot(account) ? 'Super Admin' : account.role) + (account.type === 'Trial' ? ' (Trial)' : '');
}

/** In UTC, to the minute. */
export function minuteOf(date: Date): string {
  return `${date.toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

/** "9,980 more, 3 suspended": how many there are, and how many of them are switched off. */
export function countsInWords(counts: readonly StatusCount[], noun: string): string {
  const total = counts.reduce((sum, { count }) => sum + count, 0);
  const off = counts.filter(({ status, count }) => status !== 'active' && count > 0);
  return [
    `${total.toLocaleString('en')} ${noun}`,
    ...off.map(({ status, count }) => styled(statusStyles[status], `${count.toLocaleString('en')} ${status}`)),
  ].join(', ');
}

/** An account as JSON shows it. */
export function jsonOf(account: Account, author: StatusAuthor): object {
  const { sid, emailAddress, friendlyName, status, statusChangedAt, role, type, organizationSid, parentSid } = account;
  const { dateCreated, dateUpdated, version } = account;
  const by = author === null || author === 'command-line' ? { statusChangedBy: author } : { statusChangedBy: author.sid };
  return {
    sid,
    emailAddress,
    friendlyName,
    status,
    statusChangedAt,
    ...by,
    role,
    type,
    organizationSid,
    parentSid,
    dateCreated,
    dateUpdated,
    version,
  };
}
