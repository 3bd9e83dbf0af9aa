import type { FieldNode, FragmentDefinitionNode, GraphQLField, GraphQLObjectType, GraphQLSchema, OperationDefinitionNode } from 'graphql';

/** What a plan was made for. */
export interface PlannedOperation {
  readonly schema: GraphQLSchema;
  readonly operation: OperationDefinitionNode;
  readonly fragments: Readonly<Record<string, FragmentDefinitionNode>>;
}

/** What is asked of all objects at one place of a query. */
export type Level = readonly PlannedField[];

/** What is asked of each value at one place of a query. */
export type PlannedValue =
  | { kind: 'leaf'; isNullable: boolean; write: (value: unknown) => string }
  | { kind: 'object'; isNullable: boolean; level: Level }
  | { kind: 'list'; isNullable: boolean; item: PlannedValue };

export interface PlannedField {
  parentType: GraphQLObjectType;
  definition: GraphQLField<unknown, unknown>;
  nodes: readonly FieldNode[];
  responseName: string;
  /** What is written before each value: the response name, and what separates it from the field before. */
  prefix: string;
  value: PlannedValue;
  /** Writes the field of an object that simply has it. Absent when a resolver is needed. */
  writeFrom: ((object: unknown) => string) | undefined;
}

/** What a plan leaves to GraphQL's executor, which answers it or says what is wrong. */
export class Unplannable extends Error {}
