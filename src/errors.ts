/** How REST expresses a code: as HTTP status, and as a number, since clients in the field expect integers. */
interface Entry {
  status: number;
  number: number;
}

/**
 * The catalogue of errors (SPEC §9): every code that a caller can get. GraphQL has it in `extensions.code`; REST as `error`, and
 * its number as `code` (SPEC §4). A number never changes and is never used again. Those from 20000 are the numbers that Twilio's
 * clients know. Those from 70000 follow the order of SPEC §9, with gaps for codes that are not in use yet; new ones are appended.
 * `docs/errors.md` describes each code.
 */
const catalogue = {
  UNAUTHENTICATED: { status: 401, number: 20003 },
  ACCOUNT_NOT_ACTIVE: { status: 403, number: 20005 },
  FORBIDDEN: { status: 403, number: 20403 },
  ACCOUNT_NOT_FOUND: { status: 404, number: 70001 },
  ORGANIZATION_NOT_FOUND: { status: 404, number: 70002 },
  PROFILE_NOT_FOUND: { status: 404, number: 70003 },
  EMAIL_IN_USE: { status: 409, number: 70004 },
  DOMAIN_NAME_IN_USE: { status: 409, number: 70005 },
  PARENT_NOT_ACTIVE: { status: 409, number: 70006 },
  ORGANIZATION_NOT_EMPTY: { status: 409, number: 70007 },
  INVALID_EMAIL: { status: 400, number: 70008 },
  INVALID_STATUS: { status: 400, number: 70009 },
  INVALID_ROLE: { status: 400, number: 70010 },
  INVALID_DOMAIN_NAME: { status: 400, number: 70011 },
  FRIENDLY_NAME_TOO_LONG: { status: 400, number: 70012 },
  PASSWORD_TOO_WEAK: { status: 400, number: 70013 },
  INVALID_PAGE: { status: 400, number: 70014 },
  MISSING_PARAMETER: { status: 400, number: 70015 },
  BAD_USER_INPUT: { status: 400, number: 70016 },
  ACCOUNT_CLOSED: { status: 400, number: 70017 },
  NOT_TOP_LEVEL: { status: 400, number: 70018 },
  SAME_ORGANIZATION: { status: 400, number: 70019 },
  MAX_LEVELS_EXCEEDED: { status: 400, number: 70020 },
  PASSWORD_RESET_REQUIRED: { status: 400, number: 70021 },
  ORGANIZATION_REQUIRED: { status: 412, number: 70022 },
  VERSION_CONFLICT: { status: 412, number: 70023 },
  IDEMPOTENCY_IN_FLIGHT: { status: 409, number: 70024 },
  IDEMPOTENCY_MISMATCH: { status: 422, number: 70025 },
  NOT_ACCEPTABLE: { status: 406, number: 70026 },
  PAYLOAD_TOO_LARGE: { status: 413, number: 70027 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415, number: 70028 },
  RATE_LIMITED: { status: 429, number: 20429 },
  NOT_IMPLEMENTED: { status: 501, number: 70029 },
  UPSTREAM_UNAVAILABLE: { status: 502, number: 70030 },
  UPSTREAM_TIMEOUT: { status: 504, number: 70031 },
  NOT_FOUND: { status: 404, number: 20404 },
  METHOD_NOT_ALLOWED: { status: 405, number: 20004 },
  PRECONDITION_FAILED: { status: 412, number: 70032 },
  // GraphQL's own: the document is not GraphQL, does not fit this schema, or asks for more than the limits allow.
  GRAPHQL_PARSE_FAILED: { status: 400, number: 70033 },
  GRAPHQL_VALIDATION_FAILED: { status: 400, number: 70034 },
  PERSISTED_QUERY_NOT_SUPPORTED: { status: 400, number: 70035 },
  WEBHOOK_NOT_FOUND: { status: 404, number: 70036 },
  INVALID_URL: { status: 400, number: 70037 },
  TOO_MANY_WEBHOOKS: { status: 409, number: 70038 },
  UNAVAILABLE: { status: 503, number: 20503 },
  OVERLOADED: { status: 503, number: 70039 },
  INTERNAL: { status: 500, number: 20500 },
} as const satisfies Record<string, Entry>;

export type ErrorCode = keyof typeof catalogue;

/** All codes, in the order of the catalogue. */
export const errorCodes = Object.keys(catalogue) as ErrorCode[];

/** The HTTP status of a code. */
export function statusOf(code: ErrorCode): number {
  return catalogue[code].status;
}

/** The number of a code. */
export function numberOf(code: ErrorCode): number {
  return catalogue[code].number;
}

/** A time to wait, for a message: "1 second", "40 seconds"; from two minutes on in minutes, rounded up. */
export function inWords(seconds: number): string {
  const [count, unit] = seconds < 120 ? [seconds, 'second'] : [Math.ceil(seconds / 60), 'minute'];
  return `${count} ${unit}${count === 1 ? '' : 's'}`;
}

/** An error that the caller is shown: the code is for programs, the message for the person who must act. */
export class AppError extends Error {
  override readonly name = 'AppError';
  /** The input at fault, if it is exactly one: by its GraphQL name, or by its REST name if only REST has it. */
  readonly field: string | undefined;
  /** The HTTP status of REST's answer. */
  readonly status: number;
  /** In how many seconds, a whole number, another try may succeed. */
  readonly retryAfter: number | undefined;

  constructor(
    readonly code: ErrorCode,
    message: string,
    options: { field?: string; status?: number; retryAfter?: number; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.field = options.field;
    this.status = options.status ?? statusOf(code);
    this.retryAfter = options.retryAfter ?? (this.status === 503 ? 1 : undefined);
  }
}
