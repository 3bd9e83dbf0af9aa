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

/** Leaves the accounts of the CTE `reached`, which has their SIDs and paths, for `writeParts` in the order of the paths; an expression that is true. */
export const leaveReached = `set_config('${reachedSetting}', (
  SELECT encode(string_agg(decode(substr(reached.sid, 3), 'hex'), ''::bytea ORDER BY reached.path), 'base64') FROM reached
), true) IS NOT NULL`;

/** The SID that begins in a part after so many bytes. */
const sidAt = (offset: string): string => `'AC' || encode(substring(part.sids FROM ${offset} + 1 FOR ${sidBytes}), 'hex')`;

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
    JOIN account AS first ON first.sid = ${sidAt('0')}
    JOIN account AS last ON last.sid = ${sidAt(`octet_length(part.sids) - ${sidBytes}`)}
  )`;
