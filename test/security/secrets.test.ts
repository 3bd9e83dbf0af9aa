import { createHash, randomBytes } from 'node:crypto';
import { type GraphQLInputType, type GraphQLObjectType, getNullableType, isInputObjectType, isObjectType, getNamedType } from 'graphql';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { defaultProfileSid } from '../../src/domain/profile.js';
import { type TestCollector, startCollector } from '../support/collector.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { type Login, basic } from '../support/graphql-client.js';
import { finderOf } from '../support/occurrences.js';
import { describedOperations } from '../support/openapi.js';
import { runGateway } from '../support/processes.js';
import { eventually } from '../support/patience.js';
import { type TestReceiver, answers as receiverAnswers, startReceiver } from '../support/receiver.js';
import { mount } from '../support/rest-client.js';

/*
 * Recognizable secrets are planted in every place that can hold one and in many that cannot; every operation is driven, into success and
 * failure, at the most talkative level of the log; then every secret is searched for, in each of its spellings, in all that the program
 * wrote, answered and kept.
 */

/** Every secret that was ever sent or made, with what it is. */
const secrets = new Map<string, string>();
const key = randomBytes(32);
const nextKey = randomBytes(32);

/** A text that occurs nowhere else, with characters in it that JSON, XML and URLs each spell in their own way. */
function secret(what: string): string {
  const value = `Plänted "${randomBytes(8).toString('hex')}" & <more>`;
  secrets.set(value, what);
  return value;
}

function known<Value>(value: Value, what: string): Value {
  if (typeof value === 'string') secrets.set(value, what);
  return value;
}

/** What was answered, but the one field of it that may hold a secret. */
const answers: string[] = [];
const printed: string[] = [];
const driven = new Set<string>();
/** Root fields and documented operations that did what they are for. */
const succeeded = new Set<string>();
const statuses = new Set<number>();

let database: TestDatabase;
let receiver: TestReceiver;
let collector: TestCollector;
let gateway: GatewayProcess;
let admin: Login;

beforeAll(async () => {
  database = await cloneDatabase();
  receiver = await startReceiver();
  collector = await startCollector();
  gateway = await startGateway({
    environment: {
      DATABASE_URL: database.url,
      CREDENTIALS_KEY: key.toString('hex'),
      LOG_LEVEL: 'trace',
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_BSP_SCHEDULE_DELAY: '100',
      WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
      SIGN_IN_FAILURES_PER_ACCOUNT: '1000000',
      SIGN_IN_FAILURES_PER_ADDRESS: '1000000',
      ADMIN_PASSWORD: secret("the Super Admin's first password"),
    },
  });
  admin = { login: gateway.adminEmail, secret: [...secrets.keys()][0]! };
});
afterAll(async () => {
  await gateway.stop();
  await receiver.stop();
  await collector.stop();
  await database.drop();
});

const schema = createSchema();
const roots = [schema.getQueryType()!, schema.getMutationType()!];

async function send(path: string, init: RequestInit & { login?: Login | undefined } = {}): Promise<{ status: number; text: string }> {
  const { login, headers, ...rest } = init;
  const response = await fetch(gateway.url + path, {
    ...rest,
    redirect: 'manual',
    headers: { ...(login && { authorization: basic(login) }), ...(headers as Record<string, string>) },
  });
  statuses.add(response.status);
  const text = await response.text();
  answers.push(JSON.stringify([...response.headers]));
  return { status: response.status, text };
}

/** Sends a GraphQL request; the one field that may show a secret is taken out of what is searched. */
async function ask(document: string, variables: Record<string, unknown> = {}, login: Login | undefined = admin): Promise<any> {
  const body = JSON.stringify({ query: document, variables });
  const { text } = await send('/graphql', { method: 'POST', login, body, headers: { 'content-type': 'application/json' } });
  const { data, ...rest } = JSON.parse(text);
  for (const [name, value] of Object.entries(data ?? {})) if (value !== null) succeeded.add(name);
  const shown = structuredClone(data ?? {});
  if (typeof shown.authToken === 'string') delete shown.authToken;
  delete shown.rotateAuthToken?.authToken;
  delete shown.createPasswordResetToken?.resetToken;
  delete shown.createWebhook?.secret;
  delete shown.rotateWebhookSecret?.secret;
  answers.push(JSON.stringify([shown, rest]));
  return data;
}

/** Sends a request to the documented API; the `auth_token` of accounts is taken out of what is searched. */
async function rest(name: string, path: string, init: Parameters<typeof send>[1] = {}): Promise<string> {
  driven.add(name);
  const { text, status } = await send(mount + path, { login: admin, method: name.split(' ')[0]!, ...init });
  if (status < 300) succeeded.add(name);
  const tokens = [...text.matchAll(/"auth_token":"(\w+)"|<AuthToken>(\w+)</g)].map(([, json, xml]) => json ?? xml);
  for (const token of tokens) known(token, 'an AuthToken');
  answers.push(text.replaceAll(/"auth_token":"\w+"|<AuthToken>\w+</g, ''));
  return text;
}

/** Whatever the type, a secret where a value is wanted: most are of the wrong type, and none is what is meant. */
function misplaced(type: GraphQLInputType, at: string): unknown {
  const nullable = getNullableType(type);
  if (!isInputObjectType(nullable)) return secret(at);
  return Object.fromEntries(
    Object.values(nullable.getFields())
      .slice(0, nullable.isOneOf ? 1 : undefined)
      .map((field) => [field.name, misplaced(field.type, `${at}.${field.name}`)]),
  );
}

/** One request for each argument of the field with a secret in it: in the variables, and in the document. */
async function misuse(root: GraphQLObjectType, name: string): Promise<void> {
  const field = root.getFields()[name]!;
  const kind = root === schema.getMutationType() ? 'mutation' : 'query';
  const selection = isObjectType(getNamedType(field.type)) ? '{ __typename }' : '';
  const taken = field.args.map((arg) => `$${arg.name}: ${String(arg.type)}`).join(', ');
  const passed = field.args.map((arg) => `${arg.name}: $${arg.name}`).join(', ');
  const all = Object.fromEntries(field.args.map((arg) => [arg.name, misplaced(arg.type, `${name}(${arg.name})`)]));
  const document = taken === '' ? `${kind} { ${name} ${selection} }` : `${kind}(${taken}) { ${name}(${passed}) ${selection} }`;
  for (const login of [admin, undefined, { login: 'nobody@nowhere.test', secret: secret('a wrong secret') }])
    await ask(document, all, login);
  for (const arg of field.args) {
    const type = getNullableType(arg.type);
    if (isInputObjectType(type)) {
      for (const inner of Object.keys(type.getFields())) {
        // A list, an object, and a name that nothing has: refused with a sentence about the value.
        // A profile's document is an object, which is kept and shown as it is.
        const object = inner === 'document' ? [] : [{ [inner]: secret(`${name}.${inner}`) }];
        for (const value of [[secret(`${name}.${inner}`)], ...object]) {
          await ask(document, { ...all, [arg.name]: { [inner]: value } });
        }
        await ask(`${kind} { ${name}(${arg.name}: { ${inner}: ${JSON.stringify(secret(`${name}.${inner}`))}, unknown: 1 }) ${selection} }`);
      }
    }
    await ask(document, { ...all, [arg.name]: secret(name) });
    await ask(`${kind} { ${name}(${arg.name}: ${JSON.stringify(secret(name))}) ${selection} }`);
  }
}

/** Everything that may hold a secret, and every operation once as it is meant. */
async function useAsMeant(): Promise<void> {
  const { viewer } = await ask('{ viewer { sid organization { sid } history { nodes { before after } } } }');
  const created = (
    await ask(
      'mutation($password: String!) { createAccount(input: { idempotencyKey: "a", emailAddress: "one@tests.test", password: $password, role: ADMINISTRATOR }) { account { sid } } }',
      { password: secret('a first password') },
    )
  ).createAccount.account.sid;
  const webhookSid = await useWebhooks(viewer.sid);
  const input = { sid: created };
  known((await ask('query($sid: ID!) { authToken(sid: $sid) }', input)).authToken, 'an AuthToken');
  const change = (name: string, selection: string, more: object = {}) =>
    ask(`mutation($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${selection} } }`, {
      input: { ...input, ...more },
    });
  for (const idempotencyKey of ['b', 'b', 'c']) {
    known((await change('rotateAuthToken', 'authToken', { overlapSeconds: 60, idempotencyKey })).rotateAuthToken.authToken, 'an AuthToken');
  }
  await change('updateAccount', 'account { sid }', { password: secret('a new password'), idempotencyKey: 'd' });
  for (const weak of ['short', '1 2 3', '']) await change('updateAccount', 'account { sid }', { password: `${weak}` });
  await change('updateAccount', 'account { sid }', { password: secret('one that is too long').repeat(9) });
  const { resetToken } = (await change('createPasswordResetToken', 'resetToken', { idempotencyKey: 'e' })).createPasswordResetToken;
  known(resetToken, 'a reset token');
  const reset = 'mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { sid } }';
  const password = secret('a password that was reset');
  for (const token of [secret('a wrong reset token'), resetToken, resetToken]) await ask(reset, { input: { token, password } }, undefined);
  const login = { login: created, secret: password };
  await ask('{ viewer { sid } accounts { nodes { sid } } }', {}, login);
  await ask('{ account(by: { emailAddress: "one@tests.test" }) { sid profile { document } history { nodes { after } } } }');
  await change('setAccountStatus', 'reachedCount', { status: 'SUSPENDED' });
  await ask('{ viewer { sid } }', {}, login);
  await change('setAccountStatus', 'reachedCount', { status: 'ACTIVE' });
  await ask('mutation { createOrganization(input: { domainName: "tests.test" }) { organization { sid } } }');
  await change('migrateAccount', 'reachedCount', { organization: { domainName: 'tests.test' } });
  await ask('query($sid: ID!) { organization(by: { sid: $sid }) { sid history { nodes { after } } } organizations { nodes { sid } } }', {
    sid: viewer.organization.sid,
  });
  await ask('query($sid: ID!) { node(id: $sid) { id } nodes(ids: [$sid]) { id } profiles { nodes { sid } } }', input);

  const { profile } = (await ask('mutation { createProfile(input: { document: { a: 1 } }) { profile { sid } } }')).createProfile;
  const its = `sid: "${profile.sid}"`;
  await ask(`mutation { updateProfile(input: { ${its}, document: { a: 2 } }) { profile { sid } } }`);
  await ask(`{ profile(sid: "${profile.sid}") { sid } }`);
  for (const name of ['linkProfile', 'unlinkProfile']) {
    await ask(`mutation { ${name}(input: { ${its}, target: { accountSid: "${created}" } }) { profile { sid } } }`);
  }
  await ask(`mutation { deleteProfile(input: { ${its} }) { __typename } }`);

  const json = { headers: { 'content-type': 'application/json' } };
  const link = { headers: { link: `<${gateway.url}${mount}/Accounts/${created}>; rel="related"` } };
  const profiles = '/Profiles/{ProfileSid}';
  await rest('POST /Profiles', '/Profiles', { ...json, body: '{"a":1}' });
  const listed = (await rest('GET /Profiles', '/Profiles')).match(/PR[0-9a-f]{32}/g)!;
  const posted = listed.find((sid) => sid !== defaultProfileSid);
  for (const [method, init] of [
    ['GET', {}],
    ['PUT', { ...json, body: '{"a":2}' }],
    ['LINK', link],
    ['UNLINK', link],
    ['DELETE', {}],
  ] as const) {
    await rest(`${method} ${profiles}`, `/Profiles/${posted}`, init);
  }
  await rest('PUT /Organizations/{Organization}', '/Organizations/other.test');
  await rest('GET /Organizations', '/Organizations');
  await rest('GET /Organizations/{Organization}', `/Organizations/${viewer.organization.sid}`);
  await rest('POST /Accounts/migrate/{SidOrEmail}', `/Accounts/migrate/${created}`, {
    body: new URLSearchParams({ Organization: 'other.test' }),
  });

  const one = '/Accounts/{SidOrEmail}';
  for (const form of ['.json', '']) {
    const emailAddress = `two${form}@tests.test`;
    const first = secret('a password of a form');
    const body = () => new URLSearchParams({ EmailAddress: emailAddress, Password: first, Role: 'Developer' });
    const headers = { 'idempotency-key': `form${form}` };
    for (const _again of [1, 2]) await rest('POST /Accounts', `/Accounts${form}`, { body: body(), headers });
    await rest(`POST ${one}`, `/Accounts/${emailAddress}${form}`, {
      body: new URLSearchParams({ Password: secret('a password of a form') }),
    });
    await rest(`PUT ${one}`, `/Accounts/${emailAddress}${form}`, {
      body: new URLSearchParams({ Password: secret('a password of a form') }),
    });
    await rest('GET /Accounts', `/Accounts${form}`);
    await rest(`GET ${one}`, `/Accounts/${emailAddress}${form}`, { login: { login: emailAddress, secret: first } });
    await rest(`GET ${one}`, `/Accounts/${emailAddress}${form}`);
    await rest(`DELETE ${one}`, `/Accounts/${emailAddress}${form}`);
  }
  await change('closeAccount', 'reachedCount');
  await change('retryResourceRemoval', 'account { sid resourceRemoval { state } }');
  await skipAndDelete(webhookSid);
  const { organization } = await ask('{ organization(by: { domainName: "tests.test" }) { sid } }');
  await ask(`mutation { closeOrganization(input: { sid: "${organization.sid}" }) { organization { sid } } }`);
}

/** Makes a webhook that is told of everything, and gives it secret after secret. */
async function useWebhooks(accountSid: string): Promise<string> {
  const made = `mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { sid } secret } }`;
  const url = `${receiver.url}${encodeURIComponent(secret('the path of a webhook'))}`;
  // Its owner may see the URL, as it was given: so that is not what is searched for.
  secrets.delete([...secrets.keys()].at(-1)!);
  const { webhook, secret: first } = (await ask(made, { input: { accountSid, url, idempotencyKey: 'w' } })).createWebhook;
  known(first, 'the secret of a webhook');
  const on = (name: string, selection: string, more = '') =>
    ask(`mutation { ${name}(input: { sid: "${webhook.sid}" ${more} }) { ${selection} } }`);
  for (const overlap of [60, 0]) {
    known((await on('rotateWebhookSecret', 'secret', `overlapSeconds: ${overlap}`)).rotateWebhookSecret.secret, 'the secret of a webhook');
  }
  await on('testWebhook', 'attempt { answer failure }');
  await on('updateWebhook', 'webhook { sid }', 'description: "all that happens"');
  await on('replayWebhook', 'webhook { sid }', 'from: { date: "2026-01-01T00:00:00Z" }');
  return webhook.sid;
}

/** Has everything that happened be told, then one event refused and left out; reads what became of it all. */
async function skipAndDelete(sid: string): Promise<void> {
  await ask(`{ viewer { sid webhooks { nodes { sid url } } } webhook(sid: "${sid}") { attempts { nodes { answer failure } } } }`);
  const { viewer } = await ask('{ viewer { sid } }');
  await ask(`{ events(accountSid: "${viewer.sid}") { nodes { id data { before after } } } }`);
  await eventually(async () => {
    expect((await ask(`{ webhook(sid: "${sid}") { waitingCount } }`)).webhook.waitingCount).toBe(0);
  });
  receiver.answerWith(receiverAnswers.status(500, {}, 'refused'));
  const before = receiver.requests.length;
  await ask('mutation { createProfile(input: { document: { b: 1 } }) { profile { sid } } }');
  await eventually(() => expect(receiver.requests.length).toBeGreaterThan(before));
  const eventId = receiver.requests.at(-1)!.headers['webhook-id'] as string;
  await ask(`mutation { skipWebhookEvent(input: { sid: "${sid}", eventId: "${eventId}" }) { webhook { sid } } }`);
  await ask(`mutation { deleteWebhook(input: { sid: "${sid}" }) { sid } }`);
  answers.push(...receiver.requests.map(({ body }) => body));
  expect(receiver.requests.length).toBeGreaterThan(20);
}

/** A request of each kind to each documented operation, with a secret wherever a client could put one by mistake. */
async function misuseRest(): Promise<void> {
  for (const { name, method, path } of describedOperations) {
    const filled = path.replaceAll(/\{\w+\}/g, 'AC00000000000000000000000000000000');
    const hidden = () => encodeURIComponent(secret(name));
    const bodies: [string, string][] =
      method === 'GET'
        ? []
        : [
            ['application/json', `{"password": ${JSON.stringify(secret(name))}`],
            [
              'application/x-www-form-urlencoded',
              `Password=${hidden()}&EmailAddress=${hidden()}&Status=${hidden()}&Role=${hidden()}&Organization=${hidden()}`,
            ],
            ['application/x-www-form-urlencoded', `Password=${hidden()}%zz`],
            ['application/x-www-form-urlencoded', `Password=${hidden().repeat(2000)}`],
            ['text/plain', secret(name)],
          ];
    for (const login of [admin, undefined, { login: secret('a login'), secret: secret('a wrong secret') }]) {
      for (const form of ['', '.json']) {
        const target = `${filled}${form}?Page=${hidden()}&password=${hidden()}&Status=${hidden()}&OrganizationSid=${hidden()}`;
        await rest(name, target, { login });
        for (const [type, body] of bodies) await rest(name, `${filled}${form}`, { login, body, headers: { 'content-type': type } });
      }
    }
    await rest(name, filled, { headers: { authorization: `Bearer ${encodeURIComponent(secret('of another scheme'))}` } });
    await rest(name, filled, { headers: { authorization: `Basic ${encodeURIComponent(secret('no base64'))}`, cookie: `a=${hidden()}` } });
    await rest(name, filled, { headers: { 'if-match': hidden(), 'idempotency-key': hidden(), 'x-request-id': hidden() } });
  }
  for (const body of [
    `{"query": ${JSON.stringify(secret('no JSON'))}`,
    JSON.stringify({ query: secret('a document') }),
    secret('no JSON'),
  ]) {
    const headers = { 'content-type': 'application/json' };
    const { text } = await send(`/graphql?password=${encodeURIComponent(secret('a query string'))}`, {
      method: 'POST',
      login: admin,
      body,
      headers,
    });
    answers.push(text);
  }
  answers.push((await send(`/nothing/${encodeURIComponent(secret('a path'))}`)).text);
}

/** The same on a database that fails in ways that nobody foresaw. */
async function useWhileBroken(): Promise<void> {
  for (const [breaking, mending] of [
    ['ALTER TABLE credential RENAME TO gone', 'ALTER TABLE gone RENAME TO credential'],
    ['ALTER TABLE credential RENAME password_hash TO gone', 'ALTER TABLE credential RENAME gone TO password_hash'],
    ['ALTER TABLE credential ADD CONSTRAINT none CHECK (password_hash IS NULL) NOT VALID', 'ALTER TABLE credential DROP CONSTRAINT none'],
    ['ALTER TABLE history RENAME after TO gone', 'ALTER TABLE history RENAME gone TO after'],
    ['ALTER TABLE password_reset_token RENAME expires_at TO gone', 'ALTER TABLE password_reset_token RENAME gone TO expires_at'],
  ] as const) {
    await database.query(breaking);
    const password = secret('a password that could not be kept');
    await ask(
      'mutation($password: String!) { createAccount(input: { emailAddress: "three@tests.test", password: $password, role: DEVELOPER }) { account { sid } } }',
      { password },
    );
    await ask('mutation($input: ResetPasswordInput!) { resetPassword(input: $input) { sid } }', {
      input: { token: secret('a reset token'), password },
    });
    for (const form of ['', '.json']) {
      const body = new URLSearchParams({ EmailAddress: 'four@tests.test', Password: password });
      await rest('POST /Accounts', `/Accounts${form}`, { body });
      await rest('GET /Accounts', `/Accounts${form}`, { login: { login: 'four@tests.test', secret: password } });
    }
    await database.query(mending);
  }
}

/** All spellings in which a secret might be written down, those included that merely let it be guessed. */
function spellings(value: string | Buffer): string[] {
  const bytes = Buffer.from(value as string);
  const digests = ['md5', 'sha1', 'sha256'].map((name) => createHash(name).update(bytes).digest());
  const encoded = [bytes, ...digests].flatMap((form) => [form.toString('hex'), form.toString('base64'), form.toString('base64url')]);
  // Within another text base64 has three alignments; what surely is in all of them is cut out. A login comes before it.
  const within = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift, ' '), bytes]).toString('base64');
    return text.slice(shift === 0 ? 0 : 4, Math.floor((bytes.length + shift) / 3) * 4 || undefined);
  });
  const text = bytes.toString('utf8');
  const xml = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
  const json = JSON.stringify(text).slice(1, -1);
  const escaped = [
    text,
    json,
    JSON.stringify(json).slice(1, -1),
    xml,
    encodeURIComponent(text),
    new URLSearchParams({ a: text }).toString().slice(2),
  ];
  return [...escaped, bytes.toString('latin1'), ...encoded, ...within].map((form) => form.replace(/=+$/, ''));
}

it('no secret is in a log, a trace, a metric, an error, another answer, the database or its history', async () => {
  for (const root of roots) {
    for (const name of Object.keys(root.getFields())) await misuse(root, name);
  }
  await useAsMeant();
  await misuseRest();
  await useWhileBroken();
  expect([...driven].toSorted()).toEqual(describedOperations.map(({ name }) => name).toSorted());
  // The subresources have no upstream to succeed at.
  const operations = describedOperations.map(({ name }) => name).filter((name) => !name.includes('{Subresource}'));
  expect([...succeeded]).toEqual(expect.arrayContaining([...operations, ...roots.flatMap((root) => Object.keys(root.getFields()))]));
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 401, 403, 404, 415, 500, 503]));

  const metrics = await (await fetch(`${/Metrics +(\S+)/.exec(gateway.output())![1]}`)).text();
  for (const command of [['verify-history'], ['rotate-key']]) {
    const keys = `${nextKey.toString('base64')},${key.toString('hex')}`;
    const { output, code } = await runGateway({ DATABASE_URL: database.url, CREDENTIALS_KEY: keys, LOG_LEVEL: 'trace' }, command);
    expect(code).toBe(0);
    printed.push(output);
  }
  // As they came: the texts of spans stand in the bytes as they are.
  const traces = await eventually(() => {
    expect(collector.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['POST /graphql', 'GraphQL', 'credentials.authenticate', 'SELECT account', 'POST webhook']),
    );
    return collector.bodies.map((body) => body.toString('utf8')).join('\n');
  });
  const tables = await database.query<{ name: string }>(
    `SELECT quote_ident(table_name) AS name FROM information_schema.tables WHERE table_schema = 'public'`,
  );
  const rows: string[] = [];
  for (const { name } of tables) {
    rows.push(...(await database.query<{ row: string }>(`SELECT ${name}::text AS row FROM ${name}`)).map(({ row }) => row));
  }

  const places = {
    'the log and all else that was printed': [gateway.output(), ...printed].join('\n'),
    metrics,
    'a trace': traces,
    'an answer': answers.join('\n'),
    'the database': rows.join('\n'),
  };
  expect(places['the database'].length).toBeGreaterThan(10_000);
  const every = [...secrets, [key, 'CREDENTIALS_KEY'], [nextKey, 'the next CREDENTIALS_KEY']] as [string | Buffer, string][];
  const spelled = new Map(every.flatMap(([value, what]) => spellings(value).map((spelling) => [spelling, what] as const)));
  const occurrencesIn = finderOf(spelled.keys());
  const found = Object.entries(places).flatMap(([place, text]) =>
    occurrencesIn(text).map(
      ({ text: spelling, at }) => `${spelled.get(spelling)}, in ${place}: ${text.slice(Math.max(0, at - 150), at + 60)}`,
    ),
  );
  expect(found).toEqual([]);
});
