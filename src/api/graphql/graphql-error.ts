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

/** Longer messages only repeat what the caller sent. */
const messageLength = 300;

/** An error as GraphQL spells it. */
export function formatted({ code, message, field }: Omit<PublicError, 'status'>): GraphQLFormattedError {
  return { message: message.slice(0, messageLength), extensions: field === undefined ? { code } : { code, field } };
}

/** What an error is about, and who writes down what is ours. */
interface About {
  schema: GraphQLSchema;
  document: DocumentNode | undefined;
  variables: Record<string, unknown> | undefined;
  requestId: string;
  report: Report;
}

/** What a caller learns of an error that a request ended in, or that a field did. */
export function describe(error: GraphQLError, about: About): GraphQLFormattedError {
  // Apollo's errors wrap graphql's own; anything else inside was thrown by us.
  const thrown = error.originalError instanceof GraphQLError ? undefined : error.originalError;
  const shown = thrown === undefined ? documentError(error, about) : publicError(thrown, about.requestId, about.report);
  return {
    ...formatted(shown ?? publicError(error, about.requestId, about.report)),
    ...(error.locations !== undefined && { locations: error.locations }),
    ...(error.path !== undefined && { path: error.path }),
  };
}

/**
 * What graphql itself finds wrong with a document or its variables; nothing when the fault is ours. Its messages repeat
 * the value at fault, which may be a password; so only the parts of a message that come from the schema are told.
 */
function documentError(error: GraphQLError, about: About): Omit<PublicError, 'status'> | undefined {
  const { message } = error;
  const { schema, document } = about;
  const code = error.extensions.code as string | undefined;
  if (code === 'GRAPHQL_PARSE_FAILED') {
    const [, tokens] = /more that (\d+) tokens/.exec(message) ?? [];
    if (tokens !== undefined) return { code, message: `The document has more than ${tokens} tokens.` };
    return { code, message: message.replace(/\b(Name|String|BlockString|Int|Float) ".*/s, '$1.') };
  }
  if (code === 'GRAPHQL_VALIDATION_FAILED') return { ...validationError(error, schema, document), code };
  if (/^Variable "\$\w+" got invalid value /.test(message)) return variableError(error, about);
  const argument = /^Argument "(\w+)" /.exec(message);
  if (argument !== null) return input(`The argument ${argument[1]} is missing or does not fit its type.`, argument[1]);
  const declared = /^Variable "\$(\w+)" of (?:required|non-null) type /.exec(message);
  if (declared !== null) return input(message, declared[1]);
  // All else that is wrong with the form of a request was refused before Apollo saw it.
  if (code === 'BAD_REQUEST') return { code: 'METHOD_NOT_ALLOWED', message: 'By GET there are only queries. Send this by POST.' };
  return undefined;
}

/** What makes a document none of this schema. */
function validationError(error: GraphQLError, schema: GraphQLSchema, document: DocumentNode | undefined): Omit<PublicError, 'status'> {
  const { message } = error;
  if (error.extensions.validationErrorCode === 'INTROSPECTION_DISABLED')
    return input('This gateway does not tell its schema: introspection is off.');
  const field =
    /^Field "\w+\.(\w+)" of required type/.exec(message)?.[1] ?? /argument "(\w+)" of type/.exec(message)?.[1] ?? inputOf(error, document);
  const [, valueOf, nameOf] = /^(?:Value "\w+" does not exist in "(\w+)" enum|Enum "(\w+)" cannot represent )/.exec(message) ?? [];
  const enumeration = schema.getType(valueOf ?? nameOf ?? '');
  if (enumeration !== undefined) return input(misfit(field ?? 'a value', enumeration), field);
  return input(
    message.replace(/(?:,? found | value: ).*/s, (cut) => (cut.startsWith(' value') ? ' value.' : '.')),
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

/** The first thing in a variable that does not fit: found anew, since graphql's message has no place that a value could not forge. */
function variableError({ nodes }: GraphQLError, { schema, variables }: About): Omit<PublicError, 'status'> | undefined {
  const [definition] = nodes ?? [];
  const type = definition?.kind === Kind.VARIABLE_DEFINITION ? typeFromAST(schema, definition.type) : undefined;
  if (definition?.kind !== Kind.VARIABLE_DEFINITION || !isInputType(type)) return undefined;
  const name = definition.variable.name.value;
  const [mistake] = mistakesIn(variables?.[name], type);
  const path = [name, ...(mistake?.path ?? [])];
  const place = path.map((step, index) => (typeof step === 'number' ? `[${step}]` : index === 0 ? step : `.${step}`)).join('');
  const missing = /^Field "(\w+)" of required type /.exec(mistake?.message ?? '')?.[1];
  const unknown = /^Field "(\w+)" is not defined by type /.exec(mistake?.message ?? '')?.[1];
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

/** The type of what a variable of the type has at the end of the steps into it. */
function typeAt(type: GraphQLType | undefined, [step, ...steps]: readonly string[]): GraphQLNamedType | undefined {
  const nullable = getNullableType(type);
  if (isListType(nullable)) return typeAt(nullable.ofType, step === undefined ? [] : [step, ...steps]);
  if (step === undefined) return getNamedType(nullable);
  return isInputObjectType(nullable) ? typeAt(nullable.getFields()[step]?.type, steps) : undefined;
}

/** What was expected at a place, without what came: that may be a secret. */
function misfit(place: string, type: GraphQLNamedType | undefined): string {
  if (type === undefined) return `The value of ${place} does not fit its type.`;
  if (!isEnumType(type)) return `The value of ${place} does not fit its type, ${type.name}.`;
  const names = type.getValues().map(({ name }) => name);
  return `The value of ${place} is none of the type ${type.name}: ${names.join(', ')}.`;
}

function input(message: string, field?: string): Omit<PublicError, 'status'> {
  const code: ErrorCode = 'BAD_USER_INPUT';
  return field === undefined ? { code, message } : { code, message, field };
}

/** An error of ours on its way through Apollo, which keeps what it wraps. */
export function asGraphqlError(error: unknown): GraphQLError {
  if (error instanceof GraphQLError) return error;
  const originalError = error instanceof Error ? error : new Error(String(error));
  return new GraphQLError(originalError.message, { originalError });
}
