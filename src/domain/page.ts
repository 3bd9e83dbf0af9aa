import { AppError } from '../errors.js';
import { jsonOrUndefined } from './json.js';
import { type Sid, kindOf } from './sid.js';

/** The arguments of a connection, as Relay names them (SPEC §3). */
export interface PageArguments {
  first?: number | undefined;
  after?: string | undefined;
  last?: number | undefined;
  before?: string | undefined;
}

/** How many entries a page may have, and has by default. */
interface PageSizes {
  min: number;
  max: number;
  default: number;
}
/** Of GraphQL's pages (SPEC §3). */
export const pageSize: PageSizes = { min: 1, max: 100, default: 50 };
/** Of REST's pages (SPEC §4). */
export const restPageSize: PageSizes = { ...pageSize, max: 1000 };

/** The size of a page that is only read forwards. @throws AppError INVALID_PAGE */
export function parseSize(size: number | undefined, field: string, sizes: PageSizes = pageSize): number {
  return checkedSize(size ?? sizes.default, field, sizes);
}

/** The page of a list that is short enough to be read as a whole. */
export function pageOfAll<Row>(all: readonly Row[], page: Page, positionOf: (row: Row) => Position): PageOf<Row> {
  const indexOf = (position: Position | undefined, otherwise: number): number =>
    position === undefined ? otherwise : all.findIndex((row) => positionOf(row).sid === position.sid);
  const start = indexOf(page.backward ? page.until : page.from, -1) + 1;
  const end = indexOf(page.backward ? page.from : page.until, all.length);
  const between = all.slice(start, Math.max(start, end === -1 ? all.length : end));
  return pageFrom(page.backward ? between.toReversed() : between, page);
}

function checkedSize(size: number, field: string, { min, max }: PageSizes = pageSize): number {
  if (Number.isInteger(size) && size >= min && size <= max) return size;
  throw invalidPage(`${field} must be a whole number from ${min} to ${max}${Number.isInteger(size) ? `, not ${size}` : ''}.`, field);
}

/** What a list is ordered by; `path` is the order of the tree itself, each account before those below it. */
export type OrderField = 'dateCreated' | 'friendlyName' | 'domainName' | 'path' | 'position' | 'tree' | 'attempt';
/** The order of a list. */
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
  /** Where reading starts, exclusive; undefined for the first end of the list that is reached that way. */
  from: Position | undefined;
  /** Where reading ends at the latest, exclusive; undefined for the other end of the list. */
  until?: Position | undefined;
  /** How many rows to skip first. Costs as much as reading them, so it is only for pages by number. */
  skip?: number;
}

/** A page by its number, from 0, as in the documented API (SPEC §4). */
export interface NumberedPage {
  number: number;
  size: number;
}

/** @throws AppError INVALID_PAGE, naming the argument at fault */
export function parseNumberedPage(
  { page = '0', pageSize: size }: { page?: string | undefined; pageSize?: string | undefined },
  sizes: PageSizes,
): NumberedPage {
  if (!/^\d{1,9}$/.test(page)) throw invalidPage('page must be a whole number, counted from 0.', 'page');
  return {
    number: Number(page),
    size: size === undefined ? sizes.default : checkedSize(/^\d{1,9}$/.test(size) ? Number(size) : NaN, 'pageSize', sizes),
  };
}

/** A page that was read. Its rows are in the list's order, also when it was read backwards. */
export interface PageOf<Row> {
  rows: Row[];
  hasNextPage: boolean;
  hasPreviousPage: boolean;
}

/**
 * The page that the arguments ask for, by Relay's specification ("Pagination algorithm"): the `first` or the `last` so many rows
 * between the cursors `after` and `before`. Without either number it has the default size; it is read backwards if only
 * `before` is given.
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

/** The page, made from its rows in reading order, of which one more than its size was read to see whether the list goes on. */
export function pageFrom<Row>(read: Row[], page: Page): PageOf<Row> {
  const more = read.length > page.size;
  const rows = more ? read.slice(0, page.size) : read;
  // A cursor was given out for a row, so that row lies beyond the page.
  const before = page.from !== undefined;
  const beyond = more || page.until !== undefined;
  return page.backward
    ? { rows: rows.toReversed(), hasPreviousPage: beyond, hasNextPage: before }
    : { rows, hasNextPage: beyond, hasPreviousPage: before };
}

/** An opaque cursor. It contains the field that its list is ordered by, so that it is refused for a list in another order. */
export function cursorOf(position: Position, order: Order): string {
  return Buffer.from(JSON.stringify([order.field, position.key, position.sid])).toString('base64url');
}

function parseCursor(cursor: string, order: Order, argument: 'after' | 'before'): Position {
  const [field, key, sid] = decoded(cursor);
  if (typeof key !== 'string' || typeof sid !== 'string' || kindOf(sid) === undefined) {
    throw invalidPage(`${argument} is not a cursor of this API. Take one from the pageInfo or the edges of the list.`, argument);
  }
  if (field !== order.field)
    throw invalidPage(`${argument} is a cursor of a list in another order. Take one of the list in this order.`, argument);
  if (!isKey[order.field](key))
    throw invalidPage(`${argument} is not a cursor of this API. Take one from the pageInfo or the edges of the list.`, argument);
  return { key, sid };
}

function decoded(cursor: string): unknown[] {
  const content = jsonOrUndefined(Buffer.from(cursor, 'base64url').toString('utf8'));
  return Array.isArray(content) ? content : [];
}

/** Cursors come from clients, so their keys are checked before they reach a statement. */
const isKey: Record<OrderField, (key: string) => boolean> = {
  dateCreated: isDate,
  friendlyName: isText,
  domainName: isText,
  path: (key) => /^(?:[0-9a-f]{32})+$/.test(key),
  position: (key) => /^\d{1,9}$/.test(key),
  tree: (key) => kindOf(key) === 'account',
  attempt: (key) => /^\d{1,15}$/.test(key),
};

/** Accepts only dates that JavaScript and PostgreSQL read alike: no 30 February, no year 0. */
function isDate(key: string): boolean {
  return /^[12]\d{3}-/.test(key) && !Number.isNaN(Date.parse(key)) && new Date(key).toISOString() === key;
}

function isText(key: string): boolean {
  return key.length <= 512 && key.isWellFormed() && !key.includes('\0');
}

function invalidPage(message: string, field: string): AppError {
  return new AppError('INVALID_PAGE', message, { field });
}
