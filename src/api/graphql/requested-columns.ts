import type { GraphQLResolveInfo } from 'graphql';
import { type FieldsByTypeName, type ResolveTree, parseResolveInfo } from 'graphql-parse-resolve-info';
import type { AccountColumn } from '../../persistence/account-repository.js';

/**
 * What each field of an account is made of, beside the SID, the parent and the path, which every row of a list has.
 * A field that is left out is made of those alone.
 */
const columnsOfField: Record<string, readonly AccountColumn[]> = {
  organizationSid: ['organizationSid'],
  organization: ['organizationSid'],
  emailAddress: ['emailAddress'],
  friendlyName: ['friendlyName'],
  type: ['type'],
  status: ['status'],
  capabilities: ['status'],
  role: ['role'],
  dateCreated: ['dateCreated'],
  dateUpdated: ['dateUpdated'],
  version: ['version'],
};

/** The columns of the accounts that a request asks for in a connection, under `nodes` or under `edges { node }`. */
export function requestedColumns(info: GraphQLResolveInfo): AccountColumn[] {
  const connection = parseResolveInfo(info) as ResolveTree;
  const accounts = fieldsOf(connection).flatMap((field) => (field.name === 'edges' ? fieldsOf(field) : [field]));
  const columns = accounts.flatMap(fieldsOf).flatMap(({ name }) => columnsOfField[name] ?? []);
  return [...new Set(columns)].toSorted();
}

/** The fields asked for right below one, under all their aliases and in all fragments. */
function fieldsOf({ fieldsByTypeName }: { fieldsByTypeName: FieldsByTypeName }): ResolveTree[] {
  return Object.values(fieldsByTypeName).flatMap((fields) => Object.values(fields));
}
