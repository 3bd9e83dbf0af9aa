import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AppError } from '../../errors.js';
import { assertNotEncoded, decodeUtf8 } from '../http/utf8.js';

/**
 * The parameters of a request, by their documented names. If one is repeated, the first counts. Unknown ones are ignored, and
 * empty ones count as missing (SPEC §4).
 */
export class Parameters {
  private readonly parameters: URLSearchParams;

  constructor(text = '') {
    this.parameters = new URLSearchParams([...new URLSearchParams(text)].filter(([, value]) => value !== ''));
  }

  /** @throws AppError BAD_USER_INPUT */
  text(name: string): string | undefined {
    const value = this.parameters.get(name) ?? undefined;
    // The parser replaces malformed UTF-8 by this character.
    if (value?.includes('\ufffd')) throw new AppError('BAD_USER_INPUT', `${name} must be text in UTF-8, and is not.`, { field: name });
    return value;
  }

  /** @throws AppError MISSING_PARAMETER, BAD_USER_INPUT */
  required(name: string): string {
    const value = this.text(name);
    if (value !== undefined) return value;
    throw new AppError('MISSING_PARAMETER', `${name} is required.`, { field: name });
  }

  /** The parameter, parsed by a rule of the domain, if it is there. */
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

/** The greatest size of a form, in bytes. */
const formMaxBytes = 65_536;

/**
 * Parses the bodies of the scope's routes as forms, also without a `Content-Type` and without a body (SPEC §4). Other bodies are
 * refused with UNSUPPORTED_MEDIA_TYPE, PAYLOAD_TOO_LARGE or BAD_USER_INPUT.
 */
export function formBodies(scope: FastifyInstance): void {
  bodies(
    scope,
    formMaxBytes,
    { name: 'application/x-www-form-urlencoded', pattern: /^application\/x-www-form-urlencoded$/ },
    (text) => new Parameters(text),
  );
}

/** Takes the bodies of the scope's routes as the text of JSON, with any `+json` type; a rule of the domain parses them. Refuses as `formBodies` does. */
export function jsonBodies(scope: FastifyInstance, maxBytes: number): void {
  bodies(scope, maxBytes, { name: 'application/json', pattern: /^application\/(?:[\w.-]+\+)?json$/ }, (text) => text);
}

/** Leaves the bodies of the scope's routes unread, whatever they are. What a handler does not read, Node.js discards after the answer. */
export function unreadBodies(scope: FastifyInstance): void {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', async () => undefined);
}

/** The media type that is accepted, and what else counts as it. */
interface Accepted {
  name: string;
  pattern: RegExp;
}

function bodies(scope: FastifyInstance, bodyLimit: number, accepted: Accepted, parse: (text: string) => unknown): void {
  scope.removeAllContentTypeParsers();
  // By the routes, so that a refusal can say what their limit is.
  scope.addHook('onRoute', (route) => {
    route.bodyLimit ??= bodyLimit;
  });
  scope.addContentTypeParser('*', { parseAs: 'buffer' }, async ({ headers }: FastifyRequest, body: Buffer) => {
    const contentType = headers['content-type'];
    if (body.length > 0) assertNotEncoded(headers);
    if (body.length > 0 && contentType !== undefined && !accepted.pattern.test(mediaType(contentType))) {
      throw new AppError('UNSUPPORTED_MEDIA_TYPE', `The content type of the body is not accepted here. Send ${accepted.name}.`);
    }
    return parse(decodeUtf8(body));
  });
  // Treat a request without a body as one with an empty body.
  scope.addHook('preHandler', (request, _reply, done) => {
    request.body ??= parse('');
    done();
  });
}

/** The type of a `Content-Type` header, without its parameters. */
function mediaType(contentType: string): string {
  return contentType.split(';', 1)[0]!.trim().toLowerCase();
}
