import { type ErrorCode, numberOf } from '../../errors.js';
import type { PublicError } from './public-error.js';

/** The body of a refusal, with its fields in order (SPEC §4). */
export interface ErrorBody {
  /** The number of the error code: existing clients expect an integer. */
  code: number;
  error: ErrorCode;
  message: string;
  status: number;
  field?: string;
  /** The URL of the code's documentation. */
  moreInfo: string;
}

/** The path of the documentation of error codes, which has an anchor for each: docs/errors.md. */
const errorPagePath = '/docs/errors';

/** @param publicUrl where users reach the gateway; without it, `moreInfo` is relative to the host */
export function errorBody({ code, message, status, field }: PublicError, publicUrl: string | undefined): ErrorBody {
  return {
    code: numberOf(code),
    error: code,
    message,
    status,
    ...(field !== undefined && { field }),
    moreInfo: `${publicUrl ?? ''}${errorPagePath}#${code}`,
  };
}

/** The body in JSON's naming. */
export function jsonOf({ moreInfo, ...body }: ErrorBody): object {
  return { ...body, more_info: moreInfo };
}
