import { type GraphQLSchema, isEnumType, isInputObjectType, isInterfaceType, isObjectType } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { Role } from '../../src/domain/account.js';
import { mutations } from '../support/effort.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Dice, mutateText, mutateValue, oddTexts } from '../support/mutation.js';
import { runMutations } from '../support/mutation-run.js';
import { plant } from '../support/plant.js';
import { create, missingSid } from '../support/tree.js';
import type { WireRequest } from '../support/wire.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { ACCOUNT_COST_PER_MINUTE: '1000000000' } });
});
afterAll(() => gateway.stop());

const accountFields =
  'sid emailAddress friendlyName status role type version dateCreated capabilities { restApi } subresources { name uri }';

/** Operations that do all that there is to do, each valid as it stands. */
const operations: readonly string[] = [
  `{ viewer { ${accountFields} viewerCan { close update } parent { sid } ancestors { sid } } }`,
  `query A($sid: ID!, $first: Int = 3) { account(by: { sid: $sid }) { ...F organization { sid domainName } subAccounts(first: $first, orderBy: { field: FRIENDLY_NAME, direction: DESC }) { ...C } } } fragment F on Account { ${accountFields} profile { sid } } fragment C on AccountConnection { totalCount nodes { sid } edges { cursor node { id } } pageInfo { hasNextPage endCursor } }`,
  'query ($email: EmailAddress!) { account(by: { emailAddress: $email }) { sid descendantCount descendants(first: 2, maxDepth: 2, filter: { status: ACTIVE }) { nodes { sid path: friendlyName } } } }',
  'query ($after: String, $filter: AccountFilter) { accounts(first: 2, after: $after, filter: $filter) { totalCount nodes { sid } pageInfo { startCursor hasPreviousPage } } }',
  'query ($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Account { friendlyName } ... on Organization { domainName } ... on Profile { document } } }',
  'query ($id: ID!) { node(id: $id) { id ... on Account @include(if: true) { role parent @skip(if: false) { sid } } } }',
  '{ organizations(first: 3) { nodes { sid domainName status } totalCount } profiles(last: 2) { nodes { sid } } }',
  'query ($sid: ID!) { authToken(sid: $sid) }',
  '{ __schema { queryType { name fields { name args { name type { kind ofType { name } } } } } } __type(name: "Account") { name } }',
  'mutation ($input: CreateAccountInput!) { createAccount(input: $input) { account { sid status } } }',
  'mutation ($sid: ID!, $name: String) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid version } } }',
  'mutation ($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED, dryRun: true }) { reachedCount reached { status count } } closeAccount(input: { sid: $sid, dryRun: true }) { dryRun } }',
  'mutation ($sid: ID!) { a: setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { account { status } } b: setAccountStatus(input: { sid: $sid, status: ACTIVE }) { account { status } } }',
  'mutation ($sid: ID!, $org: ID!) { migrateAccount(input: { sid: $sid, organization: { sid: $org } }) { reachedCount } }',
  'mutation ($domain: DomainName!) { createOrganization(input: { domainName: $domain }) { organization { sid } } }',
  'mutation ($sid: ID!) { rotateAuthToken(input: { sid: $sid, overlapSeconds: 60 }) { authToken } createPasswordResetToken(input: { sid: $sid, expiresInSeconds: 600 }) { resetToken } }',
  'mutation { resetPassword(input: { token: "abc", password: "a decent password" }) { sid } }',
  'mutation ($document: JSONObject!) { createProfile(input: { document: $document }) { profile { sid document } } }',
  'mutation ($sid: ID!, $profile: ID!) { linkProfile(input: { sid: $profile, target: { accountSid: $sid } }) { profile { sid } } unlinkProfile(input: { sid: $profile, target: { accountSid: $sid } }) { profile { sid } } }',
];

/** Every name of the schema, and what documents are made of beside names. */
function vocabularyOf(schema: GraphQLSchema): string[] {
  const names = Object.values(schema.getTypeMap()).flatMap((type) => {
    if (isObjectType(type) || isInterfaceType(type)) {
      const fields = Object.values(type.getFields());
      return [type.name, ...fields.flatMap(({ name, args }) => [name, ...args.map((arg) => arg.name)])];
    }
    if (isInputObjectType(type)) return [type.name, ...Object.keys(type.getFields())];
    return isEnumType(type) ? [type.name, ...type.getValues().map(({ name }) => name)] : [type.name];
  });
  const syntax =
    '{ } ( ) [ ] : ! = @ | & $ , # " """ ... query mutation subscription fragment on null true false -1 0 1e9 99999999999999999999 { sid } @include(if: true) @skip(if: $v) @auth(requires: ANYONE) @deprecated ...F $sid $ids \\u0000 "x" [] {}';
  return [...new Set(names), ...syntax.split(' '), ...syntax.split(' '), ...oddTexts.slice(0, 8)];
}

it(`the gateway answers ${mutations} mutated documents by the catalogue, unharmed`, { timeout: 300_000 + mutations * 100 }, async () => {
  const surface = graphqlSurface(gateway.url);
  const made = [];
  for (const role of [Role.ADMINISTRATOR, Role.DEVELOPER, Role.PROVISIONING_AGENT]) made.push(await create(surface, { role }));
  const [administrator] = made;
  const victim = await create(surface, { parent: administrator!.sid });
  await plant(gateway.database, { below: victim.sid, widths: [5, 2] });
  const { data } = await postGraphql(
    gateway.url,
    admin,
    'mutation { createOrganization(input: { domainName: "mutated.test" }) { organization { sid } } createProfile(input: { document: { a: 1 } }) { profile { sid } } }',
  );
  const organization: string = data!.createOrganization.organization.sid;
  const profile: string = data!.createProfile.profile.sid;
  const logins: Login[] = [admin, ...made.map(({ login }) => login)];
  const vocabulary = vocabularyOf(createSchema());

  const variables = (dice: Dice): Record<string, unknown> => ({
    sid: dice.pick([victim.sid, victim.sid, missingSid(), organization]),
    id: dice.pick([victim.sid, organization, profile]),
    ids: [victim.sid, organization, profile, missingSid()],
    first: dice.pick([1, 100]),
    email: victim.emailAddress,
    after: dice.pick([null, 'bm90aGluZw']),
    filter: { status: 'ACTIVE', text: dice.pick(['a', '%']) },
    input: {
      emailAddress: `m${dice.below(1_000_000)}@mutated.test`,
      password: 'a decent password',
      role: 'DEVELOPER',
      parentSid: victim.sid,
    },
    name: 'New name',
    org: organization,
    domain: `m${dice.below(1_000_000)}.test`,
    document: { a: [1, { b: 'c' }] },
    profile,
  });

  await runMutations(gateway, (dice): WireRequest => {
    const operation = dice.pick(operations);
    const query: unknown = dice.chance(0.75) ? mutateText(dice, operation, vocabulary) : operation;
    let body: unknown = { query, variables: variables(dice), operationName: null };
    if (dice.chance(0.35)) body = { query, variables: mutateValue(dice, variables(dice)) };
    else if (dice.chance(0.08)) body = mutateValue(dice, { query, variables: variables(dice), operationName: 'A', extensions: {} });
    if (dice.chance(0.03)) body = { query, extensions: { persistedQuery: { version: dice.below(3), sha256Hash: dice.pick(oddTexts) } } };
    if (dice.chance(0.02)) body = [body, body];

    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (dice.chance(0.9)) headers.authorization = basic(dice.pick(logins));
    if (dice.chance(0.02)) headers.authorization = mutateText(dice, basic(admin), vocabulary).replace(/[^\x20-\x7e]/g, '?');
    if (dice.chance(0.05))
      headers.accept = dice.pick([
        '*/*',
        'text/event-stream',
        'application/graphql-response+json',
        'multipart/mixed;deferSpec=20220824',
        ';;q',
        'text/html, */*;q=0',
      ]);
    if (dice.chance(0.03))
      headers['content-type'] = dice.pick([
        'text/plain',
        'application/x-www-form-urlencoded',
        'application/json; charset=utf-16',
        ';',
        'multipart/form-data',
      ]);
    if (dice.chance(0.02)) headers['sec-fetch-site'] = dice.pick(['cross-site', 'same-origin', 'x']);
    if (dice.chance(0.02)) headers['x-request-id'] = dice.pick(['a', 'a b', 'x'.repeat(500)]);

    if (dice.chance(0.15)) {
      const { query: document, variables: values } = (body ?? {}) as { query?: unknown; variables?: unknown };
      const parameters = [
        `query=${encodeSafely(String(document))}`,
        `variables=${encodeSafely(JSON.stringify(values) ?? '')}`,
        `operationName=${dice.pick(['', 'A', 'A&query=x'])}`,
      ];
      const { 'content-type': _, ...others } = headers;
      return {
        method: 'GET',
        target: `/graphql?${parameters.join('&')}`.slice(0, 12_000),
        headers: { ...others, 'apollo-require-preflight': '1' },
      };
    }
    const text = JSON.stringify(body);
    const sent = dice.chance(0.03) ? mutateText(dice, text, vocabulary) : text;
    return {
      method: dice.chance(0.01) ? dice.pick(['PUT', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH']) : 'POST',
      target: '/graphql',
      headers,
      body: Buffer.from(sent).toString('latin1'),
    };
  });
  expect((await postGraphql(gateway.url, admin, '{ viewer { sid } }')).status).toBe(200);
});

/** Percent-encoded, lone halves of characters too. */
function encodeSafely(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
