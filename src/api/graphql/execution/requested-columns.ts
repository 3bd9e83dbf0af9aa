import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import type { AccountColumn, AccountListing } from '../../../domain/account-list.js';

/**
 * What each field of an account is made of, beside the SID, the parent and the path, which every row of a list has.
 * A field that is left out is made of those alone.
 */
const columnsOfField = new Map<string, AccountColumn>([
  ['organizationSid', 'organizationSid'],
  ['organization', 'organizationSid'],
  ['profile', 'organizationSid'],
  ['emailAddress', 'emailAddress'],
  ['friendlyName', 'friendlyName'],
  ['type', 'type'],
  ['status', 'status'],
  ['capabilities', 'status'],
  ['statusChangedAt', 'statusChangedAt'],
  ['statusChangedBy', 'statusChangedBy'],
  ['role', 'role'],
  ['dateCreated', 'dateCreated'],
  ['dateUpdated', 'dateUpdated'],
  ['version', 'version'],
]);

/** What a request asks for of a connection of accounts. */
type Requested = Pick<AccountListing, 'columns' | 'cursors'>;

/** By the fields that ask: all accounts of a level ask by the same ones, so they are walked once for them all. */
const known = new WeakMap<readonly FieldNode[], Requested>();

/** What a request asks for in a connection: the columns of the accounts under `nodes` and `edges { node }`, and cursors anywhere. */
export function requestedOf(info: GraphQLResolveInfo): Requested {
  const requested = known.get(info.fieldNodes) ?? walk(info);
  known.set(info.fieldNodes, requested);
  return requested;
}

/** Whether a request asks for the field of the objects that it gets here. */
export function asksFor(field: string, info: GraphQLResolveInfo): boolean {
  return below(info.fieldNodes, info).some(({ name }) => name.value === field);
}

function walk(info: GraphQLResolveInfo): Requested {
  const inConnection = below(info.fieldNodes, info);
  const named = (fields: readonly FieldNode[], ...names: string[]) => fields.filter(({ name }) => names.includes(name.value));
  const inEdges = below(named(inConnection, 'edges'), info);
  const accounts = [...named(inConnection, 'nodes'), ...named(inEdges, 'node')];
  const columns = below(accounts, info).map(({ name }) => columnsOfField.get(name.value));
  const ends = named(below(named(inConnection, 'pageInfo'), info), 'startCursor', 'endCursor');
  return {
    columns: [...new Set(columns)].filter((column) => column !== undefined).toSorted(),
    cursors: ends.length > 0 || named(inEdges, 'cursor').length > 0,
  };
}

/** The fields selected right below some fields, through fragments; those that a directive skips as well, which harms nothing. */
function below(fields: readonly FieldNode[], { fragments }: GraphQLResolveInfo): FieldNode[] {
  const found: FieldNode[] = [];
  const seen = new Set<SelectionSetNode>();
  const collect = (selected: SelectionSetNode | undefined): void => {
    if (selected === undefined || seen.has(selected)) return;
    seen.add(selected);
    for (const selection of selected.selections) {
      if (selection.kind === Kind.FIELD) found.push(selection);
      else collect(selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments[selection.name.value]?.selectionSet);
    }
  };
  for (const { selectionSet } of fields) collect(selectionSet);
  return found;
}
