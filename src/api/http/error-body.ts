import { type ErrorCode, numberOf } from '../../errors.js';
import type { PublicError } from './public-error.js';

/** What the body of a refusal says, in the order in which it says it (SPEC §4). */
export interface ErrorBody {
  /** The number of the code: clients in the field type it as an integer. */
  code: number;
  error: ErrorCode;
  message: string;
  status: number;
  field?: string;
  /** Where the documentation tells of the code. */
  moreInfo: string;
}

/** Where the documentation of the codes is served; see error-page.ts. */
export const errorPagePath = '/docs/errors';

/** @param publicUrl where users reach the gateway; else the documentation's address is relative to the host */
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

/** The body as JSON has it. */
export function jsonOf({ moreInfo, ...body }: ErrorBody): object {
  return { ...body, more_info: moreInfo };
}
