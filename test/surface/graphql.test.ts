import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { cursorOf } from '../../src/domain/page.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic, byExecutor, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { untilWaitingForLocks } from '../support/locks.js';
import { plant } from '../support/plant.js';
import { expectLinearTime } from '../support/processor-time.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create, missingSid, password, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

const ask = (query: string, variables: Record<string, unknown> = {}, login = admin) => postGraphql(gateway.url, login, query, variables);
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const errorOf = async (query: string, variables: Record<string, unknown> = {}, login = admin) =>
  (await ask(query, variables, login)).errors?.[0]?.extensions;

describe('an account', () => {
  it('answers every property of the documented one', async () => {
    const account = await make();
    const { data } = await ask(
      `query($sid: ID!) { account(by: { sid: $sid }) { __typename id sid uri dateCreated dateUpdated emailAddress friendlyName type status role version
        organizationSid organization { sid } parent { emailAddress } capabilities { restApi voiceAndSms clientRegistration }
        subresources { name uri mediaTypes } } }`,
      { sid: account.sid },
    );
    const instant = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const names =
      'AvailablePhoneNumbers Calls Conferences IncomingPhoneNumbers Notifications OutgoingCallerIds Recordings Sandbox SMSMessages Transcriptions';
    expect(data!.account).toEqual({
      __typename: 'Account',
      id: account.sid,
      sid: account.sid,
      uri: `/2012-04-24/Accounts/${account.sid}`,
      dateCreated: instant,
      dateUpdated: instant,
      emailAddress: account.emailAddress,
      friendlyName: account.friendlyName,
      type: 'FULL',
      status: 'ACTIVE',
      role: 'ADMINISTRATOR',
      version: 1,
      organizationSid: account.organizationSid,
      organization: { sid: account.organizationSid },
      parent: { emailAddress: admin.login },
      capabilities: { restApi: true, voiceAndSms: true, clientRegistration: true },
      subresources: names.split(' ').map((name) => ({
        name,
        uri: `/2012-04-24/Accounts/${account.sid}/${name === 'SMSMessages' ? 'SMS/Messages' : name}`,
        mediaTypes: ['application/json', 'application/xml'],
      })),
    });
  });

  it('can do nothing once it is not active', async () => {
    const { sid } = await make({ status: 'suspended' });
    const { data } = await ask(
      'query($sid: ID!) { account(by: { sid: $sid }) { capabilities { restApi voiceAndSms clientRegistration } } }',
      { sid },
    );
    expect(data!.account.capabilities).toEqual({ restApi: false, voiceAndSms: false, clientRegistration: false });
  });

  it('shows its ancestors as far up as the viewer sees, and its descendants as deep as asked', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const grandchild = await make({ parent: child.sid });
    const query = `query($sid: ID!) { account(by: { sid: $sid }) { ancestors { sid } parent { sid } descendantCount
      descendants { nodes { sid } totalCount } near: descendants(maxDepth: 1) { nodes { sid } totalCount } } }`;
    const { data } = await ask(query, { sid: child.sid }, top.login);
    expect(data!.account).toEqual({
      ancestors: [{ sid: top.sid }],
      parent: { sid: top.sid },
      descendantCount: 1,
      descendants: { nodes: [{ sid: grandchild.sid }], totalCount: 1 },
      near: { nodes: [{ sid: grandchild.sid }], totalCount: 1 },
    });
    const own = await ask(query, { sid: top.sid }, top.login);
    expect(own.data!.account).toMatchObject({
      ancestors: [],
      parent: null,
      descendantCount: 2,
      near: { nodes: [{ sid: child.sid }], totalCount: 1 },
    });
  });

  it('tells the viewer what it may do to it', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const query = `query($sid: ID!) { account(by: { sid: $sid }) { viewerCan { update changeRole changeEmailAddress setStatus close createSubAccount migrate useAuthToken createPasswordResetToken } } }`;
    const may = async (login: typeof admin, sid: string) => (await ask(query, { sid }, login)).data!.account.viewerCan;
    const all = {
      update: true,
      changeRole: true,
      changeEmailAddress: true,
      setStatus: true,
      close: true,
      createSubAccount: true,
      useAuthToken: true,
      createPasswordResetToken: true,
    };
    const below = { changeRole: false, changeEmailAddress: false, setStatus: false, createPasswordResetToken: false };
    expect(await may(admin, top.sid)).toEqual({ ...all, migrate: true });
    expect(await may(top.login, child.sid)).toEqual({ ...all, migrate: false });
    expect(await may(top.login, top.sid)).toEqual({ ...all, ...below, migrate: false });
    const { viewer } = (await ask('{ viewer { viewerCan { close } } }')).data!;
    expect(viewer.viewerCan).toEqual({ close: false });
  });

  it('tells since when it has its status, and by whose act, as far as the viewer sees', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const low = await make({ parent: child.sid });
    const query = 'query($sid: ID!) { account(by: { sid: $sid }) { statusChangedAt statusChangedBy statusAuthor { sid emailAddress } } }';
    const seen = async (login: typeof admin, sid: string) => (await ask(query, { sid }, login)).data!.account;
    const root = (await ask('{ viewer { sid emailAddress } }')).data!.viewer;
    const created = await seen(admin, low.sid);
    expect(created).toMatchObject({ statusChangedBy: root.sid, statusAuthor: root });
    expect(await seen(top.login, low.sid)).toEqual({ ...created, statusChangedBy: 'above', statusAuthor: null });

    const suspend = 'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { account { statusChangedBy } } }';
    expect((await ask(suspend, { sid: child.sid }, top.login)).data!.setAccountStatus.account.statusChangedBy).toBe(top.sid);
    const suspended = await seen(top.login, low.sid);
    expect(suspended).toEqual({
      statusChangedAt: (await seen(top.login, child.sid)).statusChangedAt,
      statusChangedBy: top.sid,
      statusAuthor: { sid: top.sid, emailAddress: top.emailAddress },
    });
    expect(Date.parse(suspended.statusChangedAt)).toBeGreaterThan(Date.parse(created.statusChangedAt));

    await ask('mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Renamed" }) { account { sid } } }', { sid: low.sid });
    expect(await seen(top.login, low.sid)).toEqual(suspended);
    // Of an account from before these were kept.
    await gateway.database.query('UPDATE account SET status_changed_at = NULL, status_changed_by = NULL WHERE sid = $1', [low.sid]);
    expect(await seen(admin, low.sid)).toEqual({ statusChangedAt: null, statusChangedBy: null, statusAuthor: null });
  });

  it('ends its reset tokens when it is given another e-mail address', async () => {
    const { sid } = await make();
    const issued = await ask('mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }', { sid });
    await ask('mutation($sid: ID!, $to: EmailAddress!) { updateAccount(input: { sid: $sid, emailAddress: $to }) { account { sid } } }', {
      sid,
      to: uniqueEmail(),
    });
    const reset = await ask(
      'mutation($token: String!) { resetPassword(input: { token: $token, password: "another decent one" }) { sid } }',
      {
        token: issued.data!.createPasswordResetToken.resetToken,
      },
    );
    expect(reset.errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('is told whether it is the Super Admin, by its plan and by the executor', async () => {
    const top = await make();
    for (const spell of [(query: string) => query, byExecutor]) {
      const query = spell('{ viewer { isSuperAdmin subAccounts(first: 1) { nodes { isSuperAdmin } } } }');
      expect((await ask(query)).data!.viewer).toEqual({ isSuperAdmin: true, subAccounts: { nodes: [{ isSuperAdmin: false }] } });
      expect((await ask(query, {}, top.login)).data!.viewer.isSuperAdmin).toBe(false);
    }
  });

  it('is found again as a node, beside organizations, in the order of the ids', async () => {
    const account = await make();
    const { data } = await ask(
      'query($ids: [ID!]!) { nodes(ids: $ids) { __typename id ... on Account { emailAddress } ... on Organization { domainName } } }',
      {
        ids: [account.organizationSid, missingSid(), account.sid],
      },
    );
    expect(data!.nodes).toEqual([
      { __typename: 'Organization', id: account.organizationSid, domainName: 'provider.test' },
      null,
      { __typename: 'Account', id: account.sid, emailAddress: account.emailAddress },
    ]);
  });

  it('is found beside what is malformed, unknown or out of sight, which are null alike', async () => {
    const [account, stranger] = [await make(), await make()];
    const malformed = ['x', '', 'OR123', 'AC', `XX${'0'.repeat(32)}`, missingSid().toUpperCase(), `${account.sid} `, '\0', '😀'];
    const ids = [account.sid, ...malformed, missingSid(), stranger.sid, stranger.organizationSid.replace(/.$/, 'g'), account.sid];
    const { data, errors } = await ask('query($ids: [ID!]!) { nodes(ids: $ids) { id } }', { ids }, account.login);
    expect(errors).toBeUndefined();
    expect(data!.nodes).toEqual(ids.map((id) => (id === account.sid ? { id } : null)));
    for (const id of ids.slice(1, -1)) {
      expect(await ask('query($id: ID!) { node(id: $id) { id } }', { id }, account.login)).toMatchObject({
        status: 200,
        data: { node: null },
      });
    }
  });

  it('shows its AuthToken to itself and to the administrators above it, and to nobody else', async () => {
    const top = await make();
    const child = await make({ parent: top.sid, role: Role.DEVELOPER });
    const token = async (login: typeof admin, sid: string) =>
      (await ask('query($sid: ID!) { authToken(sid: $sid) }', { sid }, login)).data!.authToken;
    const shown = await token(child.login, child.sid);
    expect(shown).toMatch(/^[0-9a-f]{32}$/);
    expect([await token(top.login, child.sid), await token(admin, child.sid)]).toEqual([shown, shown]);
    expect([await token(child.login, top.sid), await token(top.login, missingSid())]).toEqual([null, null]);
  });
});

describe('a list of accounts', () => {
  const widths = [23];
  let parent: Created;
  let all: { sid: string; friendlyName: string }[];
  beforeAll(async () => {
    parent = await make();
    await plant(gateway.database, { below: parent.sid, widths });
    // Some names that differ by case only, and that sort otherwise by byte than by letter.
    await gateway.database.query(
      `UPDATE account SET friendly_name = CASE WHEN random() < 0.3 THEN 'same' WHEN random() < 0.5 THEN upper(friendly_name) ELSE 'ß ' || friendly_name END WHERE parent_sid = $1`,
      [parent.sid],
    );
    all = await gateway.database.query(
      `SELECT sid, friendly_name AS "friendlyName" FROM account WHERE parent_sid = $1 ORDER BY date_created, sid`,
      [parent.sid],
    );
  });

  const page = `query($sid: ID!, $first: Int, $after: String, $last: Int, $before: String, $orderBy: AccountOrder, $filter: AccountFilter) {
    account(by: { sid: $sid }) { subAccounts(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy, filter: $filter) {
      nodes { sid } edges { cursor node { sid } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor } totalCount } } }`;
  const read = async (variables: object) => (await ask(page, { sid: parent.sid, ...variables })).data!.account.subAccounts;

  it.each([
    ['the oldest first', undefined],
    ['the newest first', { field: 'DATE_CREATED', direction: 'DESC' }],
    ['by name', { field: 'FRIENDLY_NAME', direction: 'ASC' }],
    ['by name, backwards', { field: 'FRIENDLY_NAME', direction: 'DESC' }],
  ])('is read whole from either end, page by page, %s', async (_what, orderBy) => {
    const whole = (await read({ first: 100, orderBy })).nodes.map(({ sid }: { sid: string }) => sid);
    expect(whole.toSorted()).toEqual(all.map(({ sid }) => sid).toSorted());
    if (orderBy === undefined) expect(whole).toEqual(all.map(({ sid }) => sid));
    if (orderBy?.field === 'FRIENDLY_NAME') {
      const names = whole.map((sid: string) => all.find((account) => account.sid === sid)!.friendlyName.toLowerCase());
      const sorted = names.toSorted();
      expect(names).toEqual(orderBy.direction === 'DESC' ? sorted.toReversed() : sorted);
    }
    const forwards: string[] = [];
    let step = await read({ first: 5, orderBy });
    expect(step.pageInfo.hasPreviousPage).toBe(false);
    for (;;) {
      forwards.push(...step.nodes.map(({ sid }: { sid: string }) => sid));
      if (!step.pageInfo.hasNextPage) break;
      step = await read({ first: 5, after: step.pageInfo.endCursor, orderBy });
      expect(step.pageInfo.hasPreviousPage).toBe(true);
    }
    expect(forwards).toEqual(whole);

    const backwards: string[] = [];
    step = await read({ last: 5, orderBy });
    expect(step.pageInfo.hasNextPage).toBe(false);
    for (;;) {
      backwards.unshift(...step.nodes.map(({ sid }: { sid: string }) => sid));
      if (!step.pageInfo.hasPreviousPage) break;
      step = await read({ last: 5, before: step.pageInfo.startCursor, orderBy });
    }
    expect(backwards).toEqual(whole);
  });

  it('continues from any of its cursors', async () => {
    const { edges, totalCount } = await read({ first: 10 });
    expect(totalCount).toBe(widths[0]);
    const rest = await read({ first: 100, after: edges[3].cursor });
    expect(rest.nodes[0].sid).toBe(edges[4].node.sid);
  });

  it('is narrowed by status, role, type and text', async () => {
    const top = await make();
    const mark = await make({ parent: top.sid, friendlyName: '100%_Sales\\', role: Role.DEVELOPER, status: 'suspended' });
    await make({ parent: top.sid, friendlyName: '100 Sales' });
    const found = async (filter: object) => (await read({ sid: top.sid, filter })).nodes.map(({ sid }: { sid: string }) => sid);
    for (const filter of [
      { status: 'SUSPENDED' },
      { role: 'DEVELOPER' },
      { text: '%_sALES\\' },
      { text: mark.emailAddress.toUpperCase() },
    ]) {
      expect(await found(filter)).toEqual([mark.sid]);
    }
    expect(await found({ type: 'TRIAL' })).toEqual([]);
    const zoe = await make({ parent: top.sid, friendlyName: 'Zoe\u0308 Brøn' });
    for (const text of ['zo\u00eb', 'ZOE\u0308 B']) expect(await found({ text })).toEqual([zoe.sid]);
    for (const filter of [{}, { text: '' }]) expect(await found(filter)).toHaveLength(3);
    expect(await found({ text: '', role: 'DEVELOPER' })).toEqual([mark.sid]);
  });
});

describe('a connection', () => {
  const args = 'first: $first, after: $after, last: $last, before: $before';
  const page = 'edges { cursor node { __typename } } pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';
  const byName = 'orderBy: { field: FRIENDLY_NAME, direction: DESC }';
  let parent: Created;
  beforeAll(async () => {
    parent = await make();
    await plant(gateway.database, { below: parent.sid, widths: [4, 2] });
    for (let count = 0; count < 12; count++) {
      await ask(`mutation { createProfile(input: { document: {} }) { profile { sid } }
        createOrganization(input: { domainName: "page-${count}.test" }) { organization { sid } } }`);
      await ask('mutation($sid: ID!, $name: String) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { sid } } }', {
        sid: parent.sid,
        name: `Name ${count}`,
      });
    }
  });

  it.each([
    ['sub-accounts', `account(by: { sid: $sid }) { of: subAccounts(${args}) { ${page} } }`],
    ['sub-accounts by name, backwards', `account(by: { sid: $sid }) { of: subAccounts(${args}, ${byName}) { ${page} } }`],
    ['descendants', `account(by: { sid: $sid }) { of: descendants(${args}) { ${page} } }`],
    ['history', `account(by: { sid: $sid }) { of: history(${args}) { ${page} } }`],
    ['history of a tree', `account(by: { sid: $sid }) { of: history(${args}, includeDescendants: true) { ${page} } }`],
    ['organizations', `of: organizations(${args}) { ${page} }`],
    ['profiles', `of: profiles(${args}) { ${page} }`],
  ])("of %s takes first or last with any of its cursors, as Relay's specification has it", async (_what, field) => {
    const query = `query($sid: ID!, $first: Int, $after: String, $last: Int, $before: String) { account(by: { sid: $sid }) { sid } ${field} }`;
    const read = async (variables: object) => {
      const { data, errors } = await ask(query, { sid: parent.sid, ...variables });
      expect(errors).toBeUndefined();
      const { edges, pageInfo } = data!.of ?? data!.account.of;
      return { cursors: edges.map(({ cursor }: { cursor: string }) => cursor) as string[], pageInfo };
    };
    const whole = (await read({ first: 100 })).cursors;
    const [low, high, end] = [1, whole.length - 2, whole.length - 1];
    expect(high).toBeGreaterThan(low);
    for (const after of [undefined, 0, low, end]) {
      for (const before of [undefined, 0, high, end]) {
        for (const count of [{}, { first: 1 }, { last: 1 }, { first: 100 }, { last: 100 }] as { first?: number; last?: number }[]) {
          const left = whole.filter((_, index) => index > (after ?? -1) && index < (before ?? whole.length));
          const cut = Math.max(0, left.length - (count.first ?? count.last ?? 50));
          const given = { ...(after !== undefined && { after: whole[after] }), ...(before !== undefined && { before: whole[before] }) };
          const cursors = count.last === undefined ? left.slice(0, left.length - cut) : left.slice(cut);
          expect(await read({ ...given, ...count }), JSON.stringify({ after, before, ...count })).toEqual({
            cursors,
            pageInfo: {
              hasNextPage: before !== undefined || (count.last === undefined && cut > 0),
              hasPreviousPage: after !== undefined || (count.last !== undefined && cut > 0),
              startCursor: cursors[0] ?? null,
              endCursor: cursors.at(-1) ?? null,
            },
          });
        }
      }
    }
  });

  it('costs one statement between two cursors as well', async () => {
    const query = `query($sid: ID!, $first: Int, $after: String, $last: Int, $before: String) { account(by: { sid: $sid }) { of: subAccounts(${args}) { ${page} } } }`;
    const { edges } = (await ask(query, { sid: parent.sid, first: 100 })).data!.account.of;
    const calls = async (cursors: object) =>
      callsIn(await statementsOf(gateway.database, () => ask(query, { sid: parent.sid, last: 2, ...cursors })));
    expect(await calls({ after: edges[0].cursor, before: edges.at(-1).cursor })).toBe(await calls({}));
  });
});

describe('bad input is named, and changes nothing:', () => {
  const nodes = '{ nodes { sid } }';

  it.each([
    [`{ accounts(first: 0) ${nodes} }`, 'INVALID_PAGE', 'first'],
    [`{ accounts(first: 101) ${nodes} }`, 'INVALID_PAGE', 'first'],
    [`{ accounts(last: -1) ${nodes} }`, 'INVALID_PAGE', 'last'],
    [`{ accounts(first: 1, last: 1) ${nodes} }`, 'INVALID_PAGE', 'last'],
    [`{ accounts(first: 1, before: "x") ${nodes} }`, 'INVALID_PAGE', 'before'],
    [`{ accounts(last: 1, after: "x") ${nodes} }`, 'INVALID_PAGE', 'after'],
    [`{ accounts(after: "") ${nodes} }`, 'INVALID_PAGE', 'after'],
    [`{ accounts(after: "bm90IGEgY3Vyc29y") ${nodes} }`, 'INVALID_PAGE', 'after'],
    [`{ accounts(filter: { text: "ab" }) ${nodes} }`, 'BAD_USER_INPUT', 'text'],
    [`{ accounts(filter: { text: "😀😀" }) ${nodes} }`, 'BAD_USER_INPUT', 'text'],
    [`{ accounts(filter: { text: "${'a'.repeat(256)}" }) ${nodes} }`, 'BAD_USER_INPUT', 'text'],
    [`{ accounts(filter: { text: "\\u0000" }) ${nodes} }`, 'BAD_USER_INPUT', 'text'],
    [`{ accounts(organization: { sid: "OR1" }) ${nodes} }`, 'BAD_USER_INPUT', 'sid'],
    [`{ account(by: { sid: "AC123" }) { sid } }`, 'BAD_USER_INPUT', 'sid'],
    [`{ account(by: { sid: "${missingSid().toUpperCase()}" }) { sid } }`, 'BAD_USER_INPUT', 'sid'],
    [`{ account(by: { emailAddress: "nobody" }) { sid } }`, 'INVALID_EMAIL', 'emailAddress'],
    [`{ account(by: {}) { sid } }`, 'GRAPHQL_VALIDATION_FAILED', 'by'],
    [`{ viewer { descendants(maxDepth: 0) ${nodes} } }`, 'BAD_USER_INPUT', 'maxDepth'],
    [`{ authToken(sid: "'; DROP TABLE account; --") }`, 'BAD_USER_INPUT', 'sid'],
    [`{ organization(by: { domainName: "under_score" }) { sid } }`, 'INVALID_DOMAIN_NAME', 'domainName'],
    [`{ organizations(after: "x") { nodes { sid } } }`, 'INVALID_PAGE', 'after'],
    [
      `mutation { rotateAuthToken(input: { sid: "${missingSid()}", overlapSeconds: 86401 }) { authToken } }`,
      'BAD_USER_INPUT',
      'overlapSeconds',
    ],
    [
      `mutation { createPasswordResetToken(input: { sid: "${missingSid()}", expiresInSeconds: 1 }) { resetToken } }`,
      'BAD_USER_INPUT',
      'expiresInSeconds',
    ],
    [`mutation { resetPassword(input: { token: "nope", password: "long enough" }) { sid } }`, 'BAD_USER_INPUT', 'token'],
    [`mutation { setAccountStatus(input: { sid: "${missingSid()}", status: CLOSED }) { dryRun } }`, 'INVALID_STATUS', 'status'],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: BOSS }) { account { sid } } }`,
      'GRAPHQL_VALIDATION_FAILED',
      'role',
    ],
    [`mutation { createAccount(input: { emailAddress: "a@b.test" }) { account { sid } } }`, 'GRAPHQL_VALIDATION_FAILED', 'role'],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: DEVELOPER, status: ACTIVE }) { account { sid } } }`,
      'MISSING_PARAMETER',
      'password',
    ],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: DEVELOPER, parentSid: "AC" }) { account { sid } } }`,
      'BAD_USER_INPUT',
      'parentSid',
    ],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: DEVELOPER, friendlyName: "  " }) { account { sid } } }`,
      'BAD_USER_INPUT',
      'friendlyName',
    ],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: DEVELOPER, friendlyName: "a\\u0000b" }) { account { sid } } }`,
      'BAD_USER_INPUT',
      'friendlyName',
    ],
    [
      `mutation { createAccount(input: { emailAddress: "a@b.test", role: DEVELOPER, friendlyName: "${'x'.repeat(65)}" }) { account { sid } } }`,
      'FRIENDLY_NAME_TOO_LONG',
      'friendlyName',
    ],
    [`mutation { createOrganization(input: { domainName: "" }) { organization { sid } } }`, 'INVALID_DOMAIN_NAME', 'domainName'],
    [
      `mutation { createOrganization(input: { domainName: "${'a.'.repeat(128)}" }) { organization { sid } } }`,
      'INVALID_DOMAIN_NAME',
      'domainName',
    ],
    [`mutation { closeOrganization(input: { sid: "OR${'0'.repeat(32)}" }) { organization { sid } } }`, 'ORGANIZATION_NOT_FOUND', 'sid'],
  ])('%s', async (query, code, field) => {
    const digest = () =>
      gateway.database.query(
        `SELECT count(*), max(xmin::text::bigint) FROM account UNION ALL SELECT count(*), max(xmin::text::bigint) FROM organization`,
      );
    const before = await digest();
    const { status, errors } = await ask(query);
    expect(errors?.[0]?.extensions).toEqual({ code, field });
    expect(status).toBeLessThan(500);
    expect(await digest()).toEqual(before);
  });

  it('cursors that were tampered with', async () => {
    const order = { field: 'dateCreated', descending: false } as const;
    const sid = missingSid();
    for (const key of ['', 'now', '0000-01-01T00:00:00.000Z', '2024-02-30T00:00:00.000Z', '9999-99-99T99:99:99.999Z', "1' OR '1'='1"]) {
      expect(
        await errorOf('query($after: String) { accounts(after: $after) { nodes { sid } } }', { after: cursorOf({ key, sid }, order) }),
      ).toEqual({ code: 'INVALID_PAGE', field: 'after' });
    }
    const byName = cursorOf({ key: 'a', sid }, { field: 'friendlyName', descending: false });
    expect(await errorOf('query($after: String) { accounts(after: $after) { nodes { sid } } }', { after: byName })).toEqual({
      code: 'INVALID_PAGE',
      field: 'after',
    });
    for (const key of ['\0', '\ud800']) {
      const after = cursorOf({ key, sid }, { field: 'friendlyName', descending: false });
      const query = 'query($after: String) { accounts(after: $after, orderBy: { field: FRIENDLY_NAME }) { nodes { sid } } }';
      expect((await ask(query, { after })).status).toBe(200);
    }
  });

  it('half a character', async () => {
    const update = 'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { sid } } }';
    const { sid } = await make();
    expect(await errorOf(update, { input: { sid, friendlyName: '\ud800' } })).toEqual({ code: 'BAD_USER_INPUT', field: 'friendlyName' });
    expect(await errorOf(update, { input: { sid, password: 'password \udfff' } })).toEqual({
      code: 'PASSWORD_TOO_WEAK',
      field: 'password',
    });
  });

  it('a stale version', async () => {
    const { sid } = await make();
    const update = 'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { version friendlyName } } }';
    expect((await ask(update, { input: { sid, friendlyName: 'One', version: 1 } })).data!.updateAccount.account).toEqual({
      version: 2,
      friendlyName: 'One',
    });
    expect(await errorOf(update, { input: { sid, friendlyName: 'Two', version: 1 } })).toEqual({
      code: 'VERSION_CONFLICT',
      field: 'version',
    });
    expect(await errorOf('mutation($sid: ID!) { closeAccount(input: { sid: $sid, version: 1 }) { dryRun } }', { sid })).toEqual({
      code: 'VERSION_CONFLICT',
      field: 'version',
    });
  });

  it('null for what may be left out is the same as leaving it out', async () => {
    const { sid, friendlyName } = await make();
    const { data } = await ask(
      'mutation($input: UpdateAccountInput!) { updateAccount(input: $input) { account { friendlyName version } } }',
      {
        input: { sid, friendlyName: null, password: null, role: null, type: null, version: null },
      },
    );
    expect(data!.updateAccount.account).toEqual({ friendlyName, version: 1 });
  });
});

describe('a change of an account', () => {
  const fields = '{ account { sid version dateUpdated } }';
  const changes: [string, (top: Created) => Promise<[mutation: string, variables: Record<string, unknown>]>][] = [
    [
      'another name',
      async ({ sid }) => [`mutation($sid: ID!) { updateAccount(input: { sid: $sid, friendlyName: "Other" }) ${fields} }`, { sid }],
    ],
    [
      'another password',
      async ({ sid }) => [`mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) ${fields} }`, { sid }],
    ],
    ['another AuthToken', async ({ sid }) => [`mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) ${fields} }`, { sid }]],
    [
      'a suspension',
      async ({ sid }) => [`mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) ${fields} }`, { sid }],
    ],
    [
      'a migration',
      async ({ sid }) => {
        const created = await ask(
          `mutation { createOrganization(input: { domainName: "${sid.toLowerCase()}.test" }) { organization { sid } } }`,
        );
        const { sid: to } = created.data!.createOrganization.organization;
        return [
          `mutation($sid: ID!, $to: ID!) { migrateAccount(input: { sid: $sid, organization: { sid: $to } }) ${fields} }`,
          { sid, to },
        ];
      },
    ],
    ['a closing', async ({ sid }) => [`mutation($sid: ID!) { closeAccount(input: { sid: $sid }) ${fields} }`, { sid }]],
  ];
  const reachBelow = ['a suspension', 'a migration', 'a closing'];

  it.each(changes)('gives it the next version and a later date, and so all that it reaches: %s', async (what, changeOf) => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const stateOf = async (sid: string) =>
      (await ask(`query($sid: ID!) { account(by: { sid: $sid }) { sid version dateUpdated } }`, { sid })).data!.account;
    const before = { top: await stateOf(top.sid), child: await stateOf(child.sid) };
    const [mutation, variables] = await changeOf(top);
    const { data, errors } = await ask(mutation, variables);
    expect(errors).toBeUndefined();
    const { account } = Object.values(data!)[0] as any;
    expect(account).toEqual({ sid: top.sid, version: before.top.version + 1, dateUpdated: expect.any(String) });
    expect(Date.parse(account.dateUpdated)).toBeGreaterThan(Date.parse(before.top.dateUpdated));
    expect(await stateOf(top.sid)).toEqual(account);
    const below = await stateOf(child.sid);
    if (!reachBelow.includes(what)) expect(below).toEqual(before.child);
    else {
      expect(below.version).toBe(before.child.version + 1);
      expect(below.dateUpdated).toBe(account.dateUpdated);
    }
  });
});

describe('an organization', () => {
  const close = (sid: string) =>
    ask('mutation($sid: ID!) { closeOrganization(input: { sid: $sid }) { organization { status } } }', { sid });

  it.each(['active', 'suspended', 'uninitialized'] as const)(
    'is not closed while an account in it is %s, and once that is closed it is',
    async (status) => {
      const created = await ask(
        `mutation { createOrganization(input: { domainName: "${uniqueEmail().replace('@', '.')}" }) { organization { sid } } }`,
      );
      const { sid } = created.data!.createOrganization.organization;
      const account = await make({ organization: sid, status });
      const refused = await close(sid);
      expect(refused.errors?.[0]?.extensions.code).toBe('ORGANIZATION_NOT_EMPTY');
      await ask('mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid: account.sid });
      expect((await close(sid)).data).toEqual({ closeOrganization: { organization: { status: 'CLOSED' } } });
    },
  );
});

describe('the profile in effect', () => {
  it('tells what is linked to it: the account itself, one above it as far as the viewer sees, its organization, or nothing', async () => {
    const top = await make();
    const middle = await make({ parent: top.sid });
    const low = await make({ parent: middle.sid });
    const query = 'query($sid: ID!) { account(by: { sid: $sid }) { profileSource profile { sid } } }';
    const seen = async (login: typeof admin) => (await ask(query, { sid: low.sid }, login)).data!.account;
    expect(await seen(admin)).toMatchObject({ profileSource: null });

    const { data } = await ask(`mutation {
      createOrganization(input: { domainName: "${uniqueEmail().replace('@', '.')}" }) { organization { sid } } }`);
    const { sid } = data!.createOrganization.organization;
    const move = 'mutation($a: ID!, $o: ID!) { migrateAccount(input: { sid: $a, organization: { sid: $o } }) { reachedCount } }';
    await ask(move, { a: top.sid, o: sid });
    const linkTo = async (target: object) => {
      const made = await ask('mutation { createProfile(input: { document: {} }) { profile { sid } } }');
      const { profile } = made.data!.createProfile;
      const link = 'mutation($p: ID!, $t: ProfileTarget!) { linkProfile(input: { sid: $p, target: $t }) { profile { sid } } }';
      await ask(link, { p: profile.sid, t: target });
      return profile;
    };
    const ofOrganization = await linkTo({ organizationSid: sid });
    for (const login of [admin, top.login, low.login]) expect(await seen(login)).toEqual({ profileSource: sid, profile: ofOrganization });
    const ofMiddle = await linkTo({ accountSid: middle.sid });
    for (const login of [admin, top.login, middle.login])
      expect(await seen(login)).toEqual({ profileSource: middle.sid, profile: ofMiddle });
    expect(await seen(low.login)).toEqual({ profileSource: 'above', profile: ofMiddle });
    const own = await linkTo({ accountSid: low.sid });
    expect(await seen(low.login)).toEqual({ profileSource: low.sid, profile: own });
  });
});

describe('a closed organization', () => {
  it('takes no profile, no account and no tree any more, and has lost its own link', async () => {
    const { data } = await ask(`mutation {
      createOrganization(input: { domainName: "${uniqueEmail().replace('@', '.')}" }) { organization { sid } }
      createProfile(input: { document: {} }) { profile { sid } }
    }`);
    const [{ sid }, profile] = [data!.createOrganization.organization, data!.createProfile.profile];
    const link = 'mutation($p: ID!, $o: ID!) { linkProfile(input: { sid: $p, target: { organizationSid: $o } }) { profile { sid } } }';
    const linked = () => gateway.database.query('SELECT 1 FROM organization_profile WHERE organization_sid = $1', [sid]);
    expect(await errorOf(link, { p: profile.sid, o: sid })).toBeUndefined();
    expect(await linked()).toHaveLength(1);
    expect(
      await errorOf('mutation($sid: ID!) { closeOrganization(input: { sid: $sid }) { organization { sid } } }', { sid }),
    ).toBeUndefined();
    expect(await linked()).toEqual([]);
    expect(await errorOf(link, { p: profile.sid, o: sid })).toMatchObject({ code: 'ORGANIZATION_NOT_FOUND' });
    const create = `mutation($o: ID!) { createAccount(input: { emailAddress: "${uniqueEmail()}", role: DEVELOPER, organization: { sid: $o } }) { account { sid } } }`;
    expect(await errorOf(create, { o: sid })).toMatchObject({ code: 'ORGANIZATION_NOT_FOUND' });
    const migrate = 'mutation($a: ID!, $o: ID!) { migrateAccount(input: { sid: $a, organization: { sid: $o } }) { account { sid } } }';
    expect(await errorOf(migrate, { a: (await make()).sid, o: sid })).toMatchObject({ code: 'ORGANIZATION_REQUIRED' });
    expect(await linked()).toEqual([]);
  });
});

describe('two pages of one list in one query', () => {
  it('are two: each alias has what its own arguments ask for', async () => {
    const top = await make();
    const children: string[] = [];
    for (const role of [Role.ADMINISTRATOR, Role.DEVELOPER, Role.PROVISIONING_AGENT]) {
      children.push((await make({ parent: top.sid, role })).sid);
    }
    const query = `query($sid: ID!) { account(by: { sid: $sid }) {
      first: subAccounts(first: 1) { nodes { sid } totalCount }
      last: subAccounts(last: 1) { nodes { sid } }
      two: subAccounts(first: 2) { nodes { sid } }
      newest: subAccounts(first: 1, orderBy: { field: DATE_CREATED, direction: DESC }) { nodes { sid } }
      developers: subAccounts(first: 1, filter: { role: DEVELOPER }) { nodes { sid } totalCount }
      below: descendants(first: 100) { totalCount }
      created: history(first: 1) { nodes { operation } }
      none: history(last: 1, includeDescendants: true) { nodes { subjectSid } totalCount }
    } }`;
    const nodes = (...sids: string[]) => ({ nodes: sids.map((sid) => ({ sid })) });
    const expected = {
      first: { ...nodes(children[0]!), totalCount: 3 },
      last: nodes(children[2]!),
      two: nodes(children[0]!, children[1]!),
      newest: nodes(children[2]!),
      developers: { ...nodes(children[1]!), totalCount: 1 },
      below: { totalCount: 3 },
      created: { nodes: [{ operation: 'CREATE_ACCOUNT' }] },
      none: { nodes: [{ subjectSid: children[2]! }], totalCount: 4 },
    };
    for (const spelled of [query, byExecutor(query)]) expect((await ask(spelled, { sid: top.sid })).data!.account).toEqual(expected);
  });
});

describe('a dry run', () => {
  it('says what closing, suspending and migrating would reach, and changes nothing', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    await make({ parent: child.sid, status: 'uninitialized' });
    await make({ parent: child.sid, status: 'closed' });
    const { organization } = (await ask('mutation { createOrganization(input: { domainName: "dry-run.test" }) { organization { sid } } }'))
      .data!.createOrganization;
    const fields = '{ dryRun reachedCount reached { status count } account { status version organizationSid } }';
    const mutations: [string, object, number][] = [
      [`mutation($input: CloseAccountInput!) { done: closeAccount(input: $input) ${fields} }`, {}, 3],
      [`mutation($input: SetAccountStatusInput!) { done: setAccountStatus(input: $input) ${fields} }`, { status: 'SUSPENDED' }, 2],
      [
        `mutation($input: MigrateAccountInput!) { done: migrateAccount(input: $input) ${fields} }`,
        { organization: { sid: organization.sid } },
        4,
      ],
    ];
    for (const [mutation, more, reachedCount] of mutations) {
      const { data } = await ask(mutation, { input: { sid: top.sid, dryRun: true, ...more } });
      expect(data!.done).toMatchObject({
        dryRun: true,
        reachedCount,
        account: { status: 'ACTIVE', version: 1, organizationSid: top.organizationSid },
      });
    }
    const { data } = await ask(mutations[0]![0], { input: { sid: top.sid } });
    expect(data!.done).toMatchObject({
      dryRun: false,
      reachedCount: 3,
      reached: [
        { status: 'ACTIVE', count: 2 },
        { status: 'UNINITIALIZED', count: 1 },
      ],
      account: { status: 'CLOSED', version: 2 },
    });
  });
});

describe('several mutations in one document', () => {
  it('run one after the other, and each answers what it left behind', async () => {
    const top = await make();
    const child = await make({ parent: top.sid });
    const { data } = await ask(
      `mutation($top: ID!, $child: ID!) {
        first: updateAccount(input: { sid: $child, friendlyName: "one" }) { account { parent { status friendlyName } } }
        second: updateAccount(input: { sid: $top, friendlyName: "two" }) { account { friendlyName } }
        third: closeAccount(input: { sid: $child }) { account { status parent { friendlyName } } }
      }`,
      { top: top.sid, child: child.sid },
    );
    expect(data).toEqual({
      first: { account: { parent: { status: 'ACTIVE', friendlyName: top.friendlyName } } },
      second: { account: { friendlyName: 'two' } },
      third: { account: { status: 'CLOSED', parent: { friendlyName: 'two' } } },
    });
  });
});

describe('a caller who loses its powers', () => {
  it('does not go on with the mutations that its document has left, though they wait already', async () => {
    const top = await make();
    const [first, second] = [await make({ parent: top.sid }), await make({ parent: top.sid })];
    const { query } = gateway.database;
    const document = `mutation { a: updateAccount(input: { sid: "${first.sid}", friendlyName: "a" }) { account { sid } }
      b: updateAccount(input: { sid: "${second.sid}", friendlyName: "b" }) { account { sid } } }`;
    await query('BEGIN');
    await query('SELECT 1 FROM account WHERE sid = $1 FOR UPDATE', [second.sid]);
    const answer = ask(document, {}, top.login);
    await untilWaitingForLocks(gateway.database);
    await query(`UPDATE account SET status = 'suspended', version = version + 1 WHERE sid = $1`, [top.sid]);
    await query('COMMIT');
    const { data, errors } = await answer;
    expect(data).toBeNull();
    expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'ACCOUNT_NOT_ACTIVE' } }]);
    const names = await query('SELECT friendly_name FROM account WHERE sid = ANY($1) ORDER BY friendly_name', [[first.sid, second.sid]]);
    expect(names).toEqual([{ friendly_name: 'a' }, { friendly_name: second.friendlyName }]);
  });

  it('that gives itself another password or AuthToken goes on with that, and only in the same request', async () => {
    const { sid, login } = await make();
    const { value: token } = (await graphqlSurface(gateway.url).authToken(admin, sid)) as { value: string };
    const rename = 'updateAccount(input: { sid: $sid, friendlyName: "Renamed" }) { account { friendlyName } }';
    const changes = [
      [token, 'rotateAuthToken(input: { sid: $sid }) { authToken }'],
      [login.secret, 'updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } }'],
    ] as const;
    for (const [secret, change] of changes) {
      const document = `mutation($sid: ID!) { change: ${change} ${rename} }`;
      const { data, errors } = await ask(document, { sid }, { login: sid, secret });
      expect(errors).toBeUndefined();
      expect(data!.updateAccount.account.friendlyName).toBe('Renamed');
      expect((await ask('{ viewer { sid } }', {}, { login: sid, secret })).errors).toMatchObject([
        { extensions: { code: 'UNAUTHENTICATED' } },
      ]);
    }
  });
});

describe('variables that do not fit', () => {
  const post = async (query: string, variables: unknown): Promise<object> => {
    const answer = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: typeof variables === 'string' ? variables : JSON.stringify({ query, variables }),
    });
    return (await answer.json()) as object;
  };

  it.each<[what: string, query: string, variablesOf: (mistakes: number) => object]>([
    [
      'fields that an input does not have',
      'query($d: AccountBy!) { account(by: $d) { sid } }',
      (mistakes) => ({ d: Object.fromEntries(Array.from({ length: mistakes }, (_, number) => [`k${number}`, 1])) }),
    ],
    [
      'nulls where none may be',
      'query($ids: [ID!]!) { nodes(ids: $ids) { id } }',
      (mistakes) => ({ ids: Array.from({ length: mistakes }, () => null) }),
    ],
  ])('are refused by their first mistakes, in time that grows no faster than their number: %s', async (what, query, variablesOf) => {
    const [short, long] = [5_000, 20_000].map(variablesOf);
    expect(await post(query, long)).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    await expectLinearTime({ what, short: () => post(query, short), long: () => post(query, long) }, 10);
  });

  it.each([
    [{ role: 'HUNTER2' }, 'input.role must be one of ADMINISTRATOR, DEVELOPER, PROVISIONING_AGENT.', 'role'],
    [{ role: 5 }, 'input.role must be one of ADMINISTRATOR, DEVELOPER, PROVISIONING_AGENT.', 'role'],
    [{ type: { HUNTER2: 1 } }, 'input.type must be one of FULL, TRIAL.', 'type'],
    [{ status: 'HUNTER2" at "input.password"; x' }, 'input.status must be one of UNINITIALIZED, ACTIVE, SUSPENDED, CLOSED.', 'status'],
    [{ password: ['HUNTER2'] }, 'input.password must be of the type String.', 'password'],
    [{ organization: { sid: ['HUNTER2'] } }, 'input.organization.sid must be of the type ID.', 'sid'],
  ])('are told what was expected, without what came: %j', async (wrong, message, field) => {
    const create = 'mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }';
    const { errors } = await ask(create, { input: { emailAddress: 'a@b.test', role: 'DEVELOPER', ...wrong } });
    expect(errors).toMatchObject([{ message, extensions: { code: 'BAD_USER_INPUT', field } }]);
    expect(JSON.stringify(errors)).not.toContain('HUNTER2');
  });

  it('are told how a date is written', async () => {
    const replay = 'mutation($date: DateTime) { replayWebhook(input: { sid: "WH", from: { date: $date } }) { webhook { sid } } }';
    const { errors } = await ask(replay, { date: 'HUNTER2' });
    expect(errors).toMatchObject([{ message: 'date must be an instant with its offset from UTC, such as 2026-03-01T10:17:35Z.' }]);
  });

  it.each([
    ['role: HUNTER2', 'role', 'ADMINISTRATOR, DEVELOPER, PROVISIONING_AGENT'],
    ['role: "HUNTER2"', 'role', 'ADMINISTRATOR, DEVELOPER, PROVISIONING_AGENT'],
    ['role: DEVELOPER, type: [HUNTER2]', 'type', 'FULL, TRIAL'],
    ['role: DEVELOPER, status: 5', 'status', 'UNINITIALIZED, ACTIVE, SUSPENDED, CLOSED'],
  ])('are told what was expected, without what came, as literals too: %s', async (literal, field, expected) => {
    const { errors } = await ask(`mutation { createAccount(input: { emailAddress: "a@b.test", ${literal} }) { account { sid } } }`);
    expect(errors).toMatchObject([
      { message: `${field} must be one of ${expected}.`, extensions: { code: 'GRAPHQL_VALIDATION_FAILED', field } },
    ]);
  });

  it('are refused unread when they are nested without end', async () => {
    const body = `{"query":"{ __typename }","variables":${'['.repeat(900_000)}${']'.repeat(900_000)}}`;
    expect(await post('', body)).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT' }, message: expect.stringContaining('256 levels') }],
    });
  });
});

describe('over HTTP', () => {
  const post = (body: string | Buffer<ArrayBuffer>, headers: Record<string, string> = {}) =>
    fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      body,
      headers: { authorization: basic(admin), 'content-type': 'application/json', ...headers },
    });

  it('refuses what is not GraphQL by the catalogue, and keeps the details to itself', async () => {
    const cases: [Promise<Response>, number, string][] = [
      [post('{ not json'), 400, 'BAD_USER_INPUT'],
      [post(Buffer.from([0x22, 0xff, 0x22])), 400, 'BAD_USER_INPUT'],
      [post('[{"query":"{ viewer { sid } }"}]'), 400, 'BAD_USER_INPUT'],
      [post('{}'), 400, 'BAD_USER_INPUT'],
      [post('query=x', { 'content-type': 'application/x-www-form-urlencoded' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [post('{"query":"{ viewer { sid } }"}', { 'content-type': 'text/plain' }), 415, 'UNSUPPORTED_MEDIA_TYPE'],
      [post(JSON.stringify({ query: `# ${'x'.repeat(300_000)}` })), 413, 'PAYLOAD_TOO_LARGE'],
      [post(JSON.stringify({ query: '{ viewer { sid } }', variables: { a: 'x'.repeat(2_097_152) } })), 413, 'PAYLOAD_TOO_LARGE'],
      [fetch(`${gateway.url}/graphql?query={viewer{sid}}`, { headers: { authorization: basic(admin) } }), 400, 'BAD_USER_INPUT'],
    ];
    for (const [request, status, code] of cases) {
      const response = await request;
      const { errors } = (await response.json()) as { errors: { extensions: object; message: string }[] };
      expect(response.status).toBe(status);
      expect(errors).toEqual([{ message: expect.any(String), extensions: { code } }]);
    }
  });

  it('answers queries by GET, but no mutations, and only with a header that a link or form cannot send', async () => {
    const get = (query: string) =>
      fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { authorization: basic(admin), 'apollo-require-preflight': 'yes' },
      });
    expect(await (await get('{ viewer { emailAddress } }')).json()).toEqual({ data: { viewer: { emailAddress: admin.login } } });
    expect((await get('mutation { createOrganization(input: { domainName: "get.test" }) { organization { sid } } }')).status).toBe(405);
  });

  it('challenges whoever is not signed in, but for scripts in a browser', async () => {
    const answer = await postGraphql(gateway.url, undefined, '{ viewer { sid } }');
    expect([answer.status, answer.headers.get('www-authenticate')]).toEqual([401, 'Basic realm="Restcomm realm"']);
    const script = await post('{"query":"{ viewer { sid } }"}', { authorization: 'Basic !', 'sec-fetch-dest': 'empty' });
    expect([script.status, script.headers.get('www-authenticate')]).toEqual([401, null]);
  });

  it('lets anyone learn the schema, and nothing else, without signing in', async () => {
    const answer = await postGraphql(gateway.url, undefined, '{ __schema { queryType { name } } }');
    expect(answer).toMatchObject({ status: 200, data: { __schema: { queryType: { name: 'Query' } } } });
  });

  it('refuses a document that spreads out without end, and tells no more than five mistakes', async () => {
    const doubling = Array.from(
      { length: 16 },
      (_, index) => `fragment F${index} on Query { ${index === 15 ? '__typename' : `...F${index + 1} ...F${index + 1}`} }`,
    );
    const spread = await postGraphql(gateway.url, undefined, `{ ...F0 } ${doubling.join(' ')}`);
    expect(spread).toMatchObject({ status: 400, errors: [{ extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }] });
    const wrong = await postGraphql(
      gateway.url,
      undefined,
      `{ ${Array.from({ length: 500 }, (_, index) => `${'x'.repeat(100)}${index}`).join(' ')} }`,
    );
    expect(wrong.status).toBe(400);
    expect(wrong.errors).toHaveLength(5);
    for (const { message } of wrong.errors!) expect(message.length).toBeLessThanOrEqual(300);
  });

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])('takes %s as an alias like any other', async (alias) => {
    const { data, errors } = await ask(
      `{ ${alias}: accounts(first: 1) { ${alias}: edges { ${alias}: node { ${alias}: friendlyName } } } }`,
    );
    expect(errors).toBeUndefined();
    expect(JSON.stringify(data)).toMatch(/^\{"(\w+)":\{"\1":\[\{"\1":\{"\1":".+"\}\}\]\}\}$/);
  });

  it('says by the catalogue what is out of its reach', async () => {
    const page = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      body: '{"query":"{ viewer { sid } }"}',
      headers: { 'content-type': 'application/json', accept: 'text/html' },
    });
    expect([page.status, await page.json()]).toEqual([
      406,
      { errors: [{ message: expect.any(String), extensions: { code: 'NOT_ACCEPTABLE' } }] },
    ]);
    const nowhere = await fetch(`${gateway.url}/nowhere`);
    expect([nowhere.status, await nowhere.json()]).toEqual([
      404,
      { code: 20404, error: 'NOT_FOUND', message: expect.any(String), status: 404, more_info: '/docs/errors#NOT_FOUND' },
    ]);
    const malformed = await fetch(`${gateway.url}/%ff`);
    expect([malformed.status, await malformed.json()]).toEqual([
      400,
      {
        code: 70016,
        error: 'BAD_USER_INPUT',
        message: 'The request is malformed.',
        status: 400,
        more_info: '/docs/errors#BAD_USER_INPUT',
      },
    ]);
  });

  it('takes a request id that a caller gives, if it is a harmless one', async () => {
    const idOf = async (id: string) =>
      (await fetch(`${gateway.url}/health/live`, { headers: { 'x-request-id': id } })).headers.get('x-request-id');
    expect(await idOf('portal-17')).toBe('portal-17');
    expect(await idOf('a b"c')).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('never repeats in an error what may be a secret', async () => {
    const secret = 'hunter2-hunter2';
    const create = 'mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }';
    const attempts: [string, Record<string, unknown>][] = [
      [create, { input: { emailAddress: uniqueEmail(), password: secret } }],
      [create, { input: { emailAddress: uniqueEmail(), password: [secret], role: 'DEVELOPER' } }],
      [create, { input: secret }],
      [create, { input: { emailAddress: uniqueEmail(), password: secret, role: 'DEVELOPER', nonsense: secret } }],
      [`mutation { createAccount(input: { emailAddress: "x@y.test", role: DEVELOPER, password: ["${secret}"] }) { account { sid } } }`, {}],
      [`mutation { createAccount(input: { emailAddress: "x@y.test", role: "${secret}" }) { account { sid } } }`, {}],
      [`mutation { createAccount(input: { emailAddress: "x@y.test", role: DEVELOPER, password: "${secret}" "${secret}" }) }`, {}],
      [`mutation { resetPassword(input: { token: "${secret}", password: "${secret}" }) { sid } }`, {}],
      ['query($n: Int!) { accounts(first: $n) { nodes { sid } } }', { n: secret }],
    ];
    for (const [query, variables] of attempts) {
      const { errors } = await ask(query, variables);
      expect(errors).not.toBeUndefined();
      expect(JSON.stringify(errors)).not.toContain('hunter2');
    }
    expect(gateway.log.join('\n')).not.toContain('hunter2');
    expect(gateway.log.join('\n')).not.toContain(password);
  });
});
