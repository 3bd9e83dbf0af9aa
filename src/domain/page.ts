import { AppError } from '../errors.js';
import { type Sid, kindOf } from './sid.js';

/** The arguments of a connection, as Relay names them (SPEC §3). */
export interface PageArguments {
  first?: number | undefined;
  after?: string | undefined;
  last?: number | undefined;
  before?: string | undefined;
}

/** How many entries a page may have, and has unless said otherwise: by GraphQL (SPEC §3), and by REST (SPEC §4). */
export interface PageSizes {
  min: number;
  max: number;
  default: number;
}
export const pageSize: PageSizes = { min: 1, max: 100, default: 50 };
export const restPageSize: PageSizes = { ...pageSize, max: 1000 };

function checkedSize(size: number, field: string, { min, max }: PageSizes = pageSize): number {
  if (Number.isInteger(size) && size >= min && size <= max) return size;
  throw invalidPage(`A page has ${min} to ${max} entries.`, field);
}

/** What a list is ordered by; `path` is the order of the tree itself, each account before those below it. */
export type OrderField = 'dateCreated' | 'friendlyName' | 'domainName' | 'path' | 'position';
export interface Order<Field extends OrderField = OrderField> {
  field: Field;
  descending: boolean;
}

/** A place in an ordered list: the value that the list is ordered by, then the SID, which makes it unique. */
export interface Position {
  key: string;
  sid: Sid;
}

/** A page to read: up to `size` rows from a position on, forwards or backwards. */
export interface Page {
  size: number;
  backward: boolean;
  /** Exclusive; absent at the list's end that reading starts from. */
  from: Position | undefined;
  /** Where reading ends at the latest, exclusive; absent at the list's other end. */
  until?: Position | undefined;
  /** How many rows to leave out after that. Costs as much as reading them: for pages that are named by number only. */
  skip?: number;
}

/** A page by its number, from 0, as the documented API names it (SPEC §4). */
export interface NumberedPage {
  number: number;
  size: number;
}

/** @throws AppError INVALID_PAGE, naming the argument at fault */
export function parseNumberedPage(
  { page = '0', pageSize: size }: { page?: string | undefined; pageSize?: string | undefined },
  sizes: PageSizes,
): NumberedPage {
  if (!/^\d{1,9}$/.test(page)) throw invalidPage('Pages are counted from 0, in digits.', 'page');
  return {
    number: Number(page),
    size: size === undefined ? sizes.default : checkedSize(/^\d{1,9}$/.test(size) ? Number(size) : NaN, 'pageSize', sizes),
  };
}

/** A page that was read. `rows` are in the list's order, whichever way the page was read. */
export interface PageOf<Row> {
  rows: Row[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/**
 * The page that the arguments ask for, as Relay's specification has it ("Pagination algorithm"): of what lies between the
 * cursors `after` and `before`, the first or the last so many. Without either number, a page has the default size, and is read
 * backwards where only `before` is given.
 * @throws AppError INVALID_PAGE, naming the argument at fault
 */
export function parsePage({ first, after, last, before }: PageArguments, order: Order): Page {
  if (first !== undefined && last !== undefined) throw invalidPage('Give first or last, not both.', 'last');
  const backward = last !== undefined || (first === undefined && after === undefined && before !== undefined);
  const size = checkedSize((backward ? last : first) ?? pageSize.default, backward ? 'last' : 'first');
  const start = after === undefined ? undefined : parseCursor(after, order, 'after');
  const end = before === undefined ? undefined : parseCursor(before, order, 'before');
  return backward ? { size, backward, from: end, until: start } : { size, backward, from: start, until: end };
}

/** Cuts what was read with one row more than the page's size, in reading order, to the page. */
export function pageFrom<Row>(read: Row[], page: Page): PageOf<Row> {
  const more = read.length > page.size;
  const rows = more ? read.slice(0, page.size) : read;
  // What a cursor stands for is there, beyond the page.
  const before = page.from !== undefined;
  const beyond = more || page.until !== undefined;
  return page.backward
    ? { rows: rows.toReversed(), hasPreviousPage: beyond, hasNextPage: before }
    : { rows, hasNextPage: beyond, hasPreviousPage: before };
}

/** An opaque cursor. It names the field that its list is ordered by, so that it cannot be used in another order by mistake. */
export function cursorOf(position: Position, order: Order): string {
  return Buffer.from(JSON.stringify([order.field, position.key, position.sid])).toString('base64url');
}

function parseCursor(cursor: string, order: Order, argument: 'after' | 'before'): Position {
  const [field, key, sid] = decoded(cursor);
  if (typeof key !== 'string' || typeof sid !== 'string' || kindOf(sid) === undefined) {
    throw invalidPage(`${argument} is not a cursor of this API.`, argument);
  }
  if (field !== order.field) throw invalidPage(`${argument} is a cursor of a list in another order.`, argument);
  if (!isKey[order.field](key)) throw invalidPage(`${argument} is not a cursor of this API.`, argument);
  return { key, sid };
}

function decoded(cursor: string): unknown[] {
  try {
    const content: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    return Array.isArray(content) ? content : [];
  } catch {
    return [];
  }
}

/** A cursor comes from outside, so what it holds is checked before it reaches a statement. */
const isKey: Record<OrderField, (key: string) => boolean> = {
  dateCreated: isInstant,
  friendlyName: isText,
  domainName: isText,
  path: (key) => /^(?:[0-9a-f]{32})+$/.test(key),
  position: (key) => /^\d{1,9}$/.test(key),
};

/** Only an instant that both this program and PostgreSQL read the same: no 30 February, no year 0. */
function isInstant(key: string): boolean {
  return /^[12]\d{3}-/.test(key) && !Number.isNaN(Date.parse(key)) && new Date(key).toISOString() === key;
}

function isText(key: string): boolean {
  return key.length <= 512 && key.isWellFormed() && !key.includes('\0');
}

function invalidPage(message: string, field: string): AppError {
  return new AppError('INVALID_PAGE', message, { field });
}
