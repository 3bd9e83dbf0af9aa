/**
 * The catalogue of errors (SPEC §9): every code that a caller can meet, with the HTTP status that REST answers it by.
 * GraphQL carries the code in `extensions.code`.
 */
const catalogue = {
  UNAUTHENTICATED: 401,
  ACCOUNT_NOT_ACTIVE: 403,
  FORBIDDEN: 403,
  ACCOUNT_NOT_FOUND: 404,
  ORGANIZATION_NOT_FOUND: 404,
  PROFILE_NOT_FOUND: 404,
  EMAIL_IN_USE: 409,
  DOMAIN_NAME_IN_USE: 409,
  PARENT_NOT_ACTIVE: 409,
  ORGANIZATION_NOT_EMPTY: 409,
  INVALID_EMAIL: 400,
  INVALID_STATUS: 400,
  INVALID_ROLE: 400,
  INVALID_DOMAIN_NAME: 400,
  FRIENDLY_NAME_TOO_LONG: 400,
  PASSWORD_TOO_WEAK: 400,
  INVALID_PAGE: 400,
  MISSING_PARAMETER: 400,
  BAD_USER_INPUT: 400,
  ACCOUNT_CLOSED: 400,
  NOT_TOP_LEVEL: 400,
  SAME_ORGANIZATION: 400,
  MAX_LEVELS_EXCEEDED: 400,
  PASSWORD_RESET_REQUIRED: 400,
  ORGANIZATION_REQUIRED: 412,
  VERSION_CONFLICT: 412,
  // GraphQL's own: the document is no GraphQL, is not one of this schema, or asks for more than the limits allow.
  GRAPHQL_PARSE_FAILED: 400,
  GRAPHQL_VALIDATION_FAILED: 400,
  PERSISTED_QUERY_NOT_SUPPORTED: 400,
  NOT_ACCEPTABLE: 406,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  IDEMPOTENCY_IN_FLIGHT: 409,
  IDEMPOTENCY_MISMATCH: 422,
  RATE_LIMITED: 429,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  NOT_IMPLEMENTED: 501,
  UNAVAILABLE: 503,
  OVERLOADED: 503,
  INTERNAL: 500,
} as const;

export type ErrorCode = keyof typeof catalogue;

/** The HTTP status that says what the code says. */
export function statusOf(code: ErrorCode): number {
  return catalogue[code];
}

/** How long to wait, for a message: "1 second", "40 seconds"; from two minutes on in minutes, rounded up. */
export function inWords(seconds: number): string {
  const [count, unit] = seconds < 120 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** An error that a caller may read: the code is for programs, the message for the person who must act. */
export class AppError extends Error {
  override readonly name = 'AppError';
  /** The input at fault, where there is exactly one: by its GraphQL name, unless only REST has such an input. */
  readonly field: string | undefined;
  /** The HTTP status that REST answers with. */
  readonly status: number;
  /** When it may be worth to try again, in whole seconds from now. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { field?: string; status?: number; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.field = options.field;
    this.status = options.status ?? catalogue[code];
    this.retryAfter = options.retryAfter ?? (this.status === 503 ? 1 : undefined);
  }
}
