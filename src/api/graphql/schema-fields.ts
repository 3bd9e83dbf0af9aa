import { type GraphQLField, type GraphQLObjectType, type GraphQLSchema, isIntrospectionType, isObjectType } from 'graphql';
import type { Context } from './context.js';

/** A field of the schema. What it says and how it is resolved can be set. */
export type Field = GraphQLField<unknown, Context>;

/** The object types of the schema, Query and Mutation among them, without those of introspection. */
export function objectTypesOf(schema: GraphQLSchema): GraphQLObjectType<unknown, Context>[] {
  return Object.values(schema.getTypeMap()).filter((type) => isObjectType(type) && !isIntrospectionType(type)) as GraphQLObjectType[];
}

/** The fields of an object type; none where there is no such type. */
export function fieldsOf(type: GraphQLObjectType<unknown, Context> | null | undefined): Field[] {
  return type ? Object.values(type.getFields()) : [];
}
