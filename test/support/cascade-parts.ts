import type { TestDatabase } from './database.js';

/** A cascade as it was written down: its entry in the history, and the SIDs of the accounts that it reached, part by part. */
export interface WrittenCascade {
  treeSid: string;
  position: number;
  operation: string;
  subjectSid: string;
  parts: string[][];
}

/** Those of the newest cascades, the newest last. */
export async function writtenCascades({ query }: Pick<TestDatabase, 'query'>, newest = 1000): Promise<WrittenCascade[]> {
  const written = await query<Omit<WrittenCascade, 'parts'> & { parts: string[] | null }>(
    `SELECT history.tree_sid AS "treeSid", history.position, history.operation, history.subject_sid AS "subjectSid", (
       SELECT array_agg(encode(part.sids, 'hex') ORDER BY part.part) FROM cascade_part AS part
       WHERE part.tree_sid = history.tree_sid AND part.position = history.position
     ) AS parts
     FROM history WHERE history.operation IN ('setAccountStatus', 'closeAccount', 'migrateAccount')
     ORDER BY history.date DESC, history.position DESC LIMIT $1`,
    [newest],
  );
  return written.toReversed().map(({ parts, ...entry }) => ({ ...entry, parts: (parts ?? []).map(sidsIn) }));
}

function sidsIn(part: string): string[] {
  return (part.match(/.{32}/g) ?? []).map((hex) => `AC${hex}`);
}
