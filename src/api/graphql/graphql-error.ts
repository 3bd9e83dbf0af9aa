import { BREAK, type DocumentNode, GraphQLError, type GraphQLFormattedError, Kind, visit } from 'graphql';
import type { ErrorCode } from '../../errors.js';
import { type PublicError, type Report, publicError } from '../public-error.js';

/** Longer messages only repeat what the caller sent. */
const messageLength = 300;

/** An error as GraphQL spells it. */
export function formatted({ code, message, field }: Omit<PublicError, 'status'>): GraphQLFormattedError {
  return { message: message.slice(0, messageLength), extensions: field === undefined ? { code } : { code, field } };
}

/** What a caller learns of an error that a request ended in, or that a field did. */
export function describe(
  error: GraphQLError,
  document: DocumentNode | undefined,
  requestId: string,
  report: Report,
): GraphQLFormattedError {
  // Apollo's errors wrap graphql's own; anything else inside was thrown by us.
  const thrown = error.originalError instanceof GraphQLError ? undefined : error.originalError;
  const shown = thrown === undefined ? documentError(error, document) : publicError(thrown, requestId, report);
  return {
    ...formatted(shown ?? publicError(error, requestId, report)),
    ...(error.locations !== undefined && { locations: error.locations }),
    ...(error.path !== undefined && { path: error.path }),
  };
}

/**
 * What graphql itself finds wrong with a document or its variables; nothing when the fault is ours. Its messages repeat
 * the value at fault, which may be a password; so only the parts of a message that come from the schema are told.
 */
function documentError(error: GraphQLError, document: DocumentNode | undefined): Omit<PublicError, 'status'> | undefined {
  const { message } = error;
  const code = error.extensions.code as string | undefined;
  if (code === 'GRAPHQL_PARSE_FAILED') {
    return { code, message: message.replace(/\b(Name|String|BlockString|Int|Float) ".*/s, '$1.') };
  }
  if (code === 'GRAPHQL_VALIDATION_FAILED') {
    const field =
      /^Field "\w+\.(\w+)" of required type/.exec(message)?.[1] ??
      /argument "(\w+)" of type/.exec(message)?.[1] ??
      inputOf(error, document);
    return {
      ...input(
        message.replace(/(?:,? found | value: ).*/s, (cut) => (cut.startsWith(' value') ? ' value.' : '.')),
        field,
      ),
      code,
    };
  }
  const variable = /^Variable "\$(\w+)" got invalid value /.exec(message);
  if (variable !== null) return variableError(message, variable[1]!);
  const argument = /^Argument "(\w+)" /.exec(message);
  if (argument !== null) return input(`The argument ${argument[1]} is missing or does not fit its type.`, argument[1]);
  const declared = /^Variable "\$(\w+)" of (?:required|non-null) type /.exec(message);
  if (declared !== null) return input(message, declared[1]);
  // Apollo's own words on a request that is no GraphQL request; they hold nothing of its content.
  return code === undefined || code === 'INTERNAL_SERVER_ERROR' ? undefined : input(message);
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

/** `Variable "$input" got invalid value {…} at "input.role"; Field "role" of required type "Role!" was not provided.` */
function variableError(message: string, variable: string): Omit<PublicError, 'status'> {
  const place = / at "([\w.[\]]+)"; [^;]*$/.exec(message)?.[1] ?? variable;
  const missing = /; Field "(\w+)" of required type "[^"]+" was not provided\.$/.exec(message)?.[1];
  const unknown = /; Field "(\w+)" is not defined by type "\w+"\./.exec(message)?.[1];
  const field =
    missing ??
    unknown ??
    place
      .split('.')
      .at(-1)!
      .replace(/\[\d+\]$/, '');
  if (missing !== undefined) return input(`${place}.${missing} is missing.`, field);
  if (unknown !== undefined) return input(`${place} has no field ${unknown}.`, field);
  return input(`The value of ${place} does not fit its type.`, field);
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
