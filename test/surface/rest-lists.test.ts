import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { parseXml, sendRest } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import { callsIn, statementsOf } from '../support/statements.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
/** The same accounts, where lists go without AuthTokens. */
let discreet: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
  discreet = await startTestGateway({ database: gateway.database, environment: { AUTH_TOKENS_IN_LISTS: 'false' } });
});
afterAll(async () => {
  await discreet.stop();
  await gateway.stop();
});

const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(restJsonSurface(gateway.url), account);
const ask = async (path: string, login: Login, at = gateway) => {
  const { status, text } = await sendRest(at.url, login, { path });
  return { status, body: JSON.parse(text) };
};
const tokensIn = (accounts: { auth_token?: string }[]) => accounts.map(({ auth_token }) => auth_token);

describe('the AuthTokens of a list', () => {
  let parent: Created;
  let children: Created[];
  let tokens: string[];
  beforeAll(async () => {
    parent = await make();
    children = [await make({ parent: parent.sid }), await make({ parent: parent.sid })];
    tokens = [];
    for (const { sid, login } of children) tokens.push((await ask(`/Accounts/${sid}.json`, login)).body.auth_token);
    await make({ parent: parent.sid, status: 'closed' });
  });

  /** Who was shown lists, as the history of the account or organization has it. */
  const listed = (sid: string) =>
    gateway.database.query<{ actor_sid: string; tree_sid: string }>(
      `SELECT actor_sid, tree_sid FROM history WHERE operation = 'listAuthTokens' AND subject_sid = $1 ORDER BY date`,
      [sid],
    );

  it('are in it whole, by pages and filtered, in JSON and XML, of accounts that have one', async () => {
    expect(tokensIn((await ask('/Accounts.json', parent.login)).body)).toEqual([...tokens, undefined]);
    expect(tokensIn((await ask('/Accounts.json?PageSize=1', parent.login)).body.accounts)).toEqual([tokens[0]]);
    expect(tokensIn((await ask(`/Accounts.json?EmailAddress=${children[1]!.emailAddress}`, parent.login)).body)).toEqual([tokens[1]]);
    const { text } = await sendRest(gateway.url, parent.login, { path: '/Accounts' });
    expect(parseXml(text).RestcommResponse.Accounts.Account.map(({ AuthToken }: { AuthToken?: string }) => AuthToken)).toEqual([
      ...tokens,
      undefined,
    ]);
  });

  it('are left out where the operator says so, and nothing is written down', async () => {
    const other = await make();
    await make({ parent: other.sid });
    expect(tokensIn((await ask('/Accounts.json', other.login, discreet)).body)).toEqual([undefined]);
    expect(await listed(other.sid)).toEqual([]);
  });

  it('are in the history once an hour for each reader and list, whoever asks at once', async () => {
    const other = await make();
    await make({ parent: other.sid });
    const { organizationSid } = other;
    await Promise.all(Array.from({ length: 10 }, () => ask('/Accounts.json', other.login)));
    expect(await listed(other.sid)).toEqual([{ actor_sid: other.sid, tree_sid: other.sid }]);
    await ask(`/Accounts.json?OrganizationSid=${organizationSid}&PageSize=1`, admin);
    await ask('/Accounts.json?DomainName=provider.test&PageSize=1', admin);
    const [root] = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE parent_sid IS NULL');
    expect(await listed(organizationSid)).toEqual([{ actor_sid: root!.sid, tree_sid: root!.sid }]);

    await gateway.database.query(
      `UPDATE history SET date = date - interval '1 hour' WHERE operation = 'listAuthTokens' AND subject_sid = $1`,
      [other.sid],
    );
    await ask('/Accounts.json', other.login);
    expect(await listed(other.sid)).toHaveLength(2);
  });

  it('are told of in the history of the account whose children they are', async () => {
    const other = await make();
    await ask('/Accounts.json', other.login);
    const query = '{ viewer { history(first: 10) { nodes { operation actorSid before after } } } }';
    const { data } = await postGraphql(gateway.url, other.login, query);
    expect(data!.viewer.history.nodes.at(-1)).toEqual({ operation: 'LIST_AUTH_TOKENS', actorSid: other.sid, before: null, after: null });
  });

  it('are left out where it cannot be written down', async () => {
    const other = await make();
    await make({ parent: other.sid });
    const { query } = gateway.database;
    await query(`CREATE FUNCTION refuse_history() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'refused'; END $$`);
    await query(`CREATE TRIGGER refuse BEFORE INSERT ON history FOR EACH ROW EXECUTE FUNCTION refuse_history()`);
    const { status, body } = await ask('/Accounts.json', other.login);
    await query(`DROP TRIGGER refuse ON history`);
    expect([status, tokensIn(body)]).toEqual([200, [undefined]]);
    expect(tokensIn((await ask('/Accounts.json', other.login)).body)).toHaveLength(1);
  });

  it('cost no statement for each account', async () => {
    const few = await statementsOf(gateway.database, () => ask('/Accounts.json?PageSize=1', parent.login));
    const more = await statementsOf(gateway.database, () => ask('/Accounts.json?PageSize=100', parent.login));
    expect(callsIn(more)).toBe(callsIn(few));
  });
});

describe('a list of accounts', () => {
  it('is narrowed by status, name and address, exactly and in any case; a parameter without a value narrows nothing', async () => {
    const parent = await make();
    const [one, two] = [
      await make({ parent: parent.sid, friendlyName: 'Café Nord' }),
      await make({ parent: parent.sid, friendlyName: 'Café Nordwest', status: 'suspended' }),
    ];
    const sids = async (query: string) => (await ask(`/Accounts.json?${query}`, parent.login)).body.map(({ sid }: Created) => sid);
    expect(await sids('Status=SUSPENDED')).toEqual([two.sid]);
    expect(await sids(`FriendlyName=${encodeURIComponent('CAFE\u0301 nord')}`)).toEqual([one.sid]);
    expect(await sids(`EmailAddress=${two.emailAddress.toUpperCase()}`)).toEqual([two.sid]);
    expect(await sids(`EmailAddress=${two.emailAddress}&Status=active`)).toEqual([]);
    expect(await sids('FriendlyName=Caf%25')).toEqual([]);
    expect(await sids(`FriendlyName=${'x'.repeat(80)}`)).toEqual([]);
    expect(await sids('OrganizationSid=&DomainName=&Status=&FriendlyName=&EmailAddress=&Page=&PageSize=')).toEqual([one.sid, two.sid]);

    const { body } = await ask('/Accounts.json?Status=suspended&PageSize=1', parent.login);
    expect([body.total, body.uri]).toEqual([1, '/2012-04-24/Accounts.json?Status=suspended&Page=0&PageSize=1']);
    expect((await ask('/Accounts.json?Status=gone', parent.login)).body).toMatchObject({
      error: 'INVALID_STATUS',
      field: 'Status',
      message: 'Status must be one of uninitialized, active, suspended, closed.',
    });
    expect((await ask('/Accounts.json?FriendlyName=%00', parent.login)).body).toMatchObject({
      field: 'FriendlyName',
      message: expect.stringMatching(/^FriendlyName /),
    });
  });

  it('has pages of up to 1000', async () => {
    const { login } = await make();
    expect((await ask('/Accounts.json?PageSize=1000', login)).body.page_size).toBe(1000);
    for (const [size, came] of [
      ['0', ', not 0'],
      ['1001', ', not 1001'],
      // What is no number is not repeated: it may be a secret in the wrong place.
      ['ten', ''],
    ]) {
      const { message } = (await ask(`/Accounts.json?PageSize=${size}`, login)).body;
      expect(message).toBe(`PageSize must be a whole number from 1 to 1000${came}.`);
    }
  });
});

describe('a form field without a value', () => {
  it('is as if it were not there', async () => {
    const parent = await make();
    const form = {
      EmailAddress: uniqueEmail(),
      Password: 'a decent password',
      FriendlyName: '',
      Status: '',
      Role: '',
      OrganizationSid: '',
    };
    const created = JSON.parse((await sendRest(gateway.url, parent.login, { method: 'POST', path: '/Accounts.json', form })).text);
    expect(created).toMatchObject({ friendly_name: form.EmailAddress, status: 'active', role: 'Administrator' });
    const update = { FriendlyName: '', Password: '' };
    const path = `/Accounts/${created.sid}.json`;
    const updated = JSON.parse((await sendRest(gateway.url, parent.login, { method: 'PUT', path, form: update })).text);
    expect(updated).toMatchObject({ friendly_name: form.EmailAddress, auth_token: created.auth_token });
  });
});
