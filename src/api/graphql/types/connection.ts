import { ArgsType, Field, Int, ObjectType } from 'type-graphql';
import type { PageArguments, PageOf } from '../../../domain/page.js';

/** The arguments of every connection. */
@ArgsType()
export class ConnectionArgs implements PageArguments {
  @Field(() => Int, { nullable: true, description: 'The first so many, 1 to 100, of what the cursors leave. Default: 50.' })
  first?: number;

  @Field({ nullable: true, description: 'Leaves what comes after this cursor.' })
  after?: string;

  @Field(() => Int, { nullable: true, description: 'The last so many, 1 to 100, of what the cursors leave. Not together with `first`.' })
  last?: number;

  @Field({ nullable: true, description: 'Leaves what comes before this cursor. Alone, the page ends there.' })
  before?: string;
}

@ObjectType('PageInfo', { description: 'Where a page lies in its list.', simpleResolvers: true })
export class PageInfoType {
  @Field({ description: 'Whether there is more after the page.' })
  hasNextPage: boolean;

  @Field({ description: 'Whether there is more before the page.' })
  hasPreviousPage: boolean;

  @Field(() => String, { nullable: true, description: 'The cursor of the first entry; null on an empty page.' })
  startCursor: string | null;

  @Field(() => String, { nullable: true, description: 'The cursor of the last entry; null on an empty page.' })
  endCursor: string | null;
}

/** Cursors are made only for who asks for them. */
export function pageInfoOf<Row>({ rows, hasNextPage, hasPreviousPage }: PageOf<Row>, cursor: (row: Row) => string): PageInfoType {
  const cursorAt = (index: number): string | null => (rows.length === 0 ? null : cursor(rows.at(index)!));
  return {
    hasNextPage,
    hasPreviousPage,
    get startCursor() {
      return cursorAt(0);
    },
    get endCursor() {
      return cursorAt(-1);
    },
  };
}
