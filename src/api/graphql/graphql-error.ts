import {
  BREAK,
  type DocumentNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLInputType,
  type GraphQLNamedType,
  type GraphQLSchema,
  type GraphQLType,
  Kind,
  coerceInputValue,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInputType,
  isListType,
  typeFromAST,
  visit,
} from 'graphql';
import type { ErrorCode } from '../../errors.js';
import { type PublicError, type Report, publicError } from '../http/public-error.js';
import type { ScalarExtensions } from './types/scalars.js';

/** Longer messages only repeat what the caller sent. */
const messageLength = 300;

/**
 * How graphql words its mistakes, which have no codes. Where a wording does not match, the caller learns less; so a unit test
 * makes graphql say each of them.
 */
export const wordings = {
  tooManyTokens: /more that (\d+) tokens/,
  unexpectedToken: /\b(Name|String|BlockString|Int|Float) ".*/s,
  misfitOfVariable: /^Variable "\$\w+" got invalid value /,
  misfitOfArgument: /^Argument "(\w+)" /,
  missingVariable: /^Variable "\$(\w+)" of (?:required|non-null) type /,
  missingInputField: /^Field "\w+\.(\w+)" of required type/,
  missingArgument: /argument "(\w+)" of type/,
  unknownEnumValue: /^Value "\w+" does not exist in "(\w+)" enum/,
  misfitOfEnum: /^Enum "(\w+)" cannot represent /,
  /** The end of a message from where it repeats the value that was sent. */
  repeatedValue: /(?:,? found | value: ).*/s,
  missingFieldOfVariable: /^Field "(\w+)" of required type /,
  unknownFieldOfVariable: /^Field "(\w+)" is not defined by type /,
} as const;

/** An error as GraphQL spells it. */
export function formatPublicError({ code, message, field }: Omit<PublicError, 'status'>): GraphQLFormattedError {
  return { message: message.slice(0, messageLength), extensions: field === undefined ? { code } : { code, field } };
}

/** What an error is about, and who logs it when the fault is ours. */
interface ErrorContext {
  schema: GraphQLSchema;
  document: DocumentNode | undefined;
  variables: Record<string, unknown> | undefined;
  requestId: string;
  report: Report;
}

/** What a caller learns of an error that ended a request or a field. */
export function describeError(error: GraphQLError, about: ErrorContext): GraphQLFormattedError {
  // Apollo's errors wrap graphql's own; anything else inside was thrown by us.
  const thrown = error.originalError instanceof GraphQLError ? undefined : error.originalError;
  const shown = thrown === undefined ? documentError(error, about) : publicError(thrown, about.requestId, about.report);
  return {
    ...formatPublicError(shown ?? publicError(error, about.requestId, about.report)),
    ...(error.locations !== undefined && { locations: error.locations }),
    ...(error.path !== undefined && { path: error.path }),
  };
}

/**
 * What graphql itself finds wrong with a document or its variables; undefined when the fault is ours. Its messages repeat
 * the value at fault, which may be a password, so only those parts of a message are told that come from the schema.
 */
function documentError(error: GraphQLError, about: ErrorContext): Omit<PublicError, 'status'> | undefined {
  const { message } = error;
  const { schema, document } = about;
  const code = error.extensions.code as string | undefined;
  if (code === 'GRAPHQL_PARSE_FAILED') {
    const [, tokens] = wordings.tooManyTokens.exec(message) ?? [];
    if (tokens !== undefined) return { code, message: `The document has more than ${tokens} tokens.` };
    return { code, message: message.replace(wordings.unexpectedToken, '$1.') };
  }
  if (code === 'GRAPHQL_VALIDATION_FAILED') return { ...validationError(error, schema, document), code };
  if (wordings.misfitOfVariable.test(message)) return variableError(error, about);
  const argument = wordings.misfitOfArgument.exec(message);
  if (argument !== null) return input(`The argument ${argument[1]} is missing or does not fit its type.`, argument[1]);
  const declared = wordings.missingVariable.exec(message);
  if (declared !== null) return input(message, declared[1]);
  // Whatever else is wrong with the form of a request was refused before Apollo saw it.
  if (code === 'BAD_REQUEST') return { code: 'METHOD_NOT_ALLOWED', message: 'By GET there are only queries. Send this by POST.' };
  return undefined;
}

/** Why a document does not fit the schema. */
function validationError(error: GraphQLError, schema: GraphQLSchema, document: DocumentNode | undefined): Omit<PublicError, 'status'> {
  const { message } = error;
  if (error.extensions.validationErrorCode === 'INTROSPECTION_DISABLED')
    return input('Introspection is off at this gateway. Its schema is in the file schema.graphql of the project.');
  const field = wordings.missingInputField.exec(message)?.[1] ?? wordings.missingArgument.exec(message)?.[1] ?? inputOf(error, document);
  const [, enumName] = wordings.unknownEnumValue.exec(message) ?? wordings.misfitOfEnum.exec(message) ?? [];
  const enumeration = schema.getType(enumName ?? '');
  if (enumeration !== undefined) return input(misfit(field ?? 'The value', enumeration), field);
  return input(
    message.replace(wordings.repeatedValue, (cut) => (cut.startsWith(' value') ? ' value.' : '.')),
    field,
  );
}

/** The argument or input field whose literal value is at fault. */
function inputOf({ nodes }: GraphQLError, document: DocumentNode | undefined): string | undefined {
  let name: string | undefined;
  if (nodes?.length !== 1 || document === undefined) return undefined;
  visit(document, {
    enter(node) {
      if ((node.kind !== Kind.ARGUMENT && node.kind !== Kind.OBJECT_FIELD) || node.value !== nodes[0]) return undefined;
      name = node.name.value;
      return BREAK;
    },
  });
  return name;
}

/** The first thing in a variable that does not fit. Searched for anew, since a value could forge any part of graphql's message. */
function variableError({ nodes }: GraphQLError, { schema, variables }: ErrorContext): Omit<PublicError, 'status'> | undefined {
  const [definition] = nodes ?? [];
  const type = definition?.kind === Kind.VARIABLE_DEFINITION ? typeFromAST(schema, definition.type) : undefined;
  if (definition?.kind !== Kind.VARIABLE_DEFINITION || !isInputType(type)) return undefined;
  const name = definition.variable.name.value;
  const [mistake] = mistakesIn(variables?.[name], type);
  const path = [name, ...(mistake?.path ?? [])];
  const place = path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
  const missing = wordings.missingFieldOfVariable.exec(mistake?.message ?? '')?.[1];
  const unknown = wordings.unknownFieldOfVariable.exec(mistake?.message ?? '')?.[1];
  const steps = path.filter((step) => typeof step === 'string');
  const field = missing ?? unknown ?? steps.at(-1)!;
  if (missing !== undefined) return input(`${place}.${missing} is missing.`, field);
  if (unknown !== undefined) return input(`${place} has no field ${unknown}.`, field);
  return input(misfit(place, typeAt(type, steps.slice(1))), field);
}

interface Mistake {
  path: readonly (string | number)[];
  message: string;
}

function mistakesIn(value: unknown, type: GraphQLInputType): Mistake[] {
  const mistakes: Mistake[] = [];
  coerceInputValue(value, type, (path, _value, { message }) => void mistakes.push({ path, message }));
  return mistakes;
}

/** The type that a value has at a place inside a variable; `steps` are the names of fields that lead there. */
function typeAt(type: GraphQLType | undefined, [step, ...steps]: readonly string[]): GraphQLNamedType | undefined {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return typeAt(nullable.ofType, step === undefined ? [] : [step, ...steps]);
  if (step === undefined) return getNamedType(nullable);
  return isInputObjectType(nullable) ? typeAt(nullable.getFields()[step]?.type, steps) : undefined;
}

/** What was expected at a place. What came instead is not told: it may be a secret. */
function misfit(place: string, type: GraphQLNamedType | undefined): string {
  if (type === undefined) return `${place} does not fit its type.`;
  if (!isEnumType(type)) return `${place} must be ${(type.extensions as ScalarExtensions).expected ?? `of the type ${type.name}`}.`;
  const names = type.getValues().map(({ name }) => name);
  return `${place} must be one of ${names.join(', ')}.`;
}

function input(message: string, field?: string): Omit<PublicError, 'status'> {
  const code: ErrorCode = 'BAD_USER_INPUT';
  return field === undefined ? { code, message } : { code, message, field };
}

/** Wraps an error of ours for its way through Apollo, which keeps what is wrapped. */
export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
