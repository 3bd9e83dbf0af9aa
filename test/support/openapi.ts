import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import type { ErrorCode } from '../../src/errors.js';
import { parseXml } from './parse-xml.js';
import type { RestAnswer, RestRequest } from './rest-client.js';

/** The description of the documented API, which every answer to a test is held against. */
export const openapiFile = join(import.meta.dirname, '../../openapi.yaml');
export const openapiText = readFileSync(openapiFile, 'utf8');
const document = parse(openapiText);

/** One method of one path of the description. */
export interface DescribedOperation {
  /** As `GET /Accounts/{SidOrEmail}`. */
  name: string;
  method: string;
  path: string;
  /** Where it stands in the document. */
  pointer: string;
}

const methods = ['get', 'put', 'post', 'delete', 'patch', 'head', 'options', 'trace'];

/** Every operation, of paths with fewer parameters first: where two match, the more literal one is meant. */
export const describedOperations: DescribedOperation[] = Object.entries<any>(document.paths)
  .flatMap(([path, item]) => {
    const pointer = `#${token('paths')}${token(path)}`;
    const standard = Object.keys(item).filter((key) => methods.includes(key));
    const additional = Object.keys(item['x-additional-operations'] ?? {});
    return [
      ...standard.map((method) => [method.toUpperCase(), `${pointer}${token(method)}`] as const),
      ...additional.map((method) => [method, `${pointer}${token('x-additional-operations')}${token(method)}`] as const),
    ].map(([method, at]) => ({ name: `${method} ${path}`, method, path, pointer: at }));
  })
  .toSorted((one, other) => one.path.split('{').length - other.path.split('{').length);

/**
 * Every kind of answer that the description knows, as `GET /Accounts 200 application/json`; refusals each with a code, as
 * `GET /Accounts 400 application/xml INVALID_PAGE`.
 */
export function describedAnswers(): string[] {
  return describedOperations.flatMap((operation) =>
    statusesOf(operation).flatMap((status) => {
      const response = responseOf(operation, Number(status))!;
      const mediaTypes = Object.keys(at(response).content ?? { nothing: {} });
      return mediaTypes.flatMap((mediaType) =>
        codesOf(response, mediaType).map((code) => nameOf(operation, Number(status), mediaType, code)),
      );
    }),
  );
}

/** The statuses whose answers are described. What a service behind the API answers is described by `default` alone. */
function statusesOf({ pointer }: DescribedOperation): string[] {
  return Object.keys(at(pointer).responses).filter((status) => status !== 'default');
}

const seen = new Set<string>();

/** What of that was seen since this module was loaded, which each test file does anew. */
export function seenAnswers(): string[] {
  return [...seen];
}

/**
 * Holds that an answer is as the description says: its status, headers, media type and body. What is no part of the
 * described API may only be refused, and by what comes before any operation.
 * @throws Error which says what is not described
 */
export function assertDescribed(request: RestRequest, answer: RestAnswer): void {
  const method = methodOf(request);
  const path = canonicalPath(request.path);
  if (isOfThePage(method, path) || isPreflight(method, answer)) return;
  // HEAD answers as GET does, without the body.
  const operation = operationAt(method === 'HEAD' ? 'GET' : method, path);
  const faults = operation === undefined ? faultsOfRefusal(method, answer) : faultsOf(operation, method, answer);
  if (faults.length === 0) return;
  const { status, headers, text } = answer;
  throw new Error(
    [
      `${method} ${request.path} was answered ${status} ${headers.get('content-type') ?? 'without a content type'}, not as openapi.yaml says:`,
      ...faults.map((fault) => `- ${fault}`),
      text.slice(0, 2000),
    ].join('\n'),
  );
}

/** The method that is meant: an override makes another operation of the request. */
function methodOf({ method = 'GET', path, headers }: RestRequest): string {
  const override = new Headers(headers).get('x-http-method-override')?.toUpperCase();
  const isOverride = method === 'PUT' && path.startsWith('/Profiles/') && (override === 'LINK' || override === 'UNLINK');
  return isOverride ? override : method;
}

/** The path as the description spells it: from the mount on, without query, `.json` and a slash at its end. */
function canonicalPath(path: string): string {
  const mount: string = document.servers[0].url;
  const { pathname } = new URL(`http://gateway${mount}${path}`);
  const segments = pathname.slice(mount.length).replace(/\/$/, '').split('/');
  return segments.map((segment) => segment.replace(/\.json$/, '')).join('/');
}

/** The page that shows the description, and its files, are no part of the API. */
function isOfThePage(method: string, path: string): boolean {
  return ['GET', 'HEAD'].includes(method) && /^(\/(openapi\.yaml|[a-z-]+\.(js|css)))?$/.test(path);
}

/** A browser's question whether a page may call the API at all. */
function isPreflight(method: string, { status }: RestAnswer): boolean {
  return method === 'OPTIONS' && status === 204;
}

function operationAt(method: string, path: string): DescribedOperation | undefined {
  return describedOperations.find((operation) => operation.method === method && isAt(operation.path, path));
}

/** The pattern of a path, and the schemas of what stands for its parameters. */
interface PathPattern {
  pattern: RegExp;
  schemas: object[];
}

const pathPatterns = new Map<string, PathPattern>();

function patternOf(template: string): PathPattern {
  const known = pathPatterns.get(template);
  if (known !== undefined) return known;
  const parameters: any[] = (document.paths[template].parameters ?? []).map((parameter: any) => resolved(parameter));
  const parameterNamed = (name: string): any => parameters.find((parameter) => parameter.in === 'path' && parameter.name === name);
  const pattern = template
    .split(/[{}]/)
    .map((part, index) => (index % 2 === 0 ? part : parameterNamed(part)['x-multiple-segments'] ? '(.+)' : '([^/]+)'))
    .join('');
  const names = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const made = { pattern: new RegExp(`^${pattern}$`), schemas: names.map((name) => parameterNamed(name).schema) };
  pathPatterns.set(template, made);
  return made;
}

function isAt(template: string, path: string): boolean {
  const { pattern, schemas } = patternOf(template);
  const values = pattern.exec(path)?.slice(1);
  return values !== undefined && values.every((value, index) => ajv.validate(schemas[index]!, decoded(value)));
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** What is not as the operation describes it. */
function faultsOf(operation: DescribedOperation, method: string, answer: RestAnswer): string[] {
  const { status, headers, text } = answer;
  const response = responseOf(operation, status);
  if (response === undefined) {
    return 'default' in at(operation.pointer).responses ? [] : [`${operation.name} has no answer ${status}`];
  }
  const { content } = at(response);
  const mediaType = headers.get('content-type');

  const faults = headerFaults(response, headers);
  if (content === undefined) {
    if (mediaType !== null || text !== '') faults.push('the answer is described as empty');
  } else if (mediaType === null || !Object.hasOwn(content, mediaType)) {
    faults.push(`the content type is described as ${Object.keys(content).join(' or ')}`);
  } else if (method === 'HEAD') {
    if (text !== '') faults.push('an answer to HEAD has no body');
  } else {
    faults.push(...bodyFaults(`${response}${token('content')}${token(mediaType)}${token('schema')}`, mediaType, text));
  }
  if (faults.length === 0 && method !== 'HEAD') {
    seen.add(nameOf(operation, status, mediaType ?? 'nothing', status < 400 ? undefined : codeIn(mediaType!, text)));
  }
  return faults;
}

/** Headers that mean something: none of them may come undescribed. */
const telling = ['ETag', 'Link', 'Location', 'Last-Modified', 'Retry-After', 'WWW-Authenticate'];

function headerFaults(response: string, headers: Headers): string[] {
  const described: Record<string, any> = at(response).headers ?? {};
  const undescribed = telling.filter((name) => headers.has(name) && !Object.hasOwn(described, name));
  return [
    ...undescribed.map((name) => `the header ${name} is not described: ${headers.get(name)}`),
    ...Object.entries(described).flatMap(([name, reference]) => {
      const { required = false, schema } = resolved(reference);
      const value = headers.get(name);
      if (value === null) return required ? [`the header ${name} is missing`] : [];
      return ajv.validate(schema, value) ? [] : [`the header ${name}: ${ajv.errorsText()}: ${value}`];
    }),
  ];
}

function bodyFaults(schema: string, mediaType: string, text: string): string[] {
  let body: unknown;
  try {
    body = mediaType === 'application/xml' ? xmlBody(schema, text) : JSON.parse(text);
  } catch (error) {
    return [(error as Error).message];
  }
  const isValid = validatorOf(schema);
  if (isValid(body)) return [];
  return isValid.errors!.map(({ instancePath, message, params }) => `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`);
}

/** What the root element holds, once it is sure that it is the described one. */
function xmlBody(schema: string, text: string): unknown {
  const parsed = parseXml(text);
  const name = rootElementOf(schema);
  if (Object.keys(parsed).join() !== name) throw new Error(`the root element is described as ${name}`);
  return parsed[name];
}

function rootElementOf(schema: string): string {
  const { xml, $ref, allOf } = at(schema);
  return xml?.name ?? rootElementOf($ref ?? allOf[0].$ref);
}

/** Refusals that can come before there is an operation, or because there is none. */
const beforeOperations: ErrorCode[] = [
  'NOT_FOUND',
  'METHOD_NOT_ALLOWED',
  'UNAUTHENTICATED',
  'ACCOUNT_NOT_ACTIVE',
  'FORBIDDEN',
  'NOT_ACCEPTABLE',
  'UNSUPPORTED_MEDIA_TYPE',
  'PAYLOAD_TOO_LARGE',
  'UNAVAILABLE',
  'OVERLOADED',
  'INTERNAL',
];

/** What is wrong with the answer to a request that the description does not know. */
function faultsOfRefusal(method: string, { status, headers, text }: RestAnswer): string[] {
  const mediaType = headers.get('content-type') ?? '';
  if (status < 400) return ['no such operation is described, and it was not refused'];
  if (method === 'HEAD') return [];
  const schema = mediaType === 'application/xml' ? 'ErrorXml' : 'Error';
  const faults = bodyFaults(`#${token('components')}${token('schemas')}${token(schema)}`, mediaType, text);
  if (faults.length > 0) return faults;
  const code = codeIn(mediaType, text)!;
  return beforeOperations.includes(code) ? [] : [`no such operation is described, and the refusal ${code} comes from one`];
}

function codeIn(mediaType: string, text: string): ErrorCode | undefined {
  return mediaType === 'application/xml' ? parseXml(text).RestcommResponse.Error : JSON.parse(text).error;
}

function nameOf({ name }: DescribedOperation, status: number, mediaType: string, code: string | undefined): string {
  return [name, status, mediaType, code].filter((part) => part !== undefined).join(' ');
}

/** The codes that a response can have in one form; just undefined where it has none. */
function codesOf(response: string, mediaType: string): (string | undefined)[] {
  const schema = at(response).content?.[mediaType]?.schema;
  if (schema?.allOf === undefined) return [undefined];
  const [, { properties }] = schema.allOf; // what it adds to errors in general
  const { const: only, enum: many } = resolved(properties.error ?? properties.Error);
  return many ?? [only];
}

/** Where the operation describes the answers of that status. */
function responseOf({ pointer }: DescribedOperation, status: number): string | undefined {
  const response = at(pointer).responses[status];
  return response && (response.$ref ?? `${pointer}${token('responses')}${token(String(status))}`);
}

/** One step of a JSON pointer in a URI. */
function token(name: string): string {
  return `/${encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'))}`;
}

/** What stands at a place of the document, as `#/components/schemas/Error`. */
function at(pointer: string): any {
  const names = pointer.split('/').slice(1);
  return names.reduce((value, name) => value[decodeURIComponent(name).replaceAll('~1', '/').replaceAll('~0', '~')], document);
}

/** A part of the document that may stand elsewhere. */
function resolved(part: any): any {
  return part.$ref === undefined ? part : at(part.$ref);
}

const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false, validateFormats: false, allErrors: true });
// The last ones, because the document itself is where references begin.
ajv.addVocabulary(['xml', 'example', ...Object.keys(document)]);
ajv.addSchema(document, 'openapi.yaml');

const validators = new Map<string, ValidateFunction>();

function validatorOf(schema: string): ValidateFunction {
  let validate = validators.get(schema);
  if (validate === undefined) validators.set(schema, (validate = ajv.compile({ $ref: `openapi.yaml${schema}` })));
  return validate;
}
