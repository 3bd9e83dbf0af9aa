import { AppError } from '../../errors.js';
import { preferredMediaType } from '../http/accept.js';
import { asksForJson } from './path.js';

/** The forms that an answer can have (SPEC §4). */
export type Format = 'json' | 'xml';

/** Media types that a client may ask by, the default first, and the form that each gets. */
const formats: Record<string, Format> = {
  'application/xml': 'xml',
  'application/json': 'json',
  'text/xml': 'xml',
  'text/json': 'json',
};

/** The form that a request asks for: `.json` in its path beats `Accept`; XML is the default. @throws AppError NOT_ACCEPTABLE */
export function formatAskedFor(url: string, accept: string | undefined): Format {
  if (asksForJson(url)) return 'json';
  const type = preferredMediaType(accept, Object.keys(formats));
  if (type !== undefined) return formats[type]!;
  throw new AppError('NOT_ACCEPTABLE', 'Answers are application/json or application/xml.');
}
