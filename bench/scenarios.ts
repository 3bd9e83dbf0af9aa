import { randomBytes } from 'node:crypto';
import type { AccountAccess, Caller, Dataset } from './dataset.js';

/** A kind of request, which each contender phrases in its own way. */
export type RequestKind = 'R1' | 'R2' | 'R3' | 'R4' | 'W1' | 'P1';

/** A scenario by what is requested; `W1-tree` requests the same as `W1`, within one tree. */
export type ScenarioName = RequestKind | 'W1-tree';

/** What to ask for once. Each contender turns it into a request of its own. */
export interface ScenarioInput extends AccountAccess {
  /** For a tree: how many children of each account are asked for. */
  width?: number;
  /** For a list: the entry after which the page begins. */
  after?: ListPosition;
  /** For a new account. */
  emailAddress?: string;
  password?: string;
}

/** An entry of the long list, by the values that the list is ordered by. */
interface ListPosition {
  dateCreated: Date;
  sid: string;
}

/** A scenario that is measured, the same for all contenders. */
export interface Scenario {
  name: ScenarioName;
  kind: RequestKind;
  title: string;
  /** How many requests run at once, and over how many statements are counted. Fewer where each keeps a core busy for long. */
  concurrency: number;
  countedRequests: number;
  /** The inputs that are repeated; empty where every input is new. */
  inputs: readonly ScenarioInput[];
  /** Creates a new input. */
  nextInput?(): ScenarioInput;
}

/** Where in the long list the pages of R3 are, as shares of its length, and how many different pages there are. */
const depth = { from: 0.8, to: 0.9, pages: 40 };

const light = { concurrency: 16, countedRequests: 100 };
const heavy = { concurrency: 4, countedRequests: 5 };

/** The scenarios that are measured in requests per second. */
export async function scenariosOf(dataset: Dataset): Promise<Scenario[]> {
  return [
    { ...named('R1'), title: 'one account', ...light, inputs: dataset.accountsToRead },
    { ...named('R2'), title: 'a tree of 50 × 50, each account with its organization', ...heavy, inputs: treeInputs(dataset, 50) },
    { ...named('R3'), title: 'a page of 50, deep among many siblings', ...light, inputs: await deepPages(dataset) },
    { ...named('R4'), title: 'one account by REST', ...light, inputs: dataset.accountsToRead },
    creationScenario(callersOf(dataset)),
    {
      name: 'W1-tree',
      kind: 'W1',
      title: 'create an account, without a password, within one tree',
      ...light,
      inputs: [],
      nextInput: newAccountsInOneTree(dataset),
    },
    { ...named('P1'), title: 'a small answer of the service behind a subresource', ...light, inputs: dataset.accountsToRead },
  ];
}

const named = <Kind extends RequestKind>(kind: Kind): { name: Kind; kind: Kind } => ({ name: kind, kind });

/** Creates accounts below each of the callers in turn. */
export function creationScenario(callers: readonly Caller[]): Scenario {
  return { ...named('W1'), title: 'create an account, without a password', ...light, inputs: [], nextInput: newAccounts(callers) };
}

/** Reads two-level trees with the given number of children of each account. */
export function treeScenario(dataset: Dataset, width: number): Scenario {
  return { ...named('R2'), title: `a tree of ${width} × ${width}`, ...heavy, inputs: treeInputs(dataset, width) };
}

/** Reads a page of 50 of the long list, counted from 1. */
export async function pageScenario(dataset: Dataset, page: number): Promise<Scenario> {
  const inputs = page === 1 ? dataset.parentOfMany : await pageInputs(dataset, [(page - 1) * 50]);
  return { ...named('R3'), title: `page ${page}`, ...light, inputs };
}

function treeInputs({ trees }: Dataset, width: number): ScenarioInput[] {
  return trees.get(width)!.map((access) => ({ ...access, width }));
}

/** Pages that begin after the given numbers of entries of the long list. The accounts that can see the list take turns as callers. */
async function pageInputs(dataset: Dataset, rows: readonly number[]): Promise<ScenarioInput[]> {
  const { parentOfMany, query } = dataset;
  const positions = await query<ListPosition>(
    `SELECT child.date_created AS "dateCreated", child.sid
     FROM (
       SELECT (row_number() OVER (ORDER BY account.date_created, account.sid))::integer - 1 AS row, account.date_created, account.sid
       FROM account WHERE account.parent_sid = $1
     ) AS child
     WHERE child.row = ANY ($2) ORDER BY child.row`,
    [parentOfMany[0]!.sid, rows.map((row) => row - 1)],
  );
  return positions.map((after, index) => ({ ...parentOfMany[index % parentOfMany.length]!, after }));
}

async function deepPages(dataset: Dataset): Promise<ScenarioInput[]> {
  const [counted] = await dataset.query<{ count: number }>('SELECT count(*)::integer AS count FROM account WHERE parent_sid = $1', [
    dataset.parentOfMany[0]!.sid,
  ]);
  const share = (depth.to - depth.from) / depth.pages;
  return pageInputs(
    dataset,
    Array.from({ length: depth.pages }, (_, index) => Math.round(counted!.count * (depth.from + index * share))),
  );
}

/** Creates accounts with a password, which is slow to hash on purpose. */
export function passwordScenario(dataset: Dataset): Scenario {
  const nextInput = newAccounts(callersOf(dataset), 'correct horse battery');
  return { ...named('W1'), title: 'create an account, with a password', ...light, inputs: [], nextInput };
}

/** New accounts, below each caller in turn. */
function newAccounts(callers: readonly Caller[], password?: string): () => ScenarioInput {
  let number = 0;
  return () => newAccount(callers[number++ % callers.length]!, password);
}

/** For how long new accounts go into one tree, in milliseconds. Then it is the next one's turn, so that none uses up its budget. */
const turnOfTree = 1000;

/** New accounts, all below one caller for a while, whose tree the requests of that time have in common. */
function newAccountsInOneTree(dataset: Dataset): () => ScenarioInput {
  const callers = callersOf(dataset);
  return () => newAccount(callers[Math.floor(performance.now() / turnOfTree) % callers.length]!);
}

/** Administrators of top-level accounts. */
function callersOf({ accountsToRead }: Dataset): Caller[] {
  return [...new Map(accountsToRead.map(({ caller }) => [caller.sid, caller])).values()];
}

function newAccount(caller: Caller, password?: string): ScenarioInput {
  return { caller, sid: caller.sid, emailAddress: `${randomBytes(12).toString('hex')}@created.test`, ...(password && { password }) };
}
