import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isEnumType, parse, validate } from 'graphql';
import { describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/errors.js';
import { committedSchema } from '../support/committed-schema.js';

const examples = join(import.meta.dirname, '../../examples');
const schema = committedSchema();

/** The files of an example: no packages, and nothing that is generated or built. */
function sourcesOf(example: string): string[] {
  return ['', 'src']
    .map((folder) => join(examples, example, folder))
    .filter((folder) => existsSync(folder))
    .flatMap((folder) => readdirSync(folder).map((file) => join(folder, file)))
    .filter((file) => /\.(ts|py)$/.test(file))
    .map((file) => readFileSync(file, 'utf8'));
}

const inTypeScript = /\bgraphql\(\s*`([^`]*)`/g;
const inPython = /(?<quotes>"""|")\s*((?:query|mutation) .*?)\k<quotes>/gs;

describe.each([
  ['typed-client', inTypeScript, 9],
  ['urql', inTypeScript, 8],
  ['python', inPython, 6],
])('the example %s', (example, document, expected) => {
  it('asks only for what the schema has', () => {
    const documents = sourcesOf(example).flatMap((source) => [...source.matchAll(document)].map((match) => match.at(-1)!));
    expect(documents.length).toBeGreaterThanOrEqual(expected);
    // All at once, since they share their fragments.
    expect(validate(schema, parse(documents.join('\n')))).toEqual([]);
  });

  it('names only error codes, and values of enums, that there are', () => {
    const values = Object.values(schema.getTypeMap()).flatMap((type) => (isEnumType(type) ? type.getValues().map(({ name }) => name) : []));
    const known = new Set<string>([...errorCodes, ...values, 'UNKNOWN', 'GATEWAY_URL', 'LOGIN', 'PASSWORD']);
    const named = sourcesOf(example).flatMap((source) => [...source.matchAll(/(['"])([A-Z][A-Z_]+)\1/g)].map(([, , name]) => name!));
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });
});

it('the typed client knows every error code', () => {
  const [, list] = /errorCodes = \[(.*?)\]/s.exec(readFileSync(join(examples, 'typed-client/src/errors.ts'), 'utf8'))!;
  expect([...list!.matchAll(/'(\w+)'/g)].map(([, code]) => code)).toEqual(errorCodes);
});
