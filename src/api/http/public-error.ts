import { AppError, type ErrorCode } from '../../errors.js';

/** What a caller is told about an error. */
export interface PublicError {
  code: ErrorCode;
  message: string;
  status: number;
  field?: string;
  /** In seconds; sent as a header, not in the body. */
  retryAfter?: number;
}

/** Logs an internal error. The caller is given only the request id. */
export type Report = (error: unknown, message: string) => void;

/** The public form of an error. Errors of the catalogue are shown as they are; unexpected ones reveal nothing. */
export function publicError(error: unknown, requestId: string, report: Report): PublicError {
  if (!(error instanceof AppError)) {
    report(error, 'unexpected error');
    return publicError(
      new AppError('INTERNAL', `Something went wrong in the gateway. When you report it, mention request ${requestId}.`),
      requestId,
      report,
    );
  }
  if (error.cause !== undefined) report(error.cause, error.message);
  const { code, message, status, field, retryAfter } = error;
  return { code, message, status, ...(field !== undefined && { field }), ...(retryAfter !== undefined && { retryAfter }) };
}
