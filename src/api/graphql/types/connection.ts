import { ArgsType, type ClassType, Ctx, Field, Int, ObjectType } from 'type-graphql';
import type { PageArguments, PageOf } from '../../../domain/page.js';
import type { Context } from '../context.js';

/** The arguments of every connection. */
@ArgsType()
export class ConnectionArgs implements PageArguments {
  @Field(() => Int, { nullable: true, description: 'How many entries to take from the start, 1 to 100. Default: 50.' })
  first?: number;

  @Field({ nullable: true, description: 'Only entries after this cursor.' })
  after?: string;

  @Field(() => Int, { nullable: true, description: 'How many entries to take from the end, 1 to 100. Not together with `first`.' })
  last?: number;

  @Field({ nullable: true, description: 'Only entries before this cursor. Without `first` and `last`, the page ends right before it.' })
  before?: string;
}

@ObjectType('PageInfo', { description: 'Whether a page has neighbours in its list, and the cursors at its ends.', simpleResolvers: true })
export class PageInfoType {
  @Field({ description: 'Whether there are entries after the page.' })
  hasNextPage: boolean;

  @Field({ description: 'Whether there are entries before the page.' })
  hasPreviousPage: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first entry; null on an empty page.' })
  startCursor: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last entry; null on an empty page.' })
  endCursor: string | null;
}

/** A page of a list, and what tells its cursors and its length. */
interface ListPage<Node> {
  page: PageOf<Node>;
  cursorOf: (node: Node) => string;
  /** The length of the whole list. */
  count: (context: Context) => Promise<number>;
}

/** A connection, as Relay's specification of cursor connections has it, with `nodes` and `totalCount` beside. */
interface Connection<Node> {
  edges(): Edge<Node>[];
  nodes(): Node[];
  pageInfo(): PageInfoType;
  totalCount(context: Context): Promise<number>;
}

interface Edge<Node> {
  cursor: string;
  node: Node;
}

/** The base of the connection type of one kind of list, with the edge type that goes with it. Cursors are made only if they are asked for. */
export function connectionOf<Node extends object>(
  name: string,
  nodeType: () => ClassType,
  descriptions: { edge: string; node: string; nodes: string },
): abstract new (list: ListPage<Node>) => Connection<Node> {
  @ObjectType(`${name}Edge`, { description: descriptions.edge, simpleResolvers: true })
  class EdgeType implements Edge<Node> {
    @Field({ description: 'The place of the entry in the list, for `after` and `before`. It fits lists in the same order only.' })
    cursor: string;

    @Field(nodeType, { description: descriptions.node })
    node: Node;
  }

  @ObjectType()
  abstract class ConnectionType implements Connection<Node> {
    constructor(private readonly list: ListPage<Node>) {}

    @Field(() => [EdgeType], { description: 'The entries of the page, with their cursors.' })
    edges(): EdgeType[] {
      const { page, cursorOf } = this.list;
      return page.rows.map((node) => ({
        node,
        get cursor() {
          return cursorOf(node);
        },
      }));
    }

    @Field(() => [nodeType()], { description: descriptions.nodes })
    nodes(): Node[] {
      return this.list.page.rows;
    }

    @Field(() => PageInfoType, { description: 'Whether the page has neighbours in the list, and the cursors at its ends.' })
    pageInfo(): PageInfoType {
      const { page, cursorOf } = this.list;
      const cursorAt = (index: number): string | null => (page.rows.length === 0 ? null : cursorOf(page.rows.at(index)!));
      return {
        hasNextPage: page.hasNextPage,
        hasPreviousPage: page.hasPreviousPage,
        get startCursor() {
          return cursorAt(0);
        },
        get endCursor() {
          return cursorAt(-1);
        },
      };
    }

    @Field(() => Int, { description: 'The length of the whole list. It is counted only if you ask for it.' })
    totalCount(@Ctx() context: Context): Promise<number> {
      return this.list.count(context);
    }
  }

  return ConnectionType;
}
