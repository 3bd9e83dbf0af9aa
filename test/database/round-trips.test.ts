import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type CountedWay, countRoundTrips } from '../support/round-trips.js';
import { type Created, create, uniqueEmail } from '../support/tree.js';

let database: TestDatabase;
let way: CountedWay;
let gateway: TestGateway;
let customer: Created;

beforeAll(async () => {
  database = await cloneDatabase();
  way = await countRoundTrips(database.url);
  // One connection for changes and one for look-ups; each is known before anything is counted.
  gateway = await startTestGateway({ database: { ...database, url: way.url } });
  customer = await create(graphqlSurface(gateway.url));
  for (let warm = 0; warm < 30; warm++) await Promise.all([ask('{ viewer { sid } }'), rename('Warm'), ask('{ accounts { totalCount } }')]);
});
afterAll(async () => {
  await gateway.stop();
  await way.close();
  await database.drop();
});

const ask = async (query: string, variables: Record<string, unknown> = {}): Promise<void> => {
  const { errors } = await postGraphql(gateway.url, customer.login, query, variables);
  expect(errors).toBeUndefined();
};
const rename = (friendlyName: string): Promise<void> =>
  ask('mutation($sid: ID!, $name: String!) { updateAccount(input: { sid: $sid, friendlyName: $name }) { account { version } } }', {
    sid: customer.sid,
    name: friendlyName,
  });
const createOne = (idempotencyKey?: string): Promise<void> =>
  ask(
    'mutation($email: EmailAddress!, $key: String) { createAccount(input: { emailAddress: $email, role: DEVELOPER, idempotencyKey: $key }) { account { sid } } }',
    { email: uniqueEmail(), key: idempotencyKey },
  );

// Signing in is one of them; the change itself takes two.
describe('the round trips to PostgreSQL that a change takes:', () => {
  it('creating an account, three', async () => {
    expect(await way.during(() => createOne())).toBe(3);
  });

  it('creating an account with an idempotency key, three', async () => {
    expect(await way.during(() => createOne(uniqueEmail()))).toBe(3);
  });

  it('renaming an account, three', async () => {
    expect(await way.during(() => rename('Another name'))).toBe(3);
  });
});
