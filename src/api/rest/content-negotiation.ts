import { AppError } from '../../errors.js';
import { preferredMediaType } from '../http/accept.js';
import { asksForJson } from './path.js';

/** The formats of answers (SPEC §4). */
export type Format = 'json' | 'xml';

/** The media types that a client may ask for, with the format that each gets. The first one is the default. */
const formats: Record<string, Format> = {
  'application/xml': 'xml',
  'application/json': 'json',
  'text/xml': 'xml',
  'text/json': 'json',
};

/** The format that a request asks for. `.json` in its path takes precedence over `Accept`; XML is the default. @throws AppError NOT_ACCEPTABLE */
export function negotiatedFormat(url: string, accept: string | undefined): Format {
  if (asksForJson(url)) return 'json';
  const type = preferredMediaType(accept, Object.keys(formats));
  if (type !== undefined) return formats[type]!;
  throw new AppError('NOT_ACCEPTABLE', 'Answers are available as application/json and application/xml. Accept one of them.');
}
