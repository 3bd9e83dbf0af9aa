import {
  type GraphQLFieldResolver,
  type GraphQLSchema,
  defaultFieldResolver,
  getNamedType,
  getNullableType,
  isCompositeType,
  isListType,
} from 'graphql';
import { costOfEntry, costOfText } from '../../http/cost-budget.js';
import type { Context } from '../context.js';
import { type Field, fieldsOf, objectTypesOf } from '../schema-fields.js';
import { costOfField, isProfileDocument } from './field-cost.js';
import type { PlanningHints } from './planning-hints.js';

type Resolver = GraphQLFieldResolver<unknown, Context>;

/**
 * Charges what operations cost, field by field as they are resolved, whatever the transport and however many aliases a field
 * has. Fields that are merely read from their object cost nothing and stay as they are.
 */
export function chargeCosts(schema: GraphQLSchema): void {
  for (const type of objectTypesOf(schema)) for (const field of fieldsOf(type)) chargeCost(field, type.name);
}

function chargeCost(field: Field, typeName: string): void {
  const { name, extensions } = field;
  const isComposite = isCompositeType(getNamedType(field.type));
  const resolve = field.resolve ?? defaultFieldResolver;
  if (isProfileDocument({ name, typeName })) {
    field.resolve = chargingByLength(resolve);
  } else if (isComposite && isListType(getNullableType(field.type))) {
    field.resolve = chargingByEntries(resolve);
  } else {
    const cost = costOfField({ name, typeName, isComposite, extensions });
    if (cost === 0) return;
    field.extensions = { ...extensions, cost } satisfies PlanningHints;
    field.resolve = charging(cost, resolve);
  }
}

function charging(cost: number, resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    context.cost.add(cost);
    return resolve(source, args, context, info);
  };
}

/** For the document of a profile. */
function chargingByLength(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    context.cost.add(costOfText((source as { document: string }).document.length));
    return resolve(source, args, context, info);
  };
}

/** For lists. Only one that is waited for takes another promise. */
function chargingByEntries(resolve: Resolver): Resolver {
  return (source, args, context, info) => {
    const charged = (items: unknown): unknown => {
      if (Array.isArray(items)) context.cost.add(items.length * costOfEntry);
      return items;
    };
    const items: unknown = resolve(source, args, context, info);
    return items instanceof Promise ? items.then(charged) : charged(items);
  };
}
