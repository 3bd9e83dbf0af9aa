import { SourceError } from './errors.js';

/** The tables that a source has, by what they hold. */
export type SourceTable = 'accounts' | 'organizations' | 'profiles' | 'links';

/** A row as it stands in the source: texts by column, in the form `dateCreated`; null where there is nothing. */
export type SourceRow = Readonly<Record<string, string | null>>;

/** Where accounts come from. All rows are of one moment. */
export interface Source {
  /** Whether accounts bring an AuthToken that follows from their password. */
  readonly hasSecrets: boolean;
  /** What is there to be read, in bytes or rows, if that is known. */
  readonly size: number | undefined;
  /** What `size` counts. */
  readonly unit: 'bytes' | 'rows';
  /** How much has been read so far. */
  readonly done: () => number;
  readonly rows: () => AsyncIterable<readonly [SourceTable, SourceRow]>;
}

/** All rows of a source, by table. */
export type SourceRows = Readonly<Record<SourceTable, readonly SourceRow[]>>;

/** The tables of Restcomm-Connect by their names there. */
export const restcommTables: Readonly<Record<string, SourceTable>> = {
  restcomm_accounts: 'accounts',
  restcomm_organizations: 'organizations',
  restcomm_profiles: 'profiles',
  restcomm_profile_associations: 'links',
};

/** A column of Restcomm-Connect by the name that rows have it under: `date_created` is `dateCreated`. */
export function columnOf(name: string): string {
  const lower = name.toLowerCase();
  return lower === 'target_sid' ? 'ownerSid' : lower.replaceAll(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
}

/** A row of values in the order of the columns. */
export function rowOf(columns: readonly string[], values: readonly (string | null)[]): SourceRow {
  return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? null]));
}

/** Reads a source whole. @throws SourceError where it has no accounts */
export async function readRows(source: Source, onProgress: () => void = () => {}): Promise<SourceRows> {
  const read: Record<SourceTable, SourceRow[]> = { accounts: [], organizations: [], profiles: [], links: [] };
  let count = 0;
  for await (const [table, row] of source.rows()) {
    read[table].push(row);
    if (++count % 1000 === 0) onProgress();
  }
  if (read.accounts.length === 0) throw new SourceError('The source has no accounts.');
  return read;
}
