import { createHash } from 'node:crypto';
import {
  AccountStatus,
  AccountType,
  Role,
  defaultFriendlyName,
  friendlyNameMaxLength,
  parseEmailAddress,
  parseFriendlyName,
} from '../domain/account.js';
import { looksLikeAuthToken } from '../domain/credentials.js';
import { parsedOrUndefined } from '../domain/input.js';
import { type Sid, type SidKind, isSid, sidPrefixes } from '../domain/sid.js';
import { dateReader, lacksTimeZone } from './dates.js';
import type { Draft } from './planned.js';
import type { Choices, Finding, Findings, RuleName } from './rules.js';
import type { SourceRow, SourceRows } from './source.js';

/** Reads values of rows by the rules. */
export interface RowReader {
  choices: Choices;
  findings: Findings;
  sidOf(kind: SidKind & Finding['kind'], text: string): Sid;
  datesOf(kind: Finding['kind'], row: SourceRow): { dateCreated: Date; dateUpdated: Date };
  dateOf(text: string | null | undefined): Date | undefined;
  word<Word extends string>(sid: string, text: string | null | undefined, known: KnownWords<Word>): Word;
}

/** The words that a column may hold, and those that were chosen for others. */
interface KnownWords<Word extends string> {
  rule: RuleName;
  words: readonly Word[];
  chosen: ReadonlyMap<string, Word>;
  /** Stands in where the row is refused, so that the rest can be planned. */
  instead: Word;
}

/** What a row is found by. Databases of Restcomm-Connect ignore case in comparisons. */
export function keyOf(sid: string | null | undefined): string | null {
  return sid === null || sid === undefined || sid === '' ? null : sid.toLowerCase();
}

export function rowReader(rows: SourceRows, choices: Choices, findings: Findings): RowReader {
  const dateOf = dateReader(choices.timeZone ?? 'UTC');
  const all = [...rows.accounts, ...rows.organizations, ...rows.profiles];
  const undatable = all.find((row) => lacksTimeZone(row.dateCreated) || lacksTimeZone(row.dateUpdated));
  if (undatable !== undefined && choices.timeZone === undefined) {
    findings.settle('time-zone', { kind: 'source', sid: undatable.sid ?? '', found: undatable.dateCreated ?? undatable.dateUpdated ?? '' });
  }
  let oldest: Date | undefined;
  const oldestDate = (): Date => {
    oldest ??= all.reduce<Date>((so, row) => {
      const date = dateOf(row.dateCreated);
      return date !== undefined && date < so ? date : so;
    }, new Date(8.64e15));
    return oldest.getTime() === 8.64e15 ? new Date(0) : oldest;
  };
  return {
    choices,
    findings,
    dateOf,
    sidOf(kind, text) {
      if (isSid(kind, text)) return text;
      findings.settle('bad-sid', { kind, sid: text, found: text });
      const lower = sidPrefixes[kind] + text.slice(2).toLowerCase();
      return isSid(kind, lower) ? lower : sidPrefixes[kind] + createHash('md5').update(text).digest('hex');
    },
    datesOf(kind, row) {
      const [created, updated] = [dateOf(row.dateCreated), dateOf(row.dateUpdated)];
      if (created === undefined || updated === undefined) {
        const found = `dateCreated ${row.dateCreated ?? 'NULL'}, dateUpdated ${row.dateUpdated ?? 'NULL'}`;
        findings.settle('bad-date', { kind, sid: row.sid ?? '', found });
      }
      const dateCreated = created ?? updated ?? oldestDate();
      return { dateCreated, dateUpdated: updated ?? dateCreated };
    },
    word(sid, text, { rule, words, chosen, instead }) {
      const lower = (text ?? 'NULL').toLowerCase();
      const known = words.find((word) => word.toLowerCase() === lower);
      if (known !== undefined) return known;
      const word = chosen.get(lower);
      findings.note({ rule, kind: 'account', sid, found: text ?? 'NULL', done: word === undefined ? null : `taken over as ${word}` });
      return word ?? instead;
    },
  };
}

/** The accounts by their own values; those that share a SID with an earlier one are left out. */
export function readAccounts(rows: readonly SourceRow[], hasSecrets: boolean, reader: RowReader): Map<string, Draft> {
  const drafts = new Map<string, Draft>();
  const sids = new Set<Sid>();
  for (const row of rows) {
    const draft = draftOf(row, hasSecrets, reader);
    if (drafts.has(draft.key) || sids.has(draft.planned.sid)) {
      reader.findings.settle('duplicate-sid', { kind: 'account', sid: draft.sourceSid, found: draft.sourceSid });
      continue;
    }
    drafts.set(draft.key, draft);
    sids.add(draft.planned.sid);
  }
  return drafts;
}

/** The account of a row by its own values. */
function draftOf(row: SourceRow, hasSecrets: boolean, reader: RowReader): Draft {
  const { choices, findings } = reader;
  const sourceSid = row.sid ?? '';
  const sid = reader.sidOf('account', sourceSid);
  const { emailAddress, isLeftOut } = emailAddressOf(row, sid, findings);
  const status = statusOf(row, reader);
  const { dateCreated, dateUpdated } = reader.datesOf('account', row);
  return {
    key: keyOf(sourceSid) ?? '',
    parentKey: keyOf(row.parentSid),
    organizationKey: keyOf(row.organizationSid) ?? '',
    sourceSid,
    isLeftOut,
    planned: {
      sid,
      // The place in the tree, and the organization, are found out once all accounts are known.
      parentSid: null,
      topLevelSid: sid,
      path: '',
      organizationSid: null,
      emailAddress,
      friendlyName: friendlyNameOf(row, emailAddress, findings),
      type: reader.word(sourceSid, row.type, {
        rule: 'unknown-type',
        words: Object.values(AccountType),
        chosen: choices.types,
        instead: AccountType.FULL,
      }),
      status,
      statusChangedAt: reader.dateOf(row.statusChangedAt) ?? null,
      role: reader.word(sourceSid, row.role, {
        rule: 'unknown-role',
        words: Object.values(Role),
        chosen: choices.roles,
        instead: Role.PROVISIONING_AGENT,
      }),
      dateCreated,
      dateUpdated,
      authToken: hasSecrets ? authTokenOf(row, status, findings) : null,
    },
  };
}

function emailAddressOf(row: SourceRow, sid: Sid, findings: Findings): Pick<Draft, 'isLeftOut'> & { emailAddress: string } {
  const text = row.emailAddress ?? '';
  const emailAddress = parsedOrUndefined(() => parseEmailAddress(text));
  if (emailAddress !== undefined) return { emailAddress, isLeftOut: false };
  const remedy = findings.settle('bad-email', { kind: 'account', sid: row.sid ?? '', found: text });
  return { emailAddress: `${sid.toLowerCase()}@imported.invalid`, isLeftOut: remedy === 'leave-out' };
}

function friendlyNameOf(row: SourceRow, emailAddress: string, findings: Findings): string {
  const text = row.friendlyName ?? '';
  const name = parsedOrUndefined(() => parseFriendlyName(text));
  if (name !== undefined) return name;
  findings.settle('bad-name', { kind: 'account', sid: row.sid ?? '', found: text });
  // Cut again after NFC, which lengthens some texts.
  const printable = text
    .toWellFormed()
    .replaceAll(/[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/gu, '')
    .slice(0, 1_000)
    .normalize('NFC');
  const cut = [...printable].slice(0, friendlyNameMaxLength).join('').trim();
  return parsedOrUndefined(() => parseFriendlyName(cut)) ?? defaultFriendlyName(emailAddress);
}

/** `inactive` is what some versions of Restcomm-Connect call suspended. */
function statusOf(row: SourceRow, reader: RowReader): AccountStatus {
  const sid = row.sid ?? '';
  if (row.status?.toLowerCase() === 'inactive') {
    reader.findings.note({ rule: 'suspended-status', kind: 'account', sid, found: row.status, done: 'taken over as suspended' });
    return AccountStatus.SUSPENDED;
  }
  return reader.word(sid, row.status, {
    rule: 'unknown-status',
    words: Object.values(AccountStatus),
    chosen: reader.choices.statuses,
    instead: AccountStatus.SUSPENDED,
  });
}

/** Closed accounts have no secrets, and uninitialized ones get them with their password. */
function authTokenOf(row: SourceRow, status: AccountStatus, findings: Findings): string | null {
  if (status === AccountStatus.CLOSED || status === AccountStatus.UNINITIALIZED) return null;
  if (looksLikeAuthToken(row.authToken ?? '')) return row.authToken!;
  findings.settle('bad-token', { kind: 'account', sid: row.sid ?? '', found: row.authToken === null ? 'NULL' : 'a text of another form' });
  return null;
}
