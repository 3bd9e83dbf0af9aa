/** The summaries of texts, of which the program has some hundred. */
const known = new Map<string, string>();
const knownAtMost = 1000;

/** What a statement of this program does to which table, such as `INSERT history`: of several changes the last, or what it reads first. */
export function summaryOf(sql: string): string {
  const found = known.get(sql);
  if (found !== undefined) return found;
  const summary = summarize(sql);
  if (known.size < knownAtMost) known.set(sql, summary);
  return summary;
}

/** Not the UPDATE of `FOR UPDATE` and `DO UPDATE`. */
const change = /(?<!FOR |KEY |DO )\b(INSERT INTO|UPDATE|DELETE FROM) (?:ONLY )?"?([a-z_]+)/g;

/** Not a function that returns rows. */
const read = /\b(?:FROM|JOIN) (?:ONLY )?"?([a-z_]+)\b(?! *\()/;

function summarize(sql: string): string {
  const [, verb, table] = [...sql.matchAll(change)].at(-1) ?? [];
  if (verb !== undefined) return `${verb.split(' ')[0]} ${table}`;
  const [first = 'SQL'] = /[A-Z]+/.exec(sql) ?? [];
  const [, source] = read.exec(sql) ?? [];
  return [first === 'WITH' ? 'SELECT' : first, source].filter(Boolean).join(' ');
}
