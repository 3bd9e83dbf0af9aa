import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { assertNotEncoded, utf8 } from '../http/utf8.js';

/**
 * The parameters of a request, by their documented names: the first of a repeated one counts, unknown ones are ignored, and one without
 * a value is as if it were not there (SPEC §4).
 */
export class Parameters {
  private readonly parameters: URLSearchParams;

  constructor(text = '') {
    this.parameters = new URLSearchParams([...new URLSearchParams(text)].filter(([, value]) => value !== ''));
  }

  /** @throws AppError BAD_USER_INPUT */
  text(name: string): string | undefined {
    const value = this.parameters.get(name) ?? undefined;
    // What the parser puts in place of bytes that are no UTF-8.
    if (value?.includes('\ufffd')) throw new AppError('BAD_USER_INPUT', `${name} is not text in UTF-8.`, { field: name });
    return value;
  }

  /** @throws AppError MISSING_PARAMETER, BAD_USER_INPUT */
  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined) return value;
    throw new AppError('MISSING_PARAMETER', `${name} is required.`, { field: name });
  }

  /** What a rule of the domain reads from the parameter, if it is there. */
  parsed<Value>(name: string, parse: (text: string) => Value): Value | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : parse(value);
  }

  toString(): string {
    return this.parameters.toString();
  }

  has(name: string): boolean {
    return this.parameters.has(name);
  }
}

/** The parameters in the query string of a request. */
export function queryOf({ url }: FastifyRequest): Parameters {
  const start = url.indexOf('?');
  return new Parameters(start < 0 ? '' : url.slice(start));
}

/** Forms are short. In bytes. */
const formMaxBytes = 65_536;

/**
 * The bodies of the scope's routes are forms; also where nothing says so, and where there is none (SPEC §4).
 * Refused with UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE or BAD_USER_INPUT.
 */
export function formBodies(scope: FastifyInstance): void {
  bodies(
    scope,
    formMaxBytes,
    { name: 'application/x-www-form-urlencoded', pattern: /^application\/x-www-form-urlencoded$/ },
    (text) => new Parameters(text),
  );
}

/** The bodies of the scope's routes are JSON, of any dialect; what is JSON is a rule of the domain. Refused as forms are. */
export function jsonBodies(scope: FastifyInstance, maxBytes: number): void {
  bodies(scope, maxBytes, { name: 'application/json', pattern: /^application\/(?:[\w.-]+\+)?json$/ }, (text) => text);
}

/** The bodies of the scope's routes are for somebody else. */
export function anyBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', async (_request: FastifyRequest, body: Readable) => void body.resume());
}

/** The media type that is taken, and what else counts as it. */
interface Taken {
  name: string;
  pattern: RegExp;
}

function bodies(scope: FastifyInstance, bodyLimit: number, taken: Taken, parse: (text: string) => unknown): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit }, async ({ headers }: FastifyRequest, body: Buffer) => {
    const contentType = headers['content-type'];
    if (body.length > 0) assertNotEncoded(headers);
    if (body.length > 0 && contentType !== undefined && !taken.pattern.test(mediaType(contentType))) {
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `The body has another content type than is taken here. Send ${taken.name}.`);
    }
    return parse(utf8(body));
  });
  // A request without a body has an empty one.
  scope.addHook('preHandler', async (request) => {
    request.body ??= parse('');
  });
}

/** The type of a `Content-Type` header, without its parameters. */
function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}
