import { CombinedGraphQLErrors } from '@apollo/client';

/** Every code of the gateway's list of errors, docs/errors.md. Codes do not change; a later version may add some. */
export const errorCodes = [
  'UNAUTHENTICATED',
  'ACCOUNT_NOT_ACTIVE',
  'FORBIDDEN',
  'ACCOUNT_NOT_FOUND',
  'ORGANIZATION_NOT_FOUND',
  'PROFILE_NOT_FOUND',
  'EMAIL_IN_USE',
  'DOMAIN_NAME_IN_USE',
  'PARENT_NOT_ACTIVE',
  'ORGANIZATION_NOT_EMPTY',
  'INVALID_EMAIL',
  'INVALID_STATUS',
  'INVALID_ROLE',
  'INVALID_DOMAIN_NAME',
  'FRIENDLY_NAME_TOO_LONG',
  'PASSWORD_TOO_WEAK',
  'INVALID_PAGE',
  'MISSING_PARAMETER',
  'BAD_USER_INPUT',
  'ACCOUNT_CLOSED',
  'NOT_TOP_LEVEL',
  'SAME_ORGANIZATION',
  'MAX_LEVELS_EXCEEDED',
  'PASSWORD_RESET_REQUIRED',
  'ORGANIZATION_REQUIRED',
  'VERSION_CONFLICT',
  'IDEMPOTENCY_IN_FLIGHT',
  'IDEMPOTENCY_MISMATCH',
  'NOT_ACCEPTABLE',
  'PAYLOAD_TOO_LARGE',
  'UNSUPPORTED_MEDIA_TYPE',
  'RATE_LIMITED',
  'NOT_IMPLEMENTED',
  'UPSTREAM_UNAVAILABLE',
  'UPSTREAM_TIMEOUT',
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'PRECONDITION_FAILED',
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'PERSISTED_QUERY_NOT_SUPPORTED',
  'WEBHOOK_NOT_FOUND',
  'INVALID_URL',
  'TOO_MANY_WEBHOOKS',
  'UNAVAILABLE',
  'OVERLOADED',
  'INTERNAL',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

/** What the gateway refused, and why. A refusal changes nothing. */
export interface Refusal {
  /** `UNKNOWN` for a code that is not in the list above. */
  code: ErrorCode | 'UNKNOWN';
  message: string;
  /** The input at fault, where there is one. */
  field: string | undefined;
}

/** The refusal that an operation failed with. Undefined if it failed for another reason, such as the network. */
export function refusalIn(error: unknown): Refusal | undefined {
  if (!CombinedGraphQLErrors.is(error)) return undefined;
  const { message, extensions = {} } = error.errors[0]!;
  return {
    code: errorCodes.find((code) => code === extensions['code']) ?? 'UNKNOWN',
    message,
    field: typeof extensions['field'] === 'string' ? extensions['field'] : undefined,
  };
}

/** What helps, in a sentence for the person in front of the program. TypeScript refuses a code that does not exist. */
export function adviceOn({ code, field }: Refusal): string {
  switch (code) {
    case 'UNAUTHENTICATED':
      return 'Check LOGIN and PASSWORD.';
    case 'FORBIDDEN':
      return 'Sign in as an Administrator above the account.';
    case 'ACCOUNT_NOT_ACTIVE':
      return 'Have this account activated first.';
    case 'EMAIL_IN_USE':
      return 'Choose another e-mail address.';
    case 'VERSION_CONFLICT':
      return 'Look at what has changed, and decide again.';
    case 'RATE_LIMITED':
    case 'OVERLOADED':
    case 'UNAVAILABLE':
      return 'Try again later.';
    default:
      return field === undefined ? 'See docs/errors.md.' : `Correct ${field}.`;
  }
}

/** What went wrong, for the person in front of the program. */
export function sentenceFor(error: unknown): string {
  const refusal = refusalIn(error);
  if (refusal === undefined) return `It did not work: ${error instanceof Error ? error.message : String(error)}`;
  return `${refusal.code}: ${refusal.message} ${adviceOn(refusal)}`;
}
