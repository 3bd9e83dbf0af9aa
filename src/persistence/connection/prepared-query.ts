import { type Client, Query, types } from 'pg';
import { timeStatement } from './busy-time.js';
import type { Connected } from './deadline.js';

/** A column of an answer, as PostgreSQL describes it. */
interface Field {
  name: string;
  dataTypeID: number;
}

/** How the rows of an answer are read. */
interface Shape {
  fields: readonly Field[];
  parsers: readonly ((text: string) => unknown)[];
  /** A row with nothing in it, to be copied. */
  empty: Record<string, unknown>;
}

/** What pg's own query does and does not declare. */
declare module 'pg' {
  interface Query {
    handleRowDescription(description: { fields: Field[] }): void;
    handleDataRow(row: { fields: (string | null)[] }): void;
  }
}

/** A statement that sessions prepare under a name, and how its rows were read last. */
export interface Prepared {
  readonly name: string;
  shape: Shape | undefined;
}

/**
 * One statement under way. pg works out for each answer anew how its rows are read, which costs as much as to read a few of
 * them; here it is kept for each statement that is prepared.
 */
class Statement extends Query {
  readonly found: Record<string, unknown>[] = [];
  #shape: Shape | undefined;
  #unreadable: { error: unknown } | undefined;

  constructor(
    private readonly prepared: Prepared | undefined,
    text: string,
    values: unknown[],
    answered: (error: Error | undefined, rows: Record<string, unknown>[]) => void,
  ) {
    super({ text, values, ...(prepared !== undefined && { name: prepared.name }) }, (error) =>
      answered(error ?? (this.#unreadable?.error as Error | undefined), this.found),
    );
  }

  override handleRowDescription({ fields }: { fields: Field[] }): void {
    const known = this.prepared?.shape;
    this.#shape = known !== undefined && describes(known, fields) ? known : shapeOf(fields);
    if (this.prepared !== undefined) this.prepared.shape = this.#shape;
  }

  override handleDataRow({ fields: texts }: { fields: (string | null)[] }): void {
    const { fields, parsers, empty } = this.#shape!;
    const row = { ...empty };
    try {
      for (let index = 0; index < texts.length; index++) {
        const text = texts[index]!;
        if (text !== null) row[fields[index]!.name] = parsers[index]!(text);
      }
    } catch (error) {
      this.#unreadable = { error };
    }
    this.found.push(row);
  }
}

/** Sends a statement; those that are sent at the same time to the same connection are written to it at once. */
export function send(client: Client, prepared: Prepared | undefined, text: string, values: unknown[]): Promise<Record<string, unknown>[]> {
  const { stream } = (client as unknown as Connected).connection;
  stream.cork();
  process.nextTick(() => stream.uncork());
  const answered = timeStatement(client);
  return new Promise((resolve, reject) => {
    client.query(
      new Statement(prepared, text, values, (error, rows) => {
        answered();
        if (error) reject(error);
        else resolve(rows);
      }),
    );
  });
}

function shapeOf(fields: Field[]): Shape {
  return {
    fields,
    parsers: fields.map(({ dataTypeID }) =>
      dataTypeID === types.builtins.TIMESTAMPTZ ? instantOf : types.getTypeParser(dataTypeID, 'text'),
    ),
    empty: Object.fromEntries(fields.map(({ name }) => [name, null])),
  };
}

function describes(shape: Shape, fields: readonly Field[]): boolean {
  return (
    fields.length === shape.fields.length &&
    fields.every(({ name, dataTypeID }, index) => name === shape.fields[index]!.name && dataTypeID === shape.fields[index]!.dataTypeID)
  );
}

const otherInstantOf = types.getTypeParser(types.builtins.TIMESTAMPTZ, 'text');

/** An instant as PostgreSQL writes it: as ISO 8601 does, but for the `T`, and with an offset that may be of hours alone. */
function instantOf(text: string): Date {
  const isOffsetOfHours = text.at(-3) === '+' || text.at(-3) === '-';
  const instant = new Date(`${text.slice(0, 10)}T${text.slice(11)}${isOffsetOfHours ? ':00' : ''}`);
  // Before Christ, or in a year of five digits.
  return Number.isNaN(instant.getTime()) ? (otherInstantOf(text) as Date) : instant;
}
