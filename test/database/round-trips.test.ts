import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type CountedWay, countRoundTrips } from '../support/round-trips.js';
import { eventually } from '../support/patience.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let database: TestDatabase;
let way: CountedWay;
let gateway: TestGateway;
let customer: Created;
let organizationSid: string;

beforeAll(async () => {
  database = await cloneDatabase();
  way = await countRoundTrips(database.url);
  // One connection for changes and one for look-ups; each is known before anything is counted.
  gateway = await startTestGateway({ database: { ...database, url: way.url } });
  customer = await create(graphqlSurface(gateway.url));
  const made = await change('createOrganization', { domainName: 'another.test' }, 'organization { sid }', admin);
  organizationSid = made.createOrganization.organization.sid;
  for (let warm = 0; warm < 30; warm++) await Promise.all([ask('{ viewer { sid } }'), rename('Warm'), ask('{ accounts { totalCount } }')]);
});
afterAll(async () => {
  await gateway.stop();
  await way.close();
  await database.drop();
});

const ask = async (
  query: string,
  variables: Record<string, unknown> = {},
  login: Login | null = customer.login,
): Promise<Record<string, any>> => {
  const { data, errors } = await postGraphql(gateway.url, login ?? undefined, query, variables);
  expect(errors).toBeUndefined();
  return data!;
};
/** Makes a change, whose input has the type and the fields. */
const change = (name: string, input: Record<string, unknown>, fields = 'account { version }', login: Login | null = customer.login) =>
  ask(`mutation($input: ${name[0]!.toUpperCase()}${name.slice(1)}Input!) { ${name}(input: $input) { ${fields} } }`, { input }, login);
const rename = (friendlyName: string) => change('updateAccount', { sid: customer.sid, friendlyName });
const createOne = (more: Record<string, unknown> = {}, login = customer.login) =>
  change('createAccount', { emailAddress: uniqueEmail(), role: 'DEVELOPER', ...more }, 'account { sid }', login);
const below = (parent: Created) => create(graphqlSurface(gateway.url), { parent: parent.sid });

// Signing in is one of them; the change itself takes two.
describe('the round trips to PostgreSQL that a change takes:', () => {
  it('creating an account, three', async () => {
    expect(await way.during(() => createOne())).toBe(3);
  });

  it('creating an account on a new connection, three', async () => {
    await database.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
    // Once the gateway has noticed that its connections are gone.
    await eventually(async () => expect(await way.during(() => createOne())).toBe(3));
  });

  it('creating an account with an idempotency key, three', async () => {
    expect(await way.during(() => createOne({ idempotencyKey: uniqueEmail() }))).toBe(3);
  });

  it('creating an account in a named organization, three', async () => {
    expect(await way.during(() => createOne({ organization: { sid: organizationSid } }, admin))).toBe(3);
    expect(await way.during(() => createOne({ organization: { sid: customer.organizationSid } }))).toBe(3);
  });

  it('renaming an account, three', async () => {
    expect(await way.during(() => rename('Another name'))).toBe(3);
  });

  it('giving an account another e-mail address, three', async () => {
    const { sid } = await below(customer);
    expect(await way.during(() => change('updateAccount', { sid, emailAddress: uniqueEmail() }))).toBe(3);
  });

  it('suspending, activating and closing an account with others below it, three', async () => {
    const parent = await below(customer);
    await below(parent);
    const { sid } = parent;
    expect(await way.during(() => change('setAccountStatus', { sid, status: 'SUSPENDED' }))).toBe(3);
    expect(await way.during(() => change('setAccountStatus', { sid, status: 'ACTIVE' }))).toBe(3);
    expect(await way.during(() => change('closeAccount', { sid }))).toBe(3);
  });

  it('moving a tree to another organization, three', async () => {
    const { sid } = await create(graphqlSurface(gateway.url));
    const input = { sid, organization: { sid: organizationSid } };
    expect(await way.during(() => change('migrateAccount', input, undefined, admin))).toBe(3);
  });

  it('rotating an AuthToken, three', async () => {
    const { sid } = await below(customer);
    expect(await way.during(() => change('rotateAuthToken', { sid }))).toBe(3);
    expect(await way.during(() => change('rotateAuthToken', { sid, overlapSeconds: 60 }))).toBe(3);
  });

  it('making a token that resets a password, three', async () => {
    const { sid } = await below(customer);
    expect(await way.during(() => change('createPasswordResetToken', { sid }))).toBe(3);
  });
});

describe('a password is hashed between a look-up and the change; so, in round trips,', () => {
  it('changing a password takes four', async () => {
    const { sid } = await below(customer);
    expect(await way.during(() => change('updateAccount', { sid, password: 'another decent one' }))).toBe(4);
    const repeatable = { sid, password: 'yet another decent one', idempotencyKey: uniqueEmail() };
    expect(await way.during(() => change('updateAccount', repeatable))).toBe(4);
  });

  it('creating an account with a password takes four', async () => {
    expect(await way.during(() => createOne({ password: 'another decent one' }))).toBe(4);
  });

  it('resetting a password takes three, since nobody signs in', async () => {
    const { sid } = await below(customer);
    const { createPasswordResetToken } = await change('createPasswordResetToken', { sid }, 'resetToken');
    const input = { token: createPasswordResetToken.resetToken, password: 'another decent one' };
    expect(await way.during(() => change('resetPassword', input, 'status', null))).toBe(3);
  });
});
