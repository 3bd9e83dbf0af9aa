import { Webhook as StandardWebhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';
import { type Created, create, missingSid } from '../support/tree.js';

let gateway: TestGateway;
let rootSid: string;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' }, deliversEvents: true });
  rootSid = (await ask('{ viewer { sid } }')).viewer.sid;
});
afterAll(() => gateway.stop());

let receiver: TestReceiver;
beforeEach(async () => void (receiver = await startReceiver()));
afterEach(() => receiver.stop());

const send = (query: string, variables: Record<string, unknown> = {}, login: Login = admin) =>
  postGraphql<any>(gateway.url, login, query, variables);
const ask = async (query: string, variables: Record<string, unknown> = {}, login: Login = admin): Promise<any> => {
  const { data, errors } = await send(query, variables, login);
  expect(errors).toBeUndefined();
  return data;
};
const change = (mutation: string, login: Login = admin) => ask(`mutation { ${mutation} }`, {}, login);
const refusal = async (mutation: string, login: Login = admin) => {
  const { errors } = await send(`mutation { ${mutation} }`, {}, login);
  return errors?.[0]?.extensions;
};
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const rename = (sid: string, name: string) =>
  change(`updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } }`);
const setStatus = (sid: string, status: string) => change(`setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount }`);
const close = (sid: string) => change(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`);

const fields = 'sid url status stateReason types description version accountSid waitingCount';
const register = async (accountSid: string, input = '', login: Login = admin, url = receiver.url) =>
  (await change(`createWebhook(input: { accountSid: "${accountSid}", url: "${url}" ${input} }) { webhook { ${fields} } secret }`, login))
    .createWebhook as { webhook: Record<string, any> & { sid: string }; secret: string };
const webhook = async (sid: string) => (await ask(`{ webhook(sid: "${sid}") { ${fields} } }`)).webhook;
const attemptsOf = async (sid: string) =>
  (await ask(`{ webhook(sid: "${sid}") { attempts(first: 100) { nodes { eventId eventType status milliseconds answer failure } } } }`))
    .webhook.attempts.nodes;
/** Lets the next try of whatever has failed be made now. */
const hurry = (sid: string) =>
  gateway.database.query('UPDATE webhook_place SET due_at = now() WHERE webhook_sid = $1 AND lease IS NULL AND failures > 0', [sid]);

const bodies = (of = receiver) => of.requests.map(({ body }) => JSON.parse(body));
const typesIn = (of = receiver) => bodies(of).map(({ type }) => type);
const received = (count: number, of = receiver) => eventually(() => expect(of.requests).toHaveLength(count));

describe('a webhook', () => {
  it('is told of what happens from then on, in order, each event as events() has it', async () => {
    const { sid, login } = await make();
    const { webhook: registered } = await register(sid, 'description: "for tests"');
    expect(registered).toMatchObject({
      url: receiver.url,
      status: 'ACTIVE',
      types: null,
      description: 'for tests',
      version: 1,
      accountSid: sid,
    });
    expect(registered.sid).toMatch(/^WH[0-9a-f]{32}$/);
    for (const name of ['one', 'two', 'three']) await rename(sid, name);
    await received(3);
    const { events } = await ask(
      `{ events(accountSid: "${sid}") { nodes { id type timestamp data { account { sid } before after actor { sid } requestId } } } }`,
      {},
      login,
    );
    // As JSON, an event leaves out what is null, but for who did it.
    const withoutNulls = ({ actor, requestId, ...data }: any) => ({
      ...Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null)),
      actor,
      requestId,
    });
    const spelled = events.nodes.slice(1).map(({ type, data, ...event }: any) => ({
      ...event,
      type: type.toLowerCase().replace('_', '.'),
      data: withoutNulls(data),
    }));
    expect(bodies()).toEqual(spelled);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual(spelled.map(({ id }: any) => id));
  });

  it('signs with its secret, as Standard Webhooks have it, and with the old one too while they overlap', async () => {
    const { sid } = await make();
    const { webhook: registered, secret } = await register(sid);
    await rename(sid, 'signed');
    await received(1);
    const rotate = `rotateWebhookSecret(input: { sid: "${registered.sid}", overlapSeconds: 60 }) { secret }`;
    const { secret: second } = (await change(rotate)).rotateWebhookSecret;
    await rename(sid, 'signed twice');
    await received(2);
    await change(`rotateWebhookSecret(input: { sid: "${registered.sid}", overlapSeconds: 0 }) { secret }`);
    await rename(sid, 'signed anew');
    await received(3);
    const isSigned = (request: TestReceiver['requests'][number], by: string): boolean => {
      try {
        new StandardWebhook(by).verify(request.body, request.headers as Record<string, string>);
        return true;
      } catch {
        return false;
      }
    };
    expect(receiver.requests.map((request) => [secret, second].map((by) => isSigned(request, by)))).toEqual([
      [true, false],
      [true, true],
      [false, false],
    ]);
  });

  it('of the root is told of every tree, those made later too', async () => {
    const { webhook: registered } = await register(rootSid);
    const first = await make();
    const second = await make();
    await rename(first.sid, 'renamed');
    await eventually(() => expect(receiver.requests.length).toBeGreaterThanOrEqual(3));
    await eventually(async () => expect((await webhook(registered.sid)).waitingCount).toBe(0));
    const of = (sid: string) => bodies().filter(({ id }) => id.startsWith(`${sid}:`));
    expect(of(first.sid).map(({ id }) => id)).toEqual([`${first.sid}:1`, `${first.sid}:2`]);
    expect(of(second.sid).map(({ id }) => id)).toEqual([`${second.sid}:1`]);
    await change(`deleteWebhook(input: { sid: "${registered.sid}" }) { sid }`);
  });

  it('is told only of the types that it chose', async () => {
    const { sid } = await make();
    await register(sid, 'types: [ACCOUNT_SUSPENDED, ACCOUNT_ACTIVATED, ACCOUNT_SUSPENDED]');
    await rename(sid, 'not told');
    const below = await make({ parent: sid });
    await setStatus(below.sid, 'SUSPENDED');
    await received(1);
    expect(typesIn()).toEqual(['account.suspended']);
  });

  it('below a top-level account is told of its own only, and never whose tree it is in', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    const sibling = await make({ parent: top.sid });
    await register(middle.sid, '', middle.login);
    await rename(sibling.sid, 'not told');
    await setStatus(top.sid, 'SUSPENDED');
    await received(1);
    const [event] = bodies();
    expect(event).toMatchObject({
      type: 'account.suspended',
      data: { account: { sid: middle.sid }, reached: [middle.sid], part: 1, parts: 1, actor: null, requestId: null },
    });
    for (const hidden of [top.sid, sibling.sid, rootSid]) expect(receiver.requests[0]!.body).not.toContain(hidden);
  });

  it('gets every part of a change of many accounts, in order', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [3, 300] });
    await register(top.sid);
    await setStatus(top.sid, 'SUSPENDED');
    await received(3);
    expect(bodies().map(({ id, data }) => [id, data.reached.length])).toEqual([
      [`${top.sid}:3:1`, 400],
      [`${top.sid}:3:2`, 400],
      [`${top.sid}:3:3`, 104],
    ]);
    expect(Math.max(...receiver.requests.map(({ body }) => body.length))).toBeLessThan(20_000);
  });
});

describe('when an event is not accepted', () => {
  it.each([
    ['500', answers.status(500, {}, 'broken'), 'The receiver answered with status 500.'],
    ['a redirect', answers.redirectTo('http://127.0.0.1:1/'), 'The receiver answered with status 302. Redirects are not followed.'],
    ['a reset', answers.reset(), expect.any(String)],
  ])('because of %s, it is tried again with the same ID, and those behind it wait', async (_what, answer, failure) => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith(answer);
    await rename(sid, 'one');
    await received(1);
    await rename(sid, 'two');
    await eventually(async () => expect(await attemptsOf(registered.sid)).toHaveLength(1));
    expect((await attemptsOf(registered.sid))[0]).toMatchObject({ eventId: `${sid}:3`, eventType: 'ACCOUNT_UPDATED', failure });
    receiver.answerWith(answers.status(204));
    await hurry(registered.sid);
    await received(3);
    expect(receiver.requests.map(({ headers }) => headers['webhook-id'])).toEqual([`${sid}:3`, `${sid}:3`, `${sid}:4`]);
    await eventually(async () => expect(await webhook(registered.sid)).toMatchObject({ waitingCount: 0, status: 'ACTIVE' }));
  });

  it('other trees and other webhooks do not wait', async () => {
    const [slow, quick] = [await make(), await make()];
    const hanging = await startReceiver({ answer: answers.hang() });
    await register(slow.sid, '', admin, hanging.url);
    await register(slow.sid);
    await register(quick.sid);
    await rename(slow.sid, 'renamed');
    await rename(quick.sid, 'renamed');
    await received(2);
    await hanging.stop();
  });

  it('Retry-After counts, and what waits is shown', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith(answers.status(429, { 'retry-after': '1800' }));
    await rename(sid, 'one');
    const shown = await eventually(async () => {
      const { nodes } = (
        await ask(
          `{ webhook(sid: "${registered.sid}") { waitingCount waiting { totalCount nodes { tree deliveredId latestPosition failures failingSince nextAttemptAt } } } }`,
        )
      ).webhook.waiting;
      expect(nodes[0]?.failures).toBe(1);
      return nodes[0];
    });
    expect(shown).toMatchObject({ tree: sid, deliveredId: expect.stringMatching(`^${sid}:[12]$`), latestPosition: 3 });
    const wait = Date.parse(shown.nextAttemptAt) - Date.parse(shown.failingSince);
    expect(wait).toBeGreaterThan(1_790_000);
    expect(wait).toBeLessThan(1_810_000);
  });

  it('410 switches the webhook off', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith(answers.status(410));
    await rename(sid, 'one');
    await eventually(async () =>
      expect(await webhook(registered.sid)).toMatchObject({
        status: 'DISABLED',
        stateReason: 'The receiver answered with status 410 (Gone).',
      }),
    );
    await rename(sid, 'two');
    receiver.answerWith(answers.status(200));
    await change(`updateWebhook(input: { sid: "${registered.sid}", enabled: true }) { webhook { sid } }`);
    await eventually(() => expect(bodies().map(({ data }) => data.after.friendlyName)).toEqual(['one', 'one', 'two']));
  });

  it('for three days, the webhook is paused, the others of its account are told, and it goes on where it stopped', async () => {
    const { sid } = await make();
    const { webhook: failing } = await register(sid);
    const other = await startReceiver();
    await register(sid, 'types: [WEBHOOK_PAUSED]', admin, other.url);
    const ofRoot = await startReceiver();
    const { webhook: rootWebhook } = await register(rootSid, 'types: [WEBHOOK_PAUSED]', admin, ofRoot.url);
    receiver.answerWith(answers.status(500));
    await rename(sid, 'one');
    await eventually(async () => expect(await attemptsOf(failing.sid)).toHaveLength(1));
    await gateway.database.query(
      `UPDATE webhook_place SET failing_since = now() - interval '3 days', due_at = now() WHERE webhook_sid = $1`,
      [failing.sid],
    );
    await eventually(async () =>
      expect(await webhook(failing.sid)).toMatchObject({ status: 'PAUSED', stateReason: expect.stringContaining(`${sid}:4`) }),
    );
    await received(1, other);
    expect(bodies(other)[0]).toMatchObject({ type: 'webhook.paused', data: { account: { sid }, webhook: { sid: failing.sid } } });
    receiver.answerWith(answers.status(200));
    receiver.requests.length = 0;
    await rename(sid, 'two');
    await change(`updateWebhook(input: { sid: "${failing.sid}", enabled: true }) { webhook { sid } }`);
    await received(2);
    expect(bodies().map(({ data }) => data.after.friendlyName)).toEqual(['one', 'two']);
    expect(ofRoot.requests).toEqual([]);
    await change(`deleteWebhook(input: { sid: "${rootWebhook.sid}" }) { sid }`);
    for (const each of [other, ofRoot]) await each.stop();
  });
});

describe('when the account of a webhook', () => {
  it('is suspended, the event that says so is the last one until it is active again', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    const { webhook: registered } = await register(middle.sid);
    await rename(middle.sid, 'before');
    await setStatus(top.sid, 'SUSPENDED');
    await received(2);
    await rename(middle.sid, 'while suspended');
    await eventually(async () => expect(await webhook(registered.sid)).toMatchObject({ status: 'OWNER_NOT_ACTIVE' }));
    const sibling = await make();
    await rename(sibling.sid, 'elsewhere');
    await setStatus(top.sid, 'ACTIVE');
    await received(4);
    expect(typesIn()).toEqual(['account.updated', 'account.suspended', 'account.updated', 'account.activated']);
  });

  it('is closed, the event that says so is the last one', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith(answers.status(503));
    await rename(sid, 'late');
    await eventually(async () => expect(await attemptsOf(registered.sid)).toHaveLength(1));
    await close(sid);
    receiver.answerWith(answers.status(200));
    receiver.requests.length = 0;
    await hurry(registered.sid);
    await received(2);
    expect(typesIn()).toEqual(['account.updated', 'account.closed']);
    expect(await webhook(registered.sid)).toMatchObject({ status: 'ENDED' });
    expect(await refusal(`updateWebhook(input: { sid: "${registered.sid}", enabled: false }) { webhook { sid } }`)).toMatchObject({
      code: 'ACCOUNT_CLOSED',
    });
  });

  it('is no Administrator any more, it is told only of itself', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    const leaf = await make({ parent: middle.sid });
    await register(middle.sid);
    await change(`updateAccount(input: { sid: "${middle.sid}", role: DEVELOPER }) { account { sid } }`);
    await rename(leaf.sid, 'not told');
    await rename(middle.sid, 'told');
    await received(2);
    expect(bodies().map(({ data }) => data.account.sid)).toEqual([middle.sid, middle.sid]);
  });
});

describe('a webhook can be', () => {
  it('stopped and started, and goes on where it stopped', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    const enable = (enabled: boolean) =>
      change(`updateWebhook(input: { sid: "${registered.sid}", enabled: ${enabled} }) { webhook { status version } }`);
    expect((await enable(false)).updateWebhook.webhook).toEqual({ status: 'DISABLED', version: 2 });
    await rename(sid, 'one');
    await rename(sid, 'two');
    expect((await enable(true)).updateWebhook.webhook).toEqual({ status: 'ACTIVE', version: 3 });
    await received(2);
    expect(bodies().map(({ data }) => data.after.friendlyName)).toEqual(['one', 'two']);
  });

  it('sent elsewhere, with another description and other types', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid, 'types: [ACCOUNT_CLOSED]');
    const elsewhere = await startReceiver();
    await change(
      `updateWebhook(input: { sid: "${registered.sid}", url: "${elsewhere.url}", types: [], description: "moved", version: 1 }) { webhook { sid } }`,
    );
    expect(await webhook(registered.sid)).toMatchObject({ url: elsewhere.url, types: null, description: 'moved' });
    await rename(sid, 'told');
    await received(1, elsewhere);
    expect(receiver.requests).toEqual([]);
    expect(await refusal(`updateWebhook(input: { sid: "${registered.sid}", version: 1 }) { webhook { sid } }`)).toMatchObject({
      code: 'VERSION_CONFLICT',
      field: 'version',
    });
    await elsewhere.stop();
  });

  it('tried', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith(answers.status(200, {}, 'thank you'));
    const { attempt } = (
      await change(`testWebhook(input: { sid: "${registered.sid}" }) { attempt { eventId eventType status answer failure } }`)
    ).testWebhook;
    expect(attempt).toMatchObject({ eventType: 'WEBHOOK_TEST', status: 200, answer: 'thank you', failure: null });
    expect(bodies()).toMatchObject([{ type: 'webhook.test', id: attempt.eventId, data: { webhook: { sid: registered.sid } } }]);
    expect(await attemptsOf(registered.sid)).toHaveLength(1);
  });

  it('told again: from an event on, or from a time on', async () => {
    const { sid } = await make();
    await rename(sid, 'before');
    const { webhook: registered } = await register(sid);
    const replay = (from: string) => change(`replayWebhook(input: { sid: "${registered.sid}", from: { ${from} } }) { webhook { sid } }`);
    await rename(sid, 'after');
    await received(1);
    await replay(`eventId: "${sid}:2"`);
    await received(3);
    expect(bodies().map(({ data }) => data.after.friendlyName)).toEqual(['after', 'before', 'after']);
    await eventually(async () => expect((await webhook(registered.sid)).waitingCount).toBe(0));
    await replay('date: "2026-01-01T00:00:00Z"');
    await received(6);
    expect(typesIn().slice(3)).toEqual(['account.created', 'account.updated', 'account.updated']);
    expect(
      await refusal(`replayWebhook(input: { sid: "${registered.sid}", from: { eventId: "${rootSid}:1" } }) { webhook { sid } }`),
    ).toMatchObject({
      code: 'BAD_USER_INPUT',
      field: 'eventId',
    });
  });

  it('made to leave out the event that it cannot take, and no other one', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    receiver.answerWith((response, { body }) => void response.writeHead(body.includes('poison') ? 500 : 200).end());
    await rename(sid, 'poison');
    await rename(sid, 'good');
    await eventually(async () => expect(await attemptsOf(registered.sid)).toHaveLength(1));
    const skip = (eventId: string) => `skipWebhookEvent(input: { sid: "${registered.sid}", eventId: "${eventId}" }) { webhook { sid } }`;
    expect(await refusal(skip(`${sid}:4`))).toMatchObject({ code: 'BAD_USER_INPUT', field: 'eventId' });
    await change(skip(`${sid}:3`));
    await received(2);
    expect(bodies().map(({ data }) => data.after.friendlyName)).toEqual(['poison', 'good']);
  });

  it('deleted, and is told of nothing more', async () => {
    const { sid } = await make();
    const { webhook: registered } = await register(sid);
    await change(`deleteWebhook(input: { sid: "${registered.sid}" }) { sid }`);
    await rename(sid, 'not told');
    const { webhook: next } = await register(sid);
    await rename(sid, 'told');
    await received(1);
    expect(await webhook(registered.sid)).toBeNull();
    expect(await gateway.database.query('SELECT 1 FROM webhook_place WHERE webhook_sid = $1', [registered.sid])).toEqual([]);
    expect((await ask(`{ account(by: { sid: "${sid}" }) { webhooks { totalCount nodes { sid } } } }`)).account.webhooks).toEqual({
      totalCount: 1,
      nodes: [{ sid: next.sid }],
    });
  });
});

describe('whose webhooks', () => {
  it('an account has is told to itself and those above it, and to nobody else', async () => {
    const [top, stranger] = [await make(), await make()];
    const middle = await make({ parent: top.sid });
    const developer = await make({ parent: top.sid, role: 'Developer' });
    const { webhook: registered } = await register(middle.sid);
    const query = `{ webhook(sid: "${registered.sid}") { sid } node(id: "${registered.sid}") { id } }`;
    for (const login of [admin, top.login, middle.login])
      expect(await ask(query, {}, login)).toEqual({ webhook: { sid: registered.sid }, node: { id: registered.sid } });
    expect(await ask(query, {}, stranger.login)).toEqual({ webhook: null, node: null });
    expect((await send(`{ webhook(sid: "${registered.sid}") { sid } }`, {}, developer.login)).errors?.[0]?.extensions.code).toBe(
      'FORBIDDEN',
    );
    expect(await ask(`{ node(id: "${registered.sid}") { id } }`, {}, developer.login)).toEqual({ node: null });
    for (const mutation of [
      `updateWebhook(input: { sid: "SID", enabled: false }) { webhook { sid } }`,
      `deleteWebhook(input: { sid: "SID" }) { sid }`,
      `rotateWebhookSecret(input: { sid: "SID" }) { secret }`,
      `testWebhook(input: { sid: "SID" }) { attempt { status } }`,
      `replayWebhook(input: { sid: "SID", from: { date: "2026-01-01T00:00:00Z" } }) { webhook { sid } }`,
      `skipWebhookEvent(input: { sid: "SID", eventId: "${top.sid}:1" }) { webhook { sid } }`,
    ]) {
      const of = (sid: string, login: Login) => refusal(mutation.replace('SID', sid), login);
      expect(await of(registered.sid, stranger.login)).toMatchObject({ code: 'WEBHOOK_NOT_FOUND' });
      expect(await of(`WH${'0'.repeat(32)}`, admin)).toMatchObject({ code: 'WEBHOOK_NOT_FOUND' });
      expect(await of('WH12', admin)).toMatchObject({ code: 'WEBHOOK_NOT_FOUND' });
      expect(await of(registered.sid, developer.login)).toMatchObject({ code: 'FORBIDDEN' });
    }
    expect(receiver.requests).toEqual([]);
  });

  it.each([
    ['a URL that is none', `url: "nowhere"`, 'INVALID_URL', 'url'],
    ['a private address', `url: "https://10.0.0.1/"`, 'INVALID_URL', 'url'],
    ['a description that is too long', `url: "https://example.com/", description: "${'x'.repeat(256)}"`, 'BAD_USER_INPUT', 'description'],
  ])('is refused with %s', async (_what, input, code, field) => {
    const { sid } = await make();
    expect(await refusal(`createWebhook(input: { accountSid: "${sid}", ${input} }) { secret }`)).toMatchObject({ code, field });
  });

  it('is refused for an account that is closed, out of sight or none', async () => {
    const [one, other, closed] = [await make(), await make(), await make()];
    await close(closed.sid);
    const on = (sid: string, login?: Login) =>
      refusal(`createWebhook(input: { accountSid: "${sid}", url: "https://example.com/" }) { secret }`, login);
    expect(await on(closed.sid)).toMatchObject({ code: 'ACCOUNT_CLOSED' });
    expect(await on(other.sid, one.login)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await on(missingSid(), one.login)).toMatchObject({ code: 'FORBIDDEN' });
    expect(await on(missingSid())).toMatchObject({ code: 'ACCOUNT_NOT_FOUND' });
    expect(await on('AC12')).toMatchObject({ code: 'BAD_USER_INPUT', field: 'accountSid' });
  });

  it('are twenty at most, however many are made at once', async () => {
    const { sid } = await make();
    const all = await Promise.all(
      Array.from({ length: 24 }, () =>
        send(`mutation { createWebhook(input: { accountSid: "${sid}", url: "https://example.com/" }) { secret } }`),
      ),
    );
    const codes = all.map(({ errors }) => errors?.[0]?.extensions.code);
    expect(codes.filter((code) => code === undefined)).toHaveLength(20);
    expect(codes.filter((code) => code === 'TOO_MANY_WEBHOOKS')).toHaveLength(4);
  });
});

it('the history tells of webhooks, by the origins of their URLs, and without their secrets', async () => {
  const { sid } = await make();
  const { webhook: registered, secret } = await register(sid, '', admin, `${receiver.url}path?token=hidden`);
  await change(`rotateWebhookSecret(input: { sid: "${registered.sid}" }) { secret }`);
  await change(`updateWebhook(input: { sid: "${registered.sid}", enabled: false }) { webhook { sid } }`);
  await change(`deleteWebhook(input: { sid: "${registered.sid}" }) { sid }`);
  const { nodes } = (await ask(`{ account(by: { sid: "${sid}" }) { history { nodes { operation before after } } } }`)).account.history;
  expect(nodes.map(({ operation }: any) => operation).slice(1)).toEqual([
    'CREATE_WEBHOOK',
    'ROTATE_WEBHOOK_SECRET',
    'UPDATE_WEBHOOK',
    'DELETE_WEBHOOK',
  ]);
  expect(nodes[1].after).toEqual({ webhookSid: registered.sid, origin: new URL(receiver.url).origin });
  for (const hidden of [secret, 'hidden', 'path']) expect(JSON.stringify(nodes)).not.toContain(hidden);
  // They are no events.
  expect((await ask(`{ events(accountSid: "${sid}") { nodes { type } } }`)).events.nodes).toEqual([{ type: 'ACCOUNT_CREATED' }]);
});

it('a repeated request with its idempotency key makes one webhook, and gets its secret again', async () => {
  const { sid } = await make();
  const ask = `createWebhook(input: { accountSid: "${sid}", url: "${receiver.url}", idempotencyKey: "${sid}" }) { webhook { sid dateCreated } secret }`;
  expect(await change(ask)).toEqual(await change(ask));
});
