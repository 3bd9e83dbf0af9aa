import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { AppError, type ErrorCode, errorCodes, inWords, numberOf, statusOf } from '../../src/errors.js';

/** The numbers that clients know (SPEC §4). None of them changes or goes; new ones are appended. */
const numbers: Record<ErrorCode, number> = {
  UNAUTHENTICATED: 20003,
  METHOD_NOT_ALLOWED: 20004,
  ACCOUNT_NOT_ACTIVE: 20005,
  FORBIDDEN: 20403,
  NOT_FOUND: 20404,
  RATE_LIMITED: 20429,
  INTERNAL: 20500,
  UNAVAILABLE: 20503,
  ACCOUNT_NOT_FOUND: 70001,
  ORGANIZATION_NOT_FOUND: 70002,
  PROFILE_NOT_FOUND: 70003,
  EMAIL_IN_USE: 70004,
  DOMAIN_NAME_IN_USE: 70005,
  PARENT_NOT_ACTIVE: 70006,
  ORGANIZATION_NOT_EMPTY: 70007,
  INVALID_EMAIL: 70008,
  INVALID_STATUS: 70009,
  INVALID_ROLE: 70010,
  INVALID_DOMAIN_NAME: 70011,
  FRIENDLY_NAME_TOO_LONG: 70012,
  PASSWORD_TOO_WEAK: 70013,
  INVALID_PAGE: 70014,
  MISSING_PARAMETER: 70015,
  BAD_USER_INPUT: 70016,
  ACCOUNT_CLOSED: 70017,
  NOT_TOP_LEVEL: 70018,
  SAME_ORGANIZATION: 70019,
  MAX_LEVELS_EXCEEDED: 70020,
  PASSWORD_RESET_REQUIRED: 70021,
  ORGANIZATION_REQUIRED: 70022,
  VERSION_CONFLICT: 70023,
  IDEMPOTENCY_IN_FLIGHT: 70024,
  IDEMPOTENCY_MISMATCH: 70025,
  NOT_ACCEPTABLE: 70026,
  PAYLOAD_TOO_LARGE: 70027,
  UNSUPPORTED_MEDIA_TYPE: 70028,
  NOT_IMPLEMENTED: 70029,
  UPSTREAM_UNAVAILABLE: 70030,
  UPSTREAM_TIMEOUT: 70031,
  PRECONDITION_FAILED: 70032,
  GRAPHQL_PARSE_FAILED: 70033,
  GRAPHQL_VALIDATION_FAILED: 70034,
  PERSISTED_QUERY_NOT_SUPPORTED: 70035,
  WEBHOOK_NOT_FOUND: 70036,
  INVALID_URL: 70037,
  TOO_MANY_WEBHOOKS: 70038,
  OVERLOADED: 70039,
};

it('every code keeps its number, which no other code has', () => {
  expect(Object.fromEntries(errorCodes.map((code) => [code, numberOf(code)]))).toEqual(numbers);
  expect(new Set(Object.values(numbers)).size).toBe(errorCodes.length);
});

it('an error has the status of its code', () => {
  for (const code of errorCodes) expect(new AppError(code, 'x').status).toBe(statusOf(code));
});

describe('docs/errors.md', () => {
  const text = readFileSync(join(import.meta.dirname, '../../docs/errors.md'), 'utf8');

  it('lists every code, in the order of the catalogue, with its number and status, and leads to its section', () => {
    const rows = [...text.matchAll(/^\| \[`(\w+)`\]\(#(\w+)\) *\| (\d+) *\| (\d+) *\|$/gm)].map((found) => found.slice(1));
    const expected = errorCodes.map((code) => [code, code.toLowerCase(), String(numberOf(code)), String(statusOf(code))]);
    expect(rows).toEqual(expected);
  });

  it('tells of every code, in the order of the catalogue: number, status, meaning, cause, cure', () => {
    const [, ...sections] = text.split(/^## /m).map((section) => section.trim().split('\n\n'));
    const sentences = (name: string) => expect.stringMatching(new RegExp(`^\\*\\*${name}\\.\\*\\* [A-Z\`][^]*\\.$`));
    const told = ['Meaning', 'Cause', 'Cure'].map(sentences);
    expect(sections).toEqual(errorCodes.map((code) => [`\`${code}\``, `Number ${numberOf(code)}, status ${statusOf(code)}.`, ...told]));
  });
});

it('an error has what it is given, and says when to try again where the gateway is unavailable', () => {
  const cause = new Error('why');
  const given = new AppError('FORBIDDEN', 'No.', { field: 'role', status: 418, retryAfter: 7, cause });
  expect(given).toMatchObject({ name: 'AppError', message: 'No.', code: 'FORBIDDEN', field: 'role', status: 418, retryAfter: 7, cause });
  expect('cause' in new AppError('FORBIDDEN', 'No.')).toBe(false);
  expect(new AppError('FORBIDDEN', 'No.')).toMatchObject({ field: undefined, status: 403, retryAfter: undefined });
  for (const code of ['UNAVAILABLE', 'OVERLOADED'] as const)
    expect(new AppError(code, 'No.')).toMatchObject({ status: 503, retryAfter: 1 });
  expect(new AppError('OVERLOADED', 'No.', { retryAfter: 9 }).retryAfter).toBe(9);
});

it('a time to wait is told in seconds, and from two minutes on in minutes, rounded up', () => {
  expect([1, 2, 119, 120, 121, 180, 181].map(inWords)).toEqual([
    '1 second',
    '2 seconds',
    '119 seconds',
    '2 minutes',
    '3 minutes',
    '3 minutes',
    '4 minutes',
  ]);
  expect(inWords(0)).toBe('0 seconds');
});
