import fc from 'fast-check';
import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isLeafType,
  isObjectType,
  isRequiredArgument,
} from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { Role } from '../../src/domain/account.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, byExecutor, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { assertAsyncProperty } from '../support/property.js';
import { type Created, create } from '../support/tree.js';

/** The schema's own names and arguments, picked by chance: what a query asks for at one place. */
const picks = fc.infiniteStream(fc.nat({ max: 1000 }));

let gateway: TestGateway;
let schema: GraphQLSchema;
let accounts: Created[];
let callers: (Login | undefined)[];

beforeAll(async () => {
  gateway = await startTestGateway({ config: { accountCostPerMinute: 1_000_000_000 } });
  schema = createSchema();
  const surface = graphqlSurface(gateway.url);
  const top = await create(surface, { friendlyName: 'a "name" \\ of' });
  const child = await create(surface, { parent: top.sid, friendlyName: 'Zoë 😀' });
  const developer = await create(surface, { parent: child.sid, role: Role.DEVELOPER });
  const closed = await create(surface, { parent: child.sid, status: 'closed' });
  const suspended = await create(surface, { parent: top.sid, status: 'suspended' });
  accounts = [top, child, developer, closed, suspended, await create(surface)];
  callers = [undefined, admin, admin, admin, ...[top, child, developer, suspended].map(({ login }) => login)];
  // Who is shown a token for the first time is told by the history, which a query may ask for at once.
  const tokens = accounts.map(({ sid }, index) => `a${index}: authToken(sid: "${sid}")`).join(' ');
  for (const caller of callers) await answerTo(`{ ${tokens} }`, caller);
});
afterAll(() => gateway.stop());

/** Arguments that are right as a rule, and sometimes not. */
function argumentsOf(field: GraphQLField<unknown, unknown>, pick: () => number): string {
  const sid = accounts[pick() % accounts.length]!.sid;
  const values: Record<string, readonly string[]> = {
    by:
      field.name === 'organization'
        ? ['{ domainName: "nobodys.test" }']
        : [...Array<string>(8).fill(`{ sid: "${sid}" }`), '{ sid: "ACnone" }'],
    id: [`"${sid}"`],
    ids: [`["${sid}"]`],
    sid: [`"${sid}"`],
    first: ['1', '2', '3', '4', '5', '6', '0'],
    filter: ['{ status: ACTIVE }', '{ text: "tests" }'],
    orderBy: ['{ field: FRIENDLY_NAME }', '{ field: DATE_CREATED, direction: DESC }'],
    maxDepth: ['1', '2'],
    includeDescendants: ['true', 'false'],
  };
  const given = field.args.filter((argument) => values[argument.name] !== undefined && (isRequiredArgument(argument) || pick() % 3 === 0));
  const texts = given.map(({ name }) => `${name}: ${values[name]![pick() % values[name]!.length]}`);
  return texts.length === 0 ? '' : `(${texts.join(', ')})`;
}

function selectionOf(type: GraphQLObjectType, depth: number, pick: () => number): string {
  const fields = Object.values(type.getFields()).filter(
    ({ type: of }) => isLeafType(getNamedType(of)) || (depth > 0 && isObjectType(getNamedType(of))),
  );
  const texts = ['__typename'];
  for (let count = 1 + (pick() % 4); count > 0 && fields.length > 0; count--) {
    const field = fields[pick() % fields.length]!;
    const named = getNamedType(field.type);
    const below = isObjectType(named) ? ` ${selectionOf(named, depth - 1, pick)}` : '';
    const text = `a${texts.length}: ${field.name}${argumentsOf(field, pick)}${below}`;
    texts.push(pick() % 5 === 0 ? `... on ${type.name} { ${text} }` : text);
  }
  return `{ ${texts.join(' ')} }`;
}

async function answerTo(query: string, caller: Login | undefined, variables?: object): Promise<string> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(caller && { authorization: basic(caller) }) },
    body: JSON.stringify({ query, variables }),
  });
  // Where in the document a mistake is, is not the same in the two; nor is the name of a request.
  const text = (await response.text()).replace(/"locations":\[.*?\],?/g, '').replace(/request [\w-]{36}/g, '');
  return `${response.status} ${response.headers.get('cache-control')} ${text}`;
}

async function answersBy(): Promise<Record<string, number>> {
  const text = await (await fetch(gateway.metricsUrl)).text();
  return Object.fromEntries(
    [...text.matchAll(/^gateway_graphql_answers_total\{by="(\w+)"\} (\d+)$/gm)].map(([, by, count]) => [by, Number(count)]),
  );
}

it('a query is answered the same, to the byte, by its plan and by the executor', async () => {
  const root = schema.getQueryType()!;
  const planned = async (): Promise<number> => (await answersBy()).plan ?? 0;
  const before = await planned();
  await assertAsyncProperty(
    fc.asyncProperty(picks, fc.nat({ max: 7 }), async (stream, who) => {
      const next = stream[Symbol.iterator]();
      const query = `query ${selectionOf(root, 4, () => next.next().value as number)}`;
      expect(await answerTo(query, callers[who])).toBe(await answerTo(byExecutor(query), callers[who]));
    }),
    { numRuns: 300 },
  );
  // Else nothing was compared.
  expect((await planned()) - before).toBeGreaterThan(50);
});

it('what accounts have in common is theirs alone', async () => {
  const surface = graphqlSurface(gateway.url);
  const elsewhere = await surface.createOrganization(admin, 'elsewhere.test');
  await create(surface, { ...('value' in elsewhere && { organization: elsewhere.value.sid }) });
  const shared =
    'sid status capabilities { restApi } organization { sid domainName } parent { sid status } viewerCan { close } profile { sid }';
  const query = `{ viewer { descendants(first: 20) { nodes { ${shared} ancestors { sid } subAccounts(first: 5) { totalCount nodes { ${shared} } } } } } }`;
  const { data, errors } = await postGraphql(gateway.url, admin, query);
  expect(errors).toBeUndefined();
  expect({ data }).toEqual({ data: (await postGraphql(gateway.url, admin, byExecutor(query))).data });
  const nodes = data!.viewer.descendants.nodes as { capabilities: object; organization: object; parent: object }[];
  for (const field of ['capabilities', 'organization', 'parent'] as const) {
    expect(new Set(nodes.map((node) => JSON.stringify(node[field]))).size, field).toBeGreaterThan(1);
  }
});

it('a plan answers what has no directives and names no abstract type, and nothing else', async () => {
  const [top] = accounts;
  const counted = async (query: string, variables?: object): Promise<string> => {
    const before = await answersBy();
    await answerTo(query, admin, variables);
    const after = await answersBy();
    return Object.keys(after)
      .filter((by) => after[by] !== before[by])
      .join(' and ');
  };
  const account = `account(by: { sid: "${top!.sid}" })`;
  expect(await counted(`{ ${account} { sid organization { sid } subAccounts { nodes { ...on Node { id } parent { sid } } } } }`)).toBe(
    'plan',
  );
  const directed = [
    `{ ${account} { sid @skip(if: true) status } }`,
    `{ ${account} { status ... @skip(if: true) { sid } } }`,
    `{ ${account} { status ... on Account @include(if: false) { sid } } }`,
    `{ ${account} { status ...F @skip(if: true) } } fragment F on Account { sid }`,
    `{ ...Q @include(if: false) __typename } fragment Q on Query { ${account} { sid } }`,
    `query($no: Boolean!) { ${account} { status ... @include(if: $no) { sid } } }`,
  ];
  for (const query of directed) {
    const variables = query.startsWith('query(') ? { no: false } : undefined;
    expect([query, await counted(query, variables)]).toEqual([query, 'executor']);
    expect(JSON.stringify((await postGraphql(gateway.url, admin, query, variables)).data)).not.toContain('"sid"');
  }
  expect(await counted(`{ ${account} { sid @skip(if: false) } }`)).toBe('executor');
  expect(await counted(`{ node(id: "${top!.sid}") { id } }`)).toBe('executor');
  expect(await counted('{ __schema { queryType { name } } }')).toBe('executor');
  expect(await counted(`{ ${account} { subAccounts(first: 0) { nodes { sid } } } }`)).toBe('executor');
  expect(await counted(`mutation { updateAccount(input: { sid: "${top!.sid}" }) { account { sid } } }`)).toBe('executor');
});
