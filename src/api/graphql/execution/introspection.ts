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

/** How often the whole schema may be asked for in one document, as GraphiQL and code generators ask for it. */
const schemasAtMost = 2;

/** A document without one of these names asks for nothing of the schema. `__typename` is no such name. */
const asksForSchema = /__(?:schema|type)\b/;

/** So many fields of the schema take as long as one object of the model does. */
const fieldsOfEntry = 4;

/**
 * What documents ask for of the schema itself. Whoever calls may ask, before anybody knows who it is (SPEC §3); so it is
 * weighed by itself, by the sizes that the schema has, and no document gets more than a few times the whole schema.
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

  /** What the operation costs by what it asks for of the schema. @throws AppError GRAPHQL_VALIDATION_FAILED when that is too much */
  costOf(request: OperationRequest): number {
    const { document, operation, variables } = request;
    if (!asksForSchema.test(document.loc!.source.body)) return 0;
    let fields = this.#known.get(operation);
    if (fields === undefined) {
      fields = this.#weigh(request);
      // Variables decide what is left out.
      if (Object.keys(variables).length === 0) this.#known.set(operation, fields);
    }
    if (fields <= this.#fieldsAtMost) return Math.ceil(fields / fieldsOfEntry);
    throw new AppError('GRAPHQL_VALIDATION_FAILED', `The operation asks for more than ${schemasAtMost} times the whole schema.`);
  }

  #weigh(request: OperationRequest): number {
    return complexityOf(this.schema, request, this.limits, this.#estimators);
  }
}

/** The query by which tools read a schema, with all that it can ask for. */
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

/** How long the lists of the introspection types are in the schema: on an average, where there is anything in them. */
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
    // About every other type is a list, or not null, of another one.
    ['__Type.ofType', 0.5],
    ['__Field.args', meanLength(fields.flat().map(({ args }) => args))],
    ['__Directive.args', meanLength(schema.getDirectives().map(({ args }) => args))],
  ]);
}

function meanLength(lists: readonly (readonly unknown[])[]): number {
  const filled = lists.filter(({ length }) => length > 0);
  return filled.length === 0 ? 1 : filled.flat().length / filled.length;
}
