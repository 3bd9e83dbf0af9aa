import { randomBytes } from 'node:crypto';
import type { Asking, World } from './dataset.js';

export type WorkName = 'R1' | 'R2' | 'R3' | 'R4' | 'W1';

/** Something to do once, whoever does it: each contender makes a request of its own of it. */
export interface Question extends Asking {
  /** Of a tree: how many children of each account are asked for. */
  width?: number;
  /** Of a list: the entry after which the page begins. */
  after?: Place;
  /** Of a new account. */
  emailAddress?: string;
  password?: string;
}

/** An entry of the long list, by what the list is ordered by. */
export interface Place {
  dateCreated: Date;
  sid: string;
}

/** A kind of work: the same for all contenders. */
export interface Work {
  name: WorkName;
  title: string;
  /** How many requests run at once, and in how many statements are counted: fewer where each keeps a core busy for long. */
  atOnce: number;
  counted: number;
  /** What is asked over and over, or undefined where every question is new. */
  questions: readonly Question[];
  /** Asks for something new. */
  another?(): Question;
}

/** How deep in the list of 100,000 the pages of R3 are; the list of a smaller world is read as deep for its size. */
const depth = { from: 0.8, to: 0.9, places: 40 };

const light = { atOnce: 16, counted: 100 };
const heavy = { atOnce: 4, counted: 5 };

/** The kinds of work that are measured by requests for each second. */
export async function worksOf(world: World): Promise<Work[]> {
  return [
    { name: 'R1', title: 'one account', ...light, questions: world.accountsToRead },
    { name: 'R2', title: 'a tree of 50 × 50, each account with its organization', ...heavy, questions: treeQuestions(world, 50) },
    { name: 'R3', title: 'a page of 50, deep among many siblings', ...light, questions: await deepPages(world) },
    { name: 'R4', title: 'one account by REST', ...light, questions: world.accountsToRead },
    { name: 'W1', title: 'create an account, without a password', ...light, questions: [], another: newAccounts(world) },
  ];
}

/** Trees of two levels with so many children of each account. */
export function treeWork(world: World, width: number): Work {
  return { name: 'R2', title: `a tree of ${width} × ${width}`, ...heavy, questions: treeQuestions(world, width) };
}

/** Pages of 50 of the long list; page 1 is the first one. */
export async function pageWork(world: World, page: number): Promise<Work> {
  const questions = page === 1 ? world.parentOfMany : await pageQuestions(world, [(page - 1) * 50]);
  return { name: 'R3', title: `page ${page}`, ...light, questions };
}

function treeQuestions({ trees }: World, width: number): Question[] {
  return trees.get(width)!.map((asking) => ({ ...asking, width }));
}

/** Pages that begin after so many entries of the long list; asked for by those who see it in turn. */
async function pageQuestions(world: World, rows: readonly number[]): Promise<Question[]> {
  const { parentOfMany, query } = world;
  const places = await query<Place>(
    `SELECT child.date_created AS "dateCreated", child.sid
     FROM (
       SELECT (row_number() OVER (ORDER BY account.date_created, account.sid))::integer - 1 AS row, account.date_created, account.sid
       FROM account WHERE account.parent_sid = $1
     ) AS child
     WHERE child.row = ANY ($2) ORDER BY child.row`,
    [parentOfMany[0]!.sid, rows.map((row) => row - 1)],
  );
  return places.map((after, index) => ({ ...parentOfMany[index % parentOfMany.length]!, after }));
}

async function deepPages(world: World): Promise<Question[]> {
  const [counted] = await world.query<{ count: number }>('SELECT count(*)::integer AS count FROM account WHERE parent_sid = $1', [
    world.parentOfMany[0]!.sid,
  ]);
  const share = (depth.to - depth.from) / depth.places;
  return pageQuestions(
    world,
    Array.from({ length: depth.places }, (_, index) => Math.round(counted!.count * (depth.from + index * share))),
  );
}

/** New accounts with a password, which takes long to hash on purpose. */
export function passwordWork(world: World): Work {
  const another = newAccounts(world, 'correct horse battery');
  return { name: 'W1', title: 'create an account, with a password', ...light, questions: [], another };
}

/** New accounts, below each of the callers in turn. */
function newAccounts({ accountsToRead }: World, password?: string): () => Question {
  const callers = [...new Map(accountsToRead.map(({ caller }) => [caller.sid, caller])).values()];
  let number = 0;
  return () => {
    const caller = callers[number++ % callers.length]!;
    return { caller, sid: caller.sid, emailAddress: `${randomBytes(12).toString('hex')}@created.test`, ...(password && { password }) };
  };
}
