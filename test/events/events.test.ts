import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EventType } from '../../src/domain/event.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { assertAsyncProperty } from '../support/property.js';
import { type Created, create, missingSid, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
let rootSid: string;
beforeAll(async () => {
  gateway = await startTestGateway();
  rootSid = (await ask('{ viewer { sid } }')).viewer.sid;
});
afterAll(() => gateway.stop());

const send = (query: string, variables: Record<string, unknown> = {}, login: Login = admin) =>
  postGraphql<any>(gateway.url, login, query, variables);
const ask = async (query: string, variables: Record<string, unknown> = {}, login: Login = admin): Promise<any> => {
  const { data, errors } = await send(query, variables, login);
  expect(errors).toBeUndefined();
  return data;
};
const change = (mutation: string, login: Login = admin) => ask(`mutation { ${mutation} }`, {}, login);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const setStatus = (sid: string, status: string, login?: Login) =>
  change(`setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount }`, login);

const reference = '{ sid }';
const selection = `{ id type timestamp data {
  account ${reference} organization ${reference} profile ${reference} before after reached part parts actor ${reference} requestId
} }`;

interface Listed {
  id: string;
  type: string;
  timestamp: string;
  data: Record<string, any>;
}
interface Asked {
  after?: string | null;
  types?: string[];
  first?: number;
}
const pageOf = async (accountSid: string, asked: Asked = {}, login: Login = admin) =>
  (
    await ask(
      `query($accountSid: ID!, $after: ID, $types: [EventType!], $first: Int) {
        events(accountSid: $accountSid, after: $after, types: $types, first: $first) {
          nodes ${selection} edges { cursor } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
        }
      }`,
      { accountSid, ...asked },
      login,
    )
  ).events as { nodes: Listed[]; edges: { cursor: string }[]; pageInfo: { hasNextPage: boolean; startCursor: string; endCursor: string } };

/** The whole stream of an account, by pages of the size. */
async function eventsOf(accountSid: string, login: Login = admin, asked: Asked = {}): Promise<Listed[]> {
  const events: Listed[] = [];
  for (let { after } = asked; ;) {
    const { nodes, pageInfo } = await pageOf(accountSid, { first: 100, ...asked, after: after ?? null }, login);
    events.push(...nodes);
    if (!pageInfo.hasNextPage) return events;
    after = pageInfo.endCursor;
  }
}

/** Without what is null, when it happened and for which request. */
const told = ({ type, data: { requestId: _, ...data } }: Listed) => ({
  type,
  ...Object.fromEntries(Object.entries(data).filter(([, value]) => value !== null)),
});

describe('what happens to an account is an event:', () => {
  it('all changes of it, in their order, each with what changed', async () => {
    const address = uniqueEmail();
    const created = (
      await change(
        `createAccount(input: { parentSid: "${rootSid}", emailAddress: "${address}", role: ADMINISTRATOR }) { account { sid organization { sid } } }`,
      )
    ).createAccount.account;
    const { sid } = created;
    const { resetToken } = (await change(`createPasswordResetToken(input: { sid: "${sid}" }) { resetToken }`)).createPasswordResetToken;
    await change(`resetPassword(input: { token: "${resetToken}", password: "a decent password" }) { sid }`);
    await change(`updateAccount(input: { sid: "${sid}", friendlyName: "Jane's shop" }) { account { sid } }`);
    await change(`updateAccount(input: { sid: "${sid}", emailAddress: "new-${address}" }) { account { sid } }`);
    await change(`updateAccount(input: { sid: "${sid}", password: "another decent password" }) { account { sid } }`);
    await change(`rotateAuthToken(input: { sid: "${sid}" }) { authToken }`);
    await ask(`{ authToken(sid: "${sid}") }`);
    await setStatus(sid, 'SUSPENDED');
    await setStatus(sid, 'ACTIVE');
    const domain = `d${sid.slice(2, 12)}.test`;
    const { organization } = (await change(`createOrganization(input: { domainName: "${domain}" }) { organization { sid } }`))
      .createOrganization;
    await change(`migrateAccount(input: { sid: "${sid}", organization: { sid: "${organization.sid}" } }) { reachedCount }`);
    const profile = (await change(`createProfile(input: { document: { a: 1 } }) { profile { sid } }`)).createProfile.profile;
    await change(`linkProfile(input: { sid: "${profile.sid}", target: { accountSid: "${sid}" } }) { profile { sid } }`);
    await change(`unlinkProfile(input: { sid: "${profile.sid}", target: { accountSid: "${sid}" } }) { profile { sid } }`);
    await change(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`);

    const by = { account: { sid }, actor: { sid: rootSid } };
    const cascade = { ...by, reached: [sid], part: 1, parts: 1 };
    const one = (status: string) => [{ status, count: 1 }];
    expect((await eventsOf(sid)).map(told)).toEqual([
      {
        ...by,
        type: 'ACCOUNT_CREATED',
        after: {
          emailAddress: address,
          friendlyName: address,
          type: 'Full',
          role: 'Administrator',
          status: 'uninitialized',
          organizationSid: created.organization.sid,
        },
      },
      { ...by, type: 'ACCOUNT_PASSWORD_CHANGED', actor: { sid }, before: { status: 'uninitialized' }, after: { status: 'active' } },
      { ...by, type: 'ACCOUNT_UPDATED', before: { friendlyName: address }, after: { friendlyName: "Jane's shop" } },
      { ...by, type: 'ACCOUNT_EMAIL_CHANGED', before: { emailAddress: address }, after: { emailAddress: `new-${address}` } },
      { ...by, type: 'ACCOUNT_PASSWORD_CHANGED', after: { passwordSet: true } },
      { ...by, type: 'ACCOUNT_AUTH_TOKEN_ROTATED', after: { overlapSeconds: 0 } },
      { ...cascade, type: 'ACCOUNT_SUSPENDED', before: { status: 'active' }, after: { status: 'suspended', reached: one('active') } },
      { ...cascade, type: 'ACCOUNT_ACTIVATED', before: { status: 'suspended' }, after: { status: 'active', reached: one('suspended') } },
      {
        ...cascade,
        type: 'ACCOUNT_MIGRATED',
        before: { organizationSid: created.organization.sid },
        after: { organizationSid: organization.sid, reached: one('active') },
      },
      { ...by, type: 'PROFILE_LINKED', profile: { sid: profile.sid }, after: { profileSid: profile.sid } },
      { ...by, type: 'PROFILE_UNLINKED', profile: { sid: profile.sid }, before: { profileSid: profile.sid } },
      { ...cascade, type: 'ACCOUNT_CLOSED', before: { status: 'active' }, after: { status: 'closed', reached: one('active') } },
    ]);
  });

  it('its date and request are those of the history, and its ID tells tree and position', async () => {
    const { sid, login } = await make();
    await change(`updateAccount(input: { sid: "${sid}", friendlyName: "Renamed" }) { account { sid } }`, login);
    const events = await eventsOf(sid, login);
    const { nodes } = (await ask(`{ account(by: { sid: "${sid}" }) { history { nodes { date requestId } } } }`)).account.history;
    expect(events.map(({ id, timestamp, data }) => ({ id, date: timestamp, requestId: data.requestId }))).toEqual([
      // Its maker is out of its sight.
      { id: `${sid}:1`, date: nodes[0].date, requestId: null },
      { id: `${sid}:2`, ...nodes[1] },
    ]);
    expect(events.map(({ data }) => data.actor)).toEqual([null, { sid }]);
  });
});

it('the stream of the root has what was done to itself, to organizations and to profiles', async () => {
  const from = (await pageOf(rootSid, { first: 100 })).pageInfo.endCursor;
  const { organization } = (await change('createOrganization(input: { domainName: "events.test" }) { organization { sid } }'))
    .createOrganization;
  const { profile } = (await change('createProfile(input: { document: {} }) { profile { sid } }')).createProfile;
  await change(`updateProfile(input: { sid: "${profile.sid}", document: { a: 1 } }) { profile { sid } }`);
  await change(`linkProfile(input: { sid: "${profile.sid}", target: { organizationSid: "${organization.sid}" } }) { profile { sid } }`);
  await change(`closeOrganization(input: { sid: "${organization.sid}" }) { organization { sid } }`);
  await change(`deleteProfile(input: { sid: "${profile.sid}" }) { sid }`);
  await make();
  const events = (await eventsOf(rootSid, admin, { after: from })).map(told);
  expect(events.map(({ type, organization: of, profile: with_ }: any) => [type, of?.sid, with_?.sid])).toEqual([
    ['ORGANIZATION_CREATED', organization.sid, undefined],
    ['PROFILE_CREATED', undefined, profile.sid],
    ['PROFILE_UPDATED', undefined, profile.sid],
    ['PROFILE_LINKED', organization.sid, profile.sid],
    ['PROFILE_UNLINKED', organization.sid, profile.sid],
    ['ORGANIZATION_CLOSED', organization.sid, undefined],
    ['PROFILE_DELETED', undefined, profile.sid],
  ]);
});

describe('a change of a whole tree', () => {
  it('names every account that it reached, in parts of at most 400, in the order of the tree', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [3, 300] });
    await setStatus(top.sid, 'SUSPENDED');
    const events = await eventsOf(top.sid, admin, { types: ['ACCOUNT_SUSPENDED'] });
    const sids = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE top_level_sid = $1 ORDER BY path', [top.sid]);
    expect(events.map(({ id, data: { reached, part, parts } }) => [id, reached.length, part, parts])).toEqual([
      [`${top.sid}:2:1`, 400, 1, 3],
      [`${top.sid}:2:2`, 400, 2, 3],
      [`${top.sid}:2:3`, 104, 3, 3],
    ]);
    expect(events.flatMap(({ data }) => data.reached)).toEqual(sids.map(({ sid }) => sid));
    expect(Math.max(...events.map((event) => JSON.stringify(event).length))).toBeLessThan(20_000);
  });

  it('tells a receiver below it of its own accounts only, in parts of their own, and not who did it', async () => {
    const top = await make();
    const outside = await make({ parent: top.sid });
    await plant(gateway.database, { below: outside.sid, widths: [350] });
    const middle = await make({ parent: top.sid });
    await plant(gateway.database, { below: middle.sid, widths: [2, 250] });
    const leaf = await make({ parent: middle.sid });
    await setStatus(middle.sid, 'SUSPENDED', top.login);
    await setStatus(middle.sid, 'ACTIVE', top.login);
    await setStatus(top.sid, 'SUSPENDED');
    await setStatus(top.sid, 'ACTIVE');

    for (const receiver of [middle, leaf]) {
      const own = (
        await gateway.database.query<{ sid: string }>(
          'SELECT account.sid FROM account JOIN account AS above ON above.sid = $1 AND starts_with(account.path, above.path) ORDER BY account.path',
          [receiver.sid],
        )
      ).map(({ sid }) => sid);
      const events = (await eventsOf(receiver.sid, receiver.login)).filter(({ data }) => data.reached !== null);
      const positions = [...new Set(events.map(({ id }) => id.split(':')[1]))];
      const typesAt = positions.map((position) => [
        ...new Set(events.filter(({ id }) => id.split(':')[1] === position).map(({ type }) => type)),
      ]);
      expect(typesAt).toEqual([['ACCOUNT_SUSPENDED'], ['ACCOUNT_ACTIVATED'], ['ACCOUNT_SUSPENDED'], ['ACCOUNT_ACTIVATED']]);
      for (const position of positions) {
        const ofOne = events.filter(({ id }) => id.split(':')[1] === position);
        expect(ofOne.flatMap(({ data }) => data.reached)).toEqual(own);
        expect(ofOne.map(({ data }) => [data.part, data.parts])).toEqual(ofOne.map((_, index) => [index + 1, ofOne.length]));
      }
      for (const { id, data } of events) {
        expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}:\d+(:\d+)?$/);
        expect(data).toMatchObject({ account: { sid: receiver.sid }, actor: null, requestId: null });
        if (receiver === leaf) expect([data.before, data.after]).toEqual([null, { status: expect.any(String) }]);
      }
      const text = JSON.stringify(events);
      for (const hidden of [top.sid, outside.sid, rootSid, ...(receiver === leaf ? [middle.sid] : [])]) expect(text).not.toContain(hidden);
    }
    // Whoever sees the whole tree is told its SID, whatever account it asks about.
    expect((await eventsOf(leaf.sid, top.login)).every(({ id }) => id.startsWith(`${top.sid}:`))).toBe(true);
  });

  it('that a version before did not write down is told without names, to every account that there was', async () => {
    const top = await make();
    const older = await make({ parent: top.sid });
    await setStatus(top.sid, 'SUSPENDED');
    await setStatus(top.sid, 'ACTIVE');
    const younger = await make({ parent: top.sid });
    await gateway.database.query('ALTER TABLE cascade_part DISABLE TRIGGER ALL');
    await gateway.database.query('DELETE FROM cascade_part WHERE tree_sid = $1', [top.sid]);
    await gateway.database.query('ALTER TABLE cascade_part ENABLE TRIGGER ALL');
    const of = async ({ sid, login }: Created) => (await eventsOf(sid, login)).map(({ type, data }) => [type, data.reached]);
    expect(await of(older)).toEqual([
      ['ACCOUNT_CREATED', null],
      ['ACCOUNT_SUSPENDED', null],
      ['ACCOUNT_ACTIVATED', null],
    ]);
    expect(await of(younger)).toEqual([['ACCOUNT_CREATED', null]]);
    expect((await of(top)).map(([type]) => type)).toContain('ACCOUNT_SUSPENDED');
  });
});

describe('pages', () => {
  it('of any size, of any types, in any tree, together are the whole stream', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    await plant(gateway.database, { below: middle.sid, widths: [450] });
    for (const status of ['SUSPENDED', 'ACTIVE'])
      for (const { sid } of [middle, top])
        if (status === 'SUSPENDED' || sid === middle.sid) await setStatus(sid, status === 'ACTIVE' ? 'SUSPENDED' : status);
    await setStatus(top.sid, 'ACTIVE');
    await change(`updateAccount(input: { sid: "${middle.sid}", friendlyName: "Renamed" }) { account { sid } }`);
    const streams = new Map<string, Listed[]>();
    for (const { sid, login } of [top, middle]) streams.set(sid, await eventsOf(sid, login));
    expect([...streams.values()].map((events) => events.length)).toEqual([expect.any(Number), expect.any(Number)]);
    await assertAsyncProperty(
      fc.asyncProperty(
        fc.constantFrom(top, middle),
        fc.integer({ min: 1, max: 7 }),
        fc.subarray(Object.keys(EventType).slice(0, 8)),
        async ({ sid, login }, first, types) => {
          const asked = { first, ...(types.length > 0 && { types }) };
          const wanted = streams.get(sid)!.filter(({ type }) => types.length === 0 || types.includes(type));
          expect(await eventsOf(sid, login, asked)).toEqual(wanted);
        },
      ),
      { numRuns: 20 },
    );
  });

  it('go on after any event, by its ID', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [401] });
    await setStatus(top.sid, 'SUSPENDED');
    await setStatus(top.sid, 'ACTIVE');
    const events = await eventsOf(top.sid);
    expect(events).toHaveLength(5);
    for (const [index, { id }] of events.entries()) expect(await eventsOf(top.sid, admin, { after: id })).toEqual(events.slice(index + 1));
    // An ID without a part stands for all of them.
    expect(await eventsOf(top.sid, admin, { after: `${top.sid}:2` })).toEqual(events.slice(3));
  });

  it('tell where to go on even if they are empty', async () => {
    const { sid } = await make();
    const { nodes, pageInfo } = await pageOf(sid, { types: ['ACCOUNT_CLOSED'] });
    expect(nodes).toEqual([]);
    expect(pageInfo).toMatchObject({ hasNextPage: false, endCursor: `${sid}:1` });
    await change(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`);
    expect((await pageOf(sid, { types: ['ACCOUNT_CLOSED'], after: pageInfo.endCursor })).nodes).toHaveLength(1);
  });

  it.each([
    ['a malformed ID', { after: 'now' }, 'BAD_USER_INPUT', 'after'],
    ['a position without a tree', { after: ':12' }, 'BAD_USER_INPUT', 'after'],
    ['a position that is too large', { after: `${'AC'.padEnd(34, 'a')}:99999999999` }, 'BAD_USER_INPUT', 'after'],
    ['the event of another tree', { after: `${'AC'.padEnd(34, 'a')}:1` }, 'BAD_USER_INPUT', 'after'],
    ['no events at all', { first: 0 }, 'INVALID_PAGE', 'first'],
    ['too many', { first: 101 }, 'INVALID_PAGE', 'first'],
    ['a malformed account', { accountSid: 'AC12' }, 'BAD_USER_INPUT', 'accountSid'],
  ])('refuse %s, and say which argument is at fault', async (_what, asked, code, field) => {
    const { sid } = await make();
    const { errors } = await send(
      'query($accountSid: ID!, $after: ID, $first: Int) { events(accountSid: $accountSid, after: $after, first: $first) { nodes { id } } }',
      { accountSid: sid, ...asked },
    );
    expect(errors).toMatchObject([{ extensions: { code, field } }]);
  });
});

it('of an account out of sight, and of none, there is no stream', async () => {
  const [one, other] = [await make(), await make()];
  for (const sid of [other.sid, rootSid, missingSid()]) expect(await pageOf(sid, {}, one.login)).toBeNull();
  expect(await pageOf(missingSid())).toBeNull();
});
