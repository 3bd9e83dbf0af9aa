import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';
import type { Account } from '../../../domain/account.js';
import type { AccountColumn, AccountListing } from '../../../domain/account-list.js';

/**
 * The column that each field of an account needs, beside those of its place in the tree, which are always read. A field that is
 * left out needs no other.
 */
const columnOfField = {
  organizationSid: 'organizationSid',
  organization: 'organizationSid',
  profile: 'organizationSid',
  profileSource: 'organizationSid',
  emailAddress: 'emailAddress',
  friendlyName: 'friendlyName',
  type: 'type',
  status: 'status',
  capabilities: 'status',
  statusChangedAt: 'statusChangedAt',
  statusChangedBy: 'statusChangedBy',
  statusAuthor: 'statusChangedBy',
  role: 'role',
  dateCreated: 'dateCreated',
  dateUpdated: 'dateUpdated',
  version: 'version',
} as const satisfies Record<string, AccountColumn>;
const columnsByField = new Map<string, AccountColumn>(Object.entries(columnOfField));

/** The column that the field needs. A resolver that takes another one would find it unread in a list; so it says what it takes by this type. */
export type ColumnFor<Field extends keyof typeof columnOfField> = Pick<Account, (typeof columnOfField)[Field]>;

/** What a query selects of a connection of accounts. */
type SelectedOfAccounts = Pick<AccountListing, 'columns' | 'cursors'>;

/** Results by the fields of the query: one level of a query has the same fields for every account, so they are walked once. */
const known = new WeakMap<readonly FieldNode[], SelectedOfAccounts>();

/** What the query selects of the connection: columns under `nodes` and `edges { node }`, and cursors under `edges` and `pageInfo`. */
export function requestedColumns(info: GraphQLResolveInfo): SelectedOfAccounts {
  const selected = known.get(info.fieldNodes) ?? walk(info);
  known.set(info.fieldNodes, selected);
  return selected;
}

/** Whether the query selects the field of what it gets here. */
export function asksFor(field: string, info: GraphQLResolveInfo): boolean {
  return below(info.fieldNodes, info).some(({ name }) => name.value === field);
}

function walk(info: GraphQLResolveInfo): SelectedOfAccounts {
  const inConnection = below(info.fieldNodes, info);
  const named = (fields: readonly FieldNode[], ...names: string[]) => fields.filter(({ name }) => names.includes(name.value));
  const inEdges = below(named(inConnection, 'edges'), info);
  const accounts = [...named(inConnection, 'nodes'), ...named(inEdges, 'node')];
  const columns = below(accounts, info).map(({ name }) => columnsByField.get(name.value));
  const ends = named(below(named(inConnection, 'pageInfo'), info), 'startCursor', 'endCursor');
  return {
    columns: [...new Set(columns)].filter((column) => column !== undefined).toSorted(),
    cursors: ends.length > 0 || named(inEdges, 'cursor').length > 0,
  };
}

/** The fields selected directly below some fields, also through fragments. Fields that a directive skips are among them, which only reads too much. */
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
