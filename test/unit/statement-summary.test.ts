import { expect, it } from 'vitest';
import { summaryOf } from '../../src/tracing/statement-summary.js';

it.each([
  ['SELECT account', 'SELECT account.sid FROM account WHERE account.sid = $1 FOR UPDATE'],
  ['SELECT account', 'SELECT 1 FROM account AS member WHERE member.sid = $1 FOR NO KEY UPDATE'],
  ['SELECT account', 'SELECT key.sid FROM unnest($1::text[]) AS key(sid) LEFT JOIN account ON account.sid = key.sid'],
  ['SELECT account', 'WITH tree AS MATERIALIZED (SELECT member.sid FROM account AS member) SELECT tree.sid FROM tree'],
  ['SELECT', 'SELECT pg_advisory_xact_lock($1)'],
  ['INSERT webhook', 'INSERT INTO "webhook"("sid", "url") VALUES ($1, $2)'],
  [
    'INSERT history',
    'WITH head AS (INSERT INTO history_head AS head (sid) VALUES ($1)) INSERT INTO history (sid) SELECT head.sid FROM head',
  ],
  ['INSERT history_head', 'INSERT INTO history_head (sid) VALUES ($1) ON CONFLICT (sid) DO UPDATE SET position = 1'],
  ['UPDATE account', 'WITH reached AS (UPDATE account SET status = $1 RETURNING sid) SELECT count(*) FROM reached'],
  ['DELETE credential', 'DELETE FROM credential WHERE account_sid = $1'],
  ['COMMIT', 'COMMIT'],
])('a trace calls it %s, without any value: %s', (summary, sql) => {
  expect(summaryOf(sql)).toBe(summary);
});
