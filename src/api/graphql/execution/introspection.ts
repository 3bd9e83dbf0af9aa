import {
  type GraphQLSchema,
  type OperationDefinitionNode,
  getIntrospectionQuery,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  parse,
} from 'graphql';
import type { ComplexityEstimator } from 'graphql-query-complexity';
import type { RequestLimits } from '../../../config.js';
import { AppError } from '../../../errors.js';
import { complexityOf } from './expected-cost.js';
import type { OperationRequest } from './operation-request.js';

/** How many times the whole schema may be asked for in one document, as GraphiQL and code generators do. */
const schemasAtMost = 2;

/** A document without one of these names does not introspect. `__typename` is not introspection. */
const asksForSchema = /__(?:schema|type)\b/;

/** How many fields of the schema take as long as one object of the model. */
const fieldsOfEntry = 4;

/**
 * Weighs introspection. Anyone may introspect without signing in (SPEC §3), so it has a limit of its own: a document gets at
 * most a few times the whole schema. The weight is exact for this schema, since its sizes are known.
 */
export class Introspection {
  readonly #estimators: ComplexityEstimator[];
  readonly #fieldsAtMost: number;
  readonly #known = new WeakMap<OperationDefinitionNode, number>();

  constructor(
    private readonly schema: GraphQLSchema,
    private readonly limits: RequestLimits,
  ) {
    const sizes = listSizes(schema);
    this.#estimators = [
      ({ type, field, childComplexity }) => {
        if (!isIntrospectionType(type) && field.name !== '__schema' && field.name !== '__type') return childComplexity;
        return (1 + childComplexity) * (sizes.get(`${type.name}.${field.name}`) ?? 1);
      },
    ];
    this.#fieldsAtMost = schemasAtMost * this.#weigh(wholeSchema());
  }

  /** What introspection costs in the operation. @throws AppError GRAPHQL_VALIDATION_FAILED when it asks for too much */
  costOf(request: OperationRequest): number {
    const { document, operation, variables } = request;
    if (!asksForSchema.test(document.loc!.source.body)) return 0;
    let fields = this.#known.get(operation);
    if (fields === undefined) {
      fields = this.#weigh(request);
      // With variables, `@skip` and `@include` may give another weight the next time.
      if (Object.keys(variables).length === 0) this.#known.set(operation, fields);
    }
    if (fields <= this.#fieldsAtMost) return Math.ceil(fields / fieldsOfEntry);
    throw new AppError(
      'GRAPHQL_VALIDATION_FAILED',
      `The operation asks for more than ${schemasAtMost} times the whole schema. Ask for fewer fields of it.`,
    );
  }

  #weigh(request: OperationRequest): number {
    return complexityOf(this.schema, request, this.limits, this.#estimators);
  }
}

/** The query by which tools read a schema, with all options on. */
function wholeSchema(): OperationRequest {
  const document = parse(
    getIntrospectionQuery({
      specifiedByUrl: true,
      directiveIsRepeatable: true,
      schemaDescription: true,
      inputValueDeprecation: true,
      oneOf: true,
    }),
  );
  return { document, operation: document.definitions[0] as OperationDefinitionNode, operationName: null, variables: {} };
}

/** How long the lists of the introspection types are in the schema: their mean length, without empty ones. */
function listSizes(schema: GraphQLSchema): Map<string, number> {
  const types = Object.values(schema.getTypeMap());
  const composite = types.filter((type) => isObjectType(type) || isInterfaceType(type));
  const fields = composite.map((type) => Object.values(type.getFields()));
  return new Map([
    ['__Schema.types', types.length],
    ['__Schema.directives', schema.getDirectives().length],
    ['__Type.fields', meanLength(fields)],
    ['__Type.interfaces', meanLength(composite.map((type) => type.getInterfaces()))],
    ['__Type.possibleTypes', meanLength(types.filter(isInterfaceType).map((type) => schema.getPossibleTypes(type)))],
    ['__Type.inputFields', meanLength(types.filter(isInputObjectType).map((type) => Object.values(type.getFields())))],
    ['__Type.enumValues', meanLength(types.filter(isEnumType).map((type) => type.getValues()))],
    // About every second type wraps another one, as a list or as not null.
    ['__Type.ofType', 0.5],
    ['__Field.args', meanLength(fields.flat().map(({ args }) => args))],
    ['__Directive.args', meanLength(schema.getDirectives().map(({ args }) => args))],
  ]);
}

function meanLength(lists: readonly (readonly unknown[])[]): number {
  const filled = lists.filter(({ length }) => length > 0);
  return filled.length === 0 ? 1 : filled.flat().length / filled.length;
}
