import type { EntityManager } from 'typeorm';

/** Runs one statement of ours and returns its rows as PostgreSQL gives them: no entity is built for them. */
export async function rowsOf<Row>(manager: EntityManager, sql: string, parameters: unknown[] = []): Promise<Row[]> {
  const result: unknown = await manager.query(sql, parameters);
  // TypeORM answers an UPDATE or DELETE by a pair of rows and count, all else by the rows.
  return (/^\s*(?:UPDATE|DELETE)\b/.test(sql) ? (result as [Row[], number])[0] : result) as Row[];
}

/** The condition that a keyed hash was not made by the key with the id `$1`, with which it would begin. Without an id it has 32 bytes. */
export function ofAnotherKey(column: string): string {
  return `(octet_length(${column}) = 32 OR substring(${column} FROM 1 FOR octet_length($1::bytea)) <> $1)`;
}
