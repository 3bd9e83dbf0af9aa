import { AppError, type ErrorCode } from '../../errors.js';

/** What a caller learns of a failure. */
export interface PublicError {
  code: ErrorCode;
  message: string;
  status: number;
  field?: string;
  /** In seconds; said in a header, not in the body. */
  retryAfter?: number;
}

/** Writes down what went wrong inside; the caller gets the request's id to ask by. */
export type Report = (error: unknown, message: string) => void;

/** What an error tells the caller: errors of the catalogue tell all that they say, the unforeseen nothing. */
export function publicError(error: unknown, requestId: string, report: Report): PublicError {
  if (!(error instanceof AppError)) {
    report(error, 'unforeseen error');
    return publicError(new AppError('INTERNAL', `Something went wrong here. Ask for request ${requestId}.`), requestId, report);
  }
  if (error.cause !== undefined) report(error.cause, error.message);
  const { code, message, status, field, retryAfter } = error;
  return { code, message, status, ...(field !== undefined && { field }), ...(retryAfter !== undefined && { retryAfter }) };
}
