import { cascading } from '../../domain/history.js';
import { sidPrefixes, type Sid } from '../../domain/sid.js';
import { pathOf } from './account-sql.js';

/**
 * SQL by which a cascade writes down the accounts that it reached (SPEC §7, ADR 48).
 *
 * They are known to the statement that changes them. The position that they are kept under is known to the one that appends the cascade's
 * entry to the history, which comes last, since it locks the head of the chain. So the first leaves the SIDs in a setting of the
 * transaction, and the second writes each part once. They never leave PostgreSQL: 100,000 SIDs are 1.6 MB.
 */
const reachedSetting = 'gateway.reached';

/** How many accounts a part names at most. */
export const partSize = 400;

/** A SID without its prefix, in bytes. */
const sidBytes = 16;
const partBytes = partSize * sidBytes;

/** The operations that are cascades, as a list of SQL. */
export const cascades = cascading.map((operation) => `'${operation}'`).join(', ');

/** A condition: nobody wrote down whom the cascade of an entry reached, as a version before did not. */
export const isUnwritten = (treeSid = 'history.tree_sid', position = 'history.position'): string =>
  `NOT EXISTS (SELECT FROM cascade_part WHERE cascade_part.tree_sid = ${treeSid} AND cascade_part.position = ${position})`;

/**
 * The position of the entry by which the account was made: a cascade before it did not reach the account. That is the first of the account's
 * entries, of which there may be any number; 0 where the account is older than the history.
 */
export const creationOf = (sid: string, treeSid: string): string =>
  `coalesce((
     SELECT CASE WHEN creation.operation = 'createAccount' THEN creation.position END FROM history AS creation
     WHERE creation.tree_sid = ${treeSid} AND creation.subject_sid = ${sid} ORDER BY creation.position LIMIT 1
   ), 0)`;

/** The SIDs of a part that was read as hexadecimal digits. */
export function sidsIn(digits: string): Sid[] {
  return (digits.match(/.{32}/g) ?? []).map((each) => sidPrefixes.account + each);
}

/** Leaves the accounts of the CTE `reached`, which has their SIDs and paths, for `writeParts` in the order of the paths; an expression that is true. */
export const leaveReached = `set_config('${reachedSetting}', (
  SELECT encode(string_agg(decode(substr(reached.sid, 3), 'hex'), ''::bytea ORDER BY reached.path), 'base64') FROM reached
), true) IS NOT NULL`;

/** The SID that begins in a part after so many bytes. */
export const sidAt = (offset: string): string => `'AC' || encode(substring(part.sids FROM ${offset} + 1 FOR ${sidBytes}), 'hex')`;

/** CTEs behind a CTE `head` with the position of the entry. They write the parts of the chain `$1`. */
export const writeParts = `
  reached AS MATERIALIZED (SELECT decode(current_setting('${reachedSetting}'), 'base64') AS sids),
  part AS MATERIALIZED (
    SELECT number, substring(reached.sids FROM (number - 1) * ${partBytes} + 1 FOR ${partBytes}) AS sids
    FROM reached, generate_series(1, (octet_length(reached.sids) + ${partBytes - 1}) / ${partBytes}) AS number
  ),
  written AS (
    INSERT INTO cascade_part (tree_sid, position, part, first_path, last_path, sids)
    SELECT $1, head.position, part.number, first.path, last.path, part.sids
    FROM head CROSS JOIN part
    CROSS JOIN ${pathOf(sidAt('0'), 'first')}
    CROSS JOIN ${pathOf(sidAt(`octet_length(part.sids) - ${sidBytes}`), 'last')}
  )`;

/**
 * Of the parts of the entry `history`, what they name within a range of paths, numbered anew: the parts that have any such account, and in
 * these the SIDs as hexadecimal digits. The accounts of a range stand together, so most of its parts lie in it with both ends. Of the
 * others, at most two, the accounts' own paths tell.
 * @param range the two ends of the range, the second one exclusive; undefined for all
 */
export function partsOfEntry(range: readonly [from: string, end: string] | undefined): string {
  const inRange = (path: string, [from, end] = range!): string => `${path} >= ${from} AND ${path} < ${end}`;
  const own =
    range === undefined
      ? 'part.sids'
      : `CASE WHEN ${inRange('part.first_path')} AND ${inRange('part.last_path')} THEN part.sids ELSE (
           SELECT string_agg(substring(part.sids FROM start + 1 FOR ${sidBytes}), ''::bytea ORDER BY named.path)
           FROM generate_series(0, octet_length(part.sids) - ${sidBytes}, ${sidBytes}) AS start
           CROSS JOIN ${pathOf(sidAt('start'), 'named')} WHERE ${inRange('named.path')}
         ) END`;
  const touched = range === undefined ? '' : `AND part.last_path >= ${range[0]} AND part.first_path < ${range[1]}`;
  return `
    SELECT row_number() OVER (ORDER BY own.part)::integer AS number, count(*) OVER ()::integer AS parts, encode(own.sids, 'hex') AS sids
    FROM (
      SELECT part.part, ${own} AS sids FROM cascade_part AS part
      WHERE part.tree_sid = history.tree_sid AND part.position = history.position ${touched}
    ) AS own
    WHERE own.sids IS NOT NULL`;
}
