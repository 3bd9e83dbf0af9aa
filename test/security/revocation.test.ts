import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create, password } from '../support/tree.js';

/** Two instances on one database. */
let instances: TestGateway[];
beforeAll(async () => {
  const first = await startTestGateway();
  instances = [first, await startTestGateway({ database: first.database })];
});
afterAll(async () => {
  for (const instance of instances.toReversed()) await instance.stop();
});

const clientCount = 50;
/** Requests of each client that are answered before the change begins, and that begin after it was acknowledged. */
const [before, after] = [5, 8];

/** Each client goes on with one of these, on either instance in turn. */
const kinds = [
  { surface: 'GraphQL', secret: 'password' },
  { surface: 'GraphQL', secret: 'AuthToken' },
  { surface: 'REST', secret: 'password' },
  { surface: 'REST', secret: 'AuthToken' },
] as const;

interface Request {
  surface: string;
  secret: string;
  start: number;
  accepted: boolean;
}

/** The account that the clients sign in as, and the one above it. */
interface Stage {
  parent: Created;
  account: Created;
}

const change = async (at: TestGateway, query: string, variables: Record<string, unknown>): Promise<any> => {
  const { data, errors } = await postGraphql(at.url, admin, query, variables);
  expect(errors).toBeUndefined();
  return data;
};

/** What is acknowledged, which of the two secrets it ends, and how. */
const changes: [name: string, ends: string[], make: (at: TestGateway, stage: Stage) => Promise<unknown>][] = [
  [
    'a suspension of an account above',
    ['password', 'AuthToken'],
    (at, { parent: { sid } }) =>
      change(at, 'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { dryRun } }', { sid }),
  ],
  [
    'a closure of an account above',
    ['password', 'AuthToken'],
    (at, { parent: { sid } }) => change(at, 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { dryRun } }', { sid }),
  ],
  [
    'a change of password',
    ['password', 'AuthToken'],
    (at, { account: { sid } }) =>
      change(at, 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }', {
        sid,
      }),
  ],
  [
    'a rotation of the AuthToken',
    ['AuthToken'],
    (at, { account: { sid } }) => change(at, 'mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }', { sid }),
  ],
  [
    'a reset of the password',
    ['password', 'AuthToken'],
    async (at, { account: { sid } }) => {
      const { createPasswordResetToken } = await change(
        at,
        'mutation($sid: ID!) { createPasswordResetToken(input: { sid: $sid }) { resetToken } }',
        { sid },
      );
      await change(at, 'mutation($token: String!) { resetPassword(input: { token: $token, password: "another decent one" }) { sid } }', {
        token: createPasswordResetToken.resetToken,
      });
    },
  ],
  [
    'a demotion to a role that may not list accounts',
    ['password', 'AuthToken'],
    (at, { account: { sid } }) =>
      change(at, 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, role: DEVELOPER }) { account { sid } } }', { sid }),
  ],
];

describe('once it is acknowledged,', () => {
  it.each(changes)('%s holds for every request that starts later, on both instances', async (name, ends, make) => {
    const surface = graphqlSurface(instances[0]!.url);
    const parent = await create(surface);
    const account = await create(surface, { parent: parent.sid, role: Role.ADMINISTRATOR });
    const answer = await surface.authToken(admin, account.sid);
    const secrets = { password, AuthToken: (answer as { value: string }).value };

    const requests: Request[] = [];
    let acknowledged = Infinity;
    let warm = 0;
    let allWarm!: () => void;
    const warmedUp = new Promise<void>((resolve) => (allWarm = resolve));
    const client = async (number: number): Promise<void> => {
      const { surface: by, secret } = kinds[number % kinds.length]!;
      const login = { login: account.sid, secret: secrets[secret] };
      let startedLater = 0;
      for (let count = 1; startedLater < after; count++) {
        const { url } = instances[(number + count) % instances.length]!;
        const start = performance.now();
        if (start > acknowledged) startedLater += 1;
        requests.push({ surface: by, secret, start, accepted: await isAccepted(by, url, login) });
        if (count === before && (warm += 1) === clientCount) allWarm();
      }
    };
    const clients = Array.from({ length: clientCount }, (_, number) => client(number));
    await warmedUp;
    await make(instances[changes.findIndex(([other]) => other === name) % instances.length]!, { parent, account });
    acknowledged = performance.now();
    await Promise.all(clients);

    const outlived = requests.filter(({ start, accepted, secret }) => accepted && start > acknowledged && ends.includes(secret));
    expect(outlived).toEqual([]);
    // Nothing else was refused: neither before, nor what the change leaves alone.
    for (const { surface: by, secret } of kinds) {
      const ofKind = requests.filter((request) => request.surface === by && request.secret === secret);
      expect(ofKind.slice(0, 10).map(({ accepted }) => accepted)).not.toContain(false);
      if (!ends.includes(secret)) expect(ofKind.map(({ accepted }) => accepted)).not.toContain(false);
    }
    expect(requests.length).toBeGreaterThanOrEqual(clientCount * (before + after));
  });
});

/** Whether the account is shown the list of its sub-accounts, which the role of an administrator is needed for. */
async function isAccepted(by: string, url: string, login: Login): Promise<boolean> {
  if (by === 'REST') return (await sendRest(url, login, { path: '/Accounts.json' })).status === 200;
  const { status, data, errors } = await postGraphql(url, login, '{ accounts { nodes { sid } } }');
  return status === 200 && errors === undefined && Array.isArray(data?.accounts.nodes);
}
