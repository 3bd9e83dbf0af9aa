/**
 * A condition: the keyed hash was made with another key than the one whose id is `$1`. A hash begins with the id of its key; one
 * that was made before keys had ids is 32 bytes long.
 */
export function ofAnotherKey(column: string): string {
  return `(octet_length(${column}) = 32 OR substring(${column} FROM 1 FOR octet_length($1::bytea)) <> $1)`;
}

/** A condition: the keyed hash was made with none of the keys whose ids are `$1`. */
export function ofNoKey(column: string): string {
  return `(octet_length(${column}) = 32 OR substring(${column} FROM 1 FOR octet_length(($1::bytea[])[1])) <> ALL ($1))`;
}
