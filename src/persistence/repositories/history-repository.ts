import { type AuditEvent, type ChainEnd, type HistoryEntry, type HistoryScope, cascading, recordOfContent } from '../../domain/history.js';
import type { CountChange } from '../../domain/account-counts.js';
import type { Page, PageOf } from '../../domain/page.js';
import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';
import { execute } from '../connection/transaction.js';
import { pathOf, treeAt } from './account-sql.js';
import { cascades, creationOf, writeParts } from './cascade-parts.js';
import { keyset, pagesFrom } from './keyset.js';
import { unnestedKeys } from './key-lists.js';

/** The account that acted, and its request. Both are null where the gateway itself acted; the account where its operator did. */
export interface AuditActor {
  actorSid: Sid | null;
  requestId: string | null;
}

/** A list of entries: those of one account, of one organization, or of a whole chain. */
export interface HistoryKey {
  treeSid: Sid;
  sid: Sid;
  /** The account's path; null for an organization. */
  path: string | null;
  /** The accounts above it whose cascades may be shown. */
  aboveSids: readonly Sid[];
}

/** An entry of a list, with the path of the account that acted; null where there is none. */
export interface ListedEntry extends HistoryEntry {
  actorPath: string | null;
}

const columns = `history.position, history.date, history.actor_sid AS "actorSid", history.operation, history.subject_sid AS "subjectSid",
  history.request_id AS "requestId", history.before, history.after, history.hash, history.record_version AS "recordVersion"`;

/** The lists that are asked for, a row for each. */
const listedKeys = `
  ${unnestedKeys(4)} WITH ORDINALITY AS list(tree_sid, sid, path, above, number)`;

/**
 * The conditions that entries of a list fulfil; for each there is an index. `owner`: the account's own entries, and the cascades of
 * accounts above it since it was created. `below`: the entries about the account and everything below it, which of a chain's own
 * account is the whole chain.
 */
const conditions: Record<HistoryScope, readonly string[]> = {
  owner: [
    `history.tree_sid = list.tree_sid AND history.subject_sid = list.sid`,
    `history.tree_sid = list.tree_sid AND history.subject_sid = ANY(string_to_array(list.above, ' ')) AND history.operation IN (${cascades})
     AND history.position > ${creationOf('list.sid', 'list.tree_sid')}`,
  ],
  below: [
    `history.tree_sid = list.tree_sid AND (
       list.sid = list.tree_sid OR EXISTS (SELECT FROM account WHERE account.sid = history.subject_sid AND ${treeAt('list.path')})
     )`,
  ],
};

/** The entries that fulfil any of the conditions. No entry fulfils two. */
function entriesOf(scope: HistoryScope, selected: string, rest = ''): string {
  return conditions[scope].map((condition) => `(SELECT ${selected} FROM history WHERE ${condition} ${rest})`).join(' UNION ALL ');
}

function parametersOf(keys: readonly HistoryKey[]): unknown[] {
  return [
    keys.map(({ treeSid }) => treeSid),
    keys.map(({ sid }) => sid),
    keys.map(({ path }) => path),
    keys.map(({ aboveSids }) => aboveSids.join(' ')),
  ];
}

/** The instant at which a row is written, after it was locked. Because of the OFFSET, PostgreSQL asks the clock once. */
const instant = `SELECT clock_timestamp()::timestamptz(3) AS date OFFSET 0`;

/** `hashOf` in SQL, for an entry whose record is in $2 but for its position and date. */
const nextHash = (previousHash: string, position: string, date: string): string =>
  `encode(sha256(convert_to(${previousHash} || E'\\n[' || (${position}) || ',"'
     || to_char(${date} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') || '",' || $2, 'UTF8')), 'hex')`;

/** The tables `history` and `history_head`. */
export class HistoryRepository {
  /** Whether the transaction has written down whom a cascade reached. */
  #hasCascade = false;

  constructor(private readonly client: Client) {}

  /**
   * Adds an entry to a chain. It is the last thing that a transaction locks: the chain stays locked until the end of the transaction,
   * so that the next one continues after what this one commits. PostgreSQL computes the entry's position, its date and its hash
   * under that lock, so the statement depends on no answer before it. `hashOf` verifies the hash. The head's counts of accounts change
   * as the transaction changed the accounts; a chain that begins with its account knows them, and an older one does once it was
   * counted. With the entry of a cascade goes which accounts the cascade reached.
   */
  append(
    treeSid: Sid,
    { actorSid, requestId }: AuditActor,
    { operation, subjectSid, before, after }: AuditEvent,
    countChange?: CountChange,
  ): void {
    const isCascade = cascading.includes(operation);
    if (isCascade && this.#hasCascade)
      throw new Error('A transaction has at most one cascade, since it knows only whom the last one reached.');
    this.#hasCascade ||= isCascade;
    const content = {
      actorSid,
      operation,
      subjectSid,
      requestId,
      before: before === undefined ? null : JSON.stringify(before),
      after: after === undefined ? null : JSON.stringify(after),
      recordVersion: 2,
    } as const;
    execute(
      this.client,
      `WITH head AS (
         INSERT INTO history_head AS head (tree_sid, position, hash, date, counts)
         SELECT $1, 1, ${nextHash('$1', '1', 'this.date')}, this.date, CASE WHEN $4 = 'createAccount' AND $5 = $1 THEN $9::integer[] END
         FROM (${instant}) AS this
         ON CONFLICT (tree_sid) DO UPDATE SET (position, hash, date, counts) = (
           SELECT head.position + 1, ${nextHash('head.hash', 'head.position + 1', 'this.date')}, this.date, CASE
             WHEN head.counts IS NULL OR $9::integer[] IS NULL THEN head.counts
             ELSE ARRAY(SELECT count + change FROM unnest(head.counts, $9) WITH ORDINALITY AS each(count, change, place) ORDER BY place)
           END
           FROM (${instant}) AS this
         )
         RETURNING head.position, head.hash, head.date
       )${isCascade ? `, ${writeParts}` : ''}
       INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
       SELECT $1, head.position, head.date, $3, $4, $5, $6, $7, $8, head.hash, 2 FROM head`,
      [treeSid, recordOfContent(content), actorSid, operation, subjectSid, requestId, content.before, content.after, countChange?.changes],
    );
  }

  /** Whether the history has an entry that the account was shown the AuthTokens of the list in this clock hour. */
  async hasTokenListEntry(listSid: Sid, readerSid: Sid): Promise<boolean> {
    const entries = await queryRows(
      this.client,
      `SELECT 1 FROM history
       WHERE history.operation = 'listAuthTokens' AND history.subject_sid = $1 AND history.actor_sid = $2
         AND date_trunc('hour', history.date AT TIME ZONE 'UTC') = date_trunc('hour', clock_timestamp() AT TIME ZONE 'UTC')`,
      [listSid, readerSid],
    );
    return entries.length > 0;
  }

  /** One page of each of many lists, in one statement. */
  async pages(keys: readonly HistoryKey[], scope: HistoryScope, page: Page): Promise<PageOf<ListedEntry>[]> {
    const parameters = parametersOf(keys);
    const { conditions, direction, limit } = keyset(
      page,
      { columns: ['history.position'], descending: false },
      ({ key }) => `$${parameters.push(Number(key))}::integer`,
    );
    const between = conditions.map((condition) => `AND ${condition}`).join(' ');
    const rows = await queryRows<ListedEntry & { list: number }>(
      this.client,
      `SELECT list.number::integer - 1 AS list, entry.*, actor.path AS "actorPath"
       FROM ${listedKeys}
       CROSS JOIN LATERAL (
         SELECT * FROM (${entriesOf(scope, columns, `${between} ORDER BY history.position ${direction} LIMIT ${limit}`)}) AS source
         ORDER BY source.position ${direction} LIMIT ${limit}
       ) AS entry
       LEFT JOIN ${pathOf('entry."actorSid"', 'actor')} ON true
       ORDER BY list.number, entry.position ${direction}`,
      parameters,
    );
    return pagesFrom(rows, keys.length, page);
  }

  /** The length of each of many lists, in their order, in one statement. */
  async counts(keys: readonly HistoryKey[], scope: HistoryScope): Promise<number[]> {
    const counts = await queryRows<{ count: number }>(
      this.client,
      `SELECT total.count FROM ${listedKeys}
       CROSS JOIN LATERAL (SELECT count(*)::integer AS count FROM (${entriesOf(scope, '1')}) AS entry) AS total
       ORDER BY list.number`,
      parametersOf(keys),
    );
    return counts.map(({ count }) => count);
  }

  /** The ends of all chains, in the order of the chains' SIDs. */
  async chainEnds(): Promise<(ChainEnd & { treeSid: Sid })[]> {
    return queryRows(
      this.client,
      `SELECT history_head.tree_sid AS "treeSid", history_head.position, history_head.hash FROM history_head ORDER BY history_head.tree_sid`,
    );
  }

  /** The trees of which the head counts other accounts than there are. None where the role may not read accounts. */
  async miscounted(): Promise<Sid[]> {
    const heads = await queryRows<{ treeSid: Sid }>(
      this.client,
      `SELECT history_head.tree_sid AS "treeSid" FROM history_head
       WHERE CASE WHEN has_table_privilege('account', 'SELECT') THEN history_head.counts <> count_accounts(history_head.tree_sid) END
       ORDER BY history_head.tree_sid`,
    );
    return heads.map(({ treeSid }) => treeSid);
  }

  /** The next entries of all chains, in the order of the chains' SIDs and of their positions. */
  async entriesAfter(after: { treeSid: Sid; position: number }, limit: number): Promise<(HistoryEntry & { treeSid: Sid })[]> {
    return queryRows(
      this.client,
      `SELECT history.tree_sid AS "treeSid", ${columns} FROM history
       WHERE (history.tree_sid, history.position) > ($1, $2)
       ORDER BY history.tree_sid, history.position LIMIT $3`,
      [after.treeSid, after.position, limit],
    );
  }
}
