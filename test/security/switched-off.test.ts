import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createSchema } from '../../src/api/graphql/schema.js';
import { newSid, type Sid } from '../../src/domain/sid.js';
import { switchRounds } from '../support/effort.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { plant } from '../support/plant.js';
import { type TestReceiver, startReceiver } from '../support/receiver.js';
import { type RestRequest, mount, sendRest } from '../support/rest-client.js';
import { create, password, uniqueEmail } from '../support/tree.js';

/*
 * Switched off means switched off (SPEC §2, "Concurrency"): every change that the schema and the router know is raced against
 * every way by which its caller loses its standing. Once that is acknowledged, nothing is committed any more that the caller
 * asked for before. SWITCH_ROUNDS=… runs more rounds of each.
 */

/** Requests of each change in a round. */
const width = 8;

let gateways: TestGateway[];
let receiver: TestReceiver;
beforeAll(async () => {
  receiver = await startReceiver();
  const environment = { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8', MAX_REQUESTS: '10000', ACCOUNT_COST_PER_MINUTE: '1000000000' };
  const first = await startTestGateway({ environment, deliversEvents: true });
  gateways = [first, await startTestGateway({ environment, database: first.database, deliversEvents: true })];
});
afterAll(async () => {
  for (const gateway of gateways.toReversed()) await gateway.stop();
  await receiver.stop();
});

let asked = 0;
let moves = 0;
const url = (): string => gateways[asked++ % gateways.length]!.url;

/** Whoever is switched off, and what it works on. */
interface Stage {
  login: Login;
  sid: Sid;
  /** Accounts below the caller: one that lives on, and those that are closed one by one. */
  child: Sid;
  doomed: Sid[];
  profile: Sid;
  organizations: Sid[];
  /** Webhooks of the child: one that stays, and those that are deleted one by one. */
  webhooks: Sid[];
  /** An account that is closed already. */
  closed: Sid;
}

/** Sends one change; tells whether it was made. */
type Send = (stage: Stage) => Promise<boolean>;

interface Kind {
  send: Send;
  /** Whether only the Super Admin may; and whether it is about the caller itself, which it may whatever its role. */
  isOfRoot?: boolean;
  isOfSelf?: boolean;
}

const mutation =
  (name: string, inputOf: (stage: Stage) => object, selection = 'account { sid }'): Send =>
  async (stage) => {
    const type = `${name[0]!.toUpperCase()}${name.slice(1)}Input`;
    const document = `mutation($input: ${type}!) { ${name}(input: $input) { ${selection} } }`;
    const { data, errors } = await postGraphql(url(), stage.login, document, { input: inputOf(stage) });
    expect(errors?.[0]?.extensions.code ?? 'OK').not.toMatch(/INTERNAL|UNAVAILABLE|OVERLOADED|BAD_USER_INPUT|GRAPHQL/);
    return Boolean(data?.[name]);
  };

const route =
  (requestOf: (stage: Stage) => RestRequest): Send =>
  async (stage) => {
    const { status, text } = await sendRest(url(), stage.login, requestOf(stage));
    expect(status, text).toBeLessThan(500);
    return status < 300;
  };

const name = (): string => `Name ${asked}`;
const json = { 'content-type': 'application/json' };
const linkTo = ({ child }: Stage) => ({ link: `<http://gateway${mount}/Accounts/${child}>; rel="related"` });

/**
 * Every mutation but `resetPassword`, whose caller does not sign in, `testWebhook`, which commits nothing, and `skipWebhookEvent`, for which an event has to
 * wait: it goes the way of `replayWebhook`.
 */
const mutations: Record<string, Kind> = {
  createAccount: {
    send: mutation('createAccount', ({ sid }) => ({ parentSid: sid, emailAddress: uniqueEmail(), password, role: 'DEVELOPER' })),
  },
  updateAccount: { send: mutation('updateAccount', ({ child }) => ({ sid: child, friendlyName: name() })) },
  'updateAccount, itself': { send: mutation('updateAccount', ({ sid }) => ({ sid, friendlyName: name() })), isOfSelf: true },
  'updateAccount, a password': { send: mutation('updateAccount', ({ child }) => ({ sid: child, password })) },
  setAccountStatus: {
    send: mutation('setAccountStatus', ({ child }) => ({ sid: child, status: asked % 2 === 0 ? 'SUSPENDED' : 'ACTIVE' })),
  },
  closeAccount: { send: mutation('closeAccount', ({ doomed }) => ({ sid: doomed.pop() })) },
  rotateAuthToken: { send: mutation('rotateAuthToken', ({ child }) => ({ sid: child, overlapSeconds: (asked % 2) * 60 })) },
  createPasswordResetToken: { send: mutation('createPasswordResetToken', ({ child }) => ({ sid: child })) },
  migrateAccount: {
    send: mutation('migrateAccount', ({ child, organizations }) => ({ sid: child, organization: { sid: organizations[moves++ % 2] } })),
    isOfRoot: true,
  },
  createWebhook: { send: mutation('createWebhook', ({ child }) => ({ accountSid: child, url: receiver.url }), 'webhook { sid }') },
  updateWebhook: {
    send: mutation('updateWebhook', ({ webhooks }) => ({ sid: webhooks[0], description: name() }), 'webhook { sid }'),
  },
  deleteWebhook: { send: mutation('deleteWebhook', ({ webhooks }) => ({ sid: webhooks.pop() }), 'sid') },
  rotateWebhookSecret: { send: mutation('rotateWebhookSecret', ({ webhooks }) => ({ sid: webhooks[0] }), 'secret') },
  replayWebhook: {
    send: mutation('replayWebhook', ({ webhooks }) => ({ sid: webhooks[0], from: { date: '2026-11-01T00:00:00Z' } }), 'webhook { sid }'),
  },
  retryResourceRemoval: { send: mutation('retryResourceRemoval', ({ closed }) => ({ sid: closed })) },
  createOrganization: {
    send: mutation('createOrganization', () => ({ domainName: uniqueEmail().replace('@', '.') }), 'organization { sid }'),
    isOfRoot: true,
  },
  closeOrganization: {
    send: mutation('closeOrganization', ({ organizations }) => ({ sid: organizations.at(-1) }), 'organization { sid }'),
    isOfRoot: true,
  },
  createProfile: { send: mutation('createProfile', () => ({ document: {} }), 'profile { sid }'), isOfRoot: true },
  updateProfile: {
    send: mutation('updateProfile', ({ profile }) => ({ sid: profile, document: { asked } }), 'profile { sid }'),
    isOfRoot: true,
  },
  deleteProfile: { send: async (stage) => mutation('deleteProfile', () => ({ sid: newProfiles.pop() }), 'sid')(stage), isOfRoot: true },
  linkProfile: {
    send: mutation('linkProfile', ({ profile, child }) => ({ sid: profile, target: { accountSid: child } }), 'profile { sid }'),
    isOfRoot: true,
  },
  unlinkProfile: {
    send: mutation('unlinkProfile', ({ profile, child }) => ({ sid: profile, target: { accountSid: child } }), 'profile { sid }'),
    isOfRoot: true,
  },
};

/** Every method of a route that changes something, by its path below the mount. */
const routes: Record<string, Kind> = {
  'POST /Accounts': {
    send: route(() => ({ method: 'POST', path: '/Accounts.json', form: { EmailAddress: uniqueEmail(), Password: password } })),
  },
  'POST /Accounts/:account': {
    send: route(({ child }) => ({ method: 'POST', path: `/Accounts/${child}.json`, form: { FriendlyName: name() } })),
  },
  'PUT /Accounts/:account': {
    send: route(({ child }) => ({ method: 'PUT', path: `/Accounts/${child}.json`, form: { FriendlyName: name(), Password: password } })),
  },
  'DELETE /Accounts/:account': { send: route(({ doomed }) => ({ method: 'DELETE', path: `/Accounts/${doomed.pop()}.json` })) },
  'POST /Accounts/migrate/:account': {
    send: route(({ child, organizations }) => ({
      method: 'POST',
      path: `/Accounts/migrate/${child}.json`,
      form: { Organization: organizations[moves++ % 2]! },
    })),
    isOfRoot: true,
  },
  'PUT /Organizations/:organization': {
    send: route(() => ({ method: 'PUT', path: `/Organizations/${uniqueEmail().replace('@', '.')}` })),
    isOfRoot: true,
  },
  'POST /Profiles': { send: route(() => ({ method: 'POST', path: '/Profiles', body: '{}', headers: json })), isOfRoot: true },
  'PUT /Profiles/:profile': {
    send: route(({ profile }) => ({ method: 'PUT', path: `/Profiles/${profile}`, body: '{"by":"REST"}', headers: json })),
    isOfRoot: true,
  },
  'DELETE /Profiles/:profile': { send: route(() => ({ method: 'DELETE', path: `/Profiles/${newProfiles.pop()}` })), isOfRoot: true },
  'LINK /Profiles/:profile': {
    send: route((stage) => ({ method: 'LINK', path: `/Profiles/${stage.profile}`, headers: linkTo(stage) })),
    isOfRoot: true,
  },
  'UNLINK /Profiles/:profile': {
    send: route((stage) => ({ method: 'UNLINK', path: `/Profiles/${stage.profile}`, headers: linkTo(stage) })),
    isOfRoot: true,
  },
};
const kinds = Object.entries({ ...mutations, ...routes });

/** Profiles that only wait to be deleted. */
const newProfiles: Sid[] = [];
async function plantProfiles(count: number): Promise<Sid[]> {
  const sids = Array.from({ length: count }, () => newSid('profile'));
  await gateways[0]!.database.query(`INSERT INTO profile (sid, document) SELECT sid, '{}' FROM unnest($1::text[]) AS sid`, [sids]);
  return sids;
}

/** Webhooks of the account: one that stays, and as many as are deleted. */
async function plantWebhooks(accountSid: Sid): Promise<Sid[]> {
  const sids: Sid[] = [];
  for (let count = 0; count < width + 2; count++) {
    const made = 'mutation($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { sid } } }';
    sids.push((await change(admin, made, { input: { accountSid, url: receiver.url } })).createWebhook.webhook.sid);
  }
  return sids;
}

async function closedBelow(parentSid: Sid): Promise<Sid> {
  const { sid } = await create(graphqlSurface(gateways[0]!.url), { parent: parentSid });
  await change(admin, 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid });
  return sid;
}

async function plantOrganization(): Promise<Sid> {
  const sid = newSid('organization');
  await gateways[0]!.database.query(`INSERT INTO organization (sid, domain_name, status) VALUES ($1, $2, 'active')`, [
    sid,
    `${sid}.test`.toLowerCase(),
  ]);
  return sid;
}

const change = async (login: Login, document: string, variables: Record<string, unknown>): Promise<any> => {
  const { data, errors } = await postGraphql(url(), login, document, variables);
  expect(errors).toBeUndefined();
  return data;
};

/** By what a caller is switched off, with the secret that the change ends. */
interface Way {
  name: string;
  secret: 'password' | 'AuthToken';
  switchOff: (sid: Sid) => Promise<unknown>;
}

const setStatus = 'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { reachedCount } }';
const rotate = 'mutation($sid: ID!) { rotateAuthToken(input: { sid: $sid }) { authToken } }';
const ways: Way[] = [
  { name: 'a suspension', secret: 'AuthToken', switchOff: (sid) => change(admin, setStatus, { sid }) },
  {
    name: 'a closure',
    secret: 'password',
    switchOff: (sid) => change(admin, 'mutation($sid: ID!) { closeAccount(input: { sid: $sid }) { reachedCount } }', { sid }),
  },
  {
    name: 'a demotion',
    secret: 'password',
    switchOff: (sid) =>
      change(admin, 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, role: PROVISIONING_AGENT }) { account { sid } } }', { sid }),
  },
  {
    name: 'a new password',
    secret: 'password',
    switchOff: (sid) =>
      change(admin, 'mutation($sid: ID!) { updateAccount(input: { sid: $sid, password: "another decent one" }) { account { sid } } }', {
        sid,
      }),
  },
  { name: 'a rotation of its AuthToken', secret: 'AuthToken', switchOff: (sid) => change(admin, rotate, { sid }) },
];

async function entriesOf(sid: Sid): Promise<number> {
  const [counted] = await gateways[0]!.database.query<{ count: number }>(
    'SELECT count(*)::integer AS count FROM history WHERE actor_sid = $1',
    [sid],
  );
  return counted!.count;
}

/** Sends many of each kind, and switches their caller off once some of them were answered. */
async function race(stage: Stage, raced: [string, Kind][], switchOff: (sid: Sid) => Promise<unknown>): Promise<void> {
  const count = raced.length * width;
  const enough = Math.random() * 0.6 * count;
  let answered = 0;
  let goOn!: () => void;
  const isTime = new Promise<void>((resolve) => (goOn = resolve));
  const requests = raced.flatMap(([, { send }]) =>
    Array.from({ length: width }, async () => {
      await sleep(Math.random() * 150);
      await send(stage);
      if (++answered > enough) goOn();
    }),
  );
  const sent = Promise.all(requests);
  // Told below, once, even where switching off fails too.
  sent.catch(() => {});
  await Promise.race([isTime, sent]);
  await switchOff(stage.sid);
  const acknowledged = await entriesOf(stage.sid);
  await sent;
  expect((await entriesOf(stage.sid)) - acknowledged).toBe(0);
}

/** Each of them is made where nobody is switched off: else it could not be missed afterwards. */
async function assertMade(stage: Stage, raced: [string, Kind][]): Promise<void> {
  for (const [kind, { send }] of raced) expect([kind, await send(stage)]).toEqual([kind, true]);
}

describe('the changes that are raced', () => {
  it('are all that the schema has', () => {
    const fields = Object.keys(createSchema().getMutationType()!.getFields()).filter(
      (field) => !['resetPassword', 'testWebhook', 'skipWebhookEvent'].includes(field),
    );
    expect([...new Set(Object.keys(mutations).map((kind) => kind.split(',')[0]))].toSorted()).toEqual(fields.toSorted());
  });

  it('are all that the documented API has, beside subresources, which live elsewhere', async () => {
    const paths: string[] = [];
    const parents: string[] = [];
    for (const line of gateways[0]!.app.server.printRoutes({ commonPrefix: false }).split('\n')) {
      const [, indent, path] = /^([│├└─\s]*)(\S+) \(.*\)$/.exec(line) ?? [];
      if (path === undefined) continue;
      const depth = indent!.length / 4;
      parents[depth] = (depth > 1 ? parents[depth - 1]! : '') + path;
      if (/^\/2012-04-24\/(?:Accounts|Organizations|Profiles|Logout)[^*]*$/.test(parents[depth]!)) paths.push(parents[depth]!);
    }
    const found: string[] = [];
    for (const path of new Set(paths)) {
      // Which methods a path has, it says when it is asked by another one.
      const { status, headers } = await fetch(gateways[0]!.url + path, { method: 'PATCH', headers: { authorization: basic(admin) } });
      expect([path, status]).toEqual([path, 405]);
      const methods = headers.get('allow')!.split(', ');
      const changing = methods.filter((method) => !['GET', 'HEAD', 'OPTIONS'].includes(method));
      found.push(...changing.map((method) => `${method} ${path.replace('/2012-04-24', '')}`));
    }
    expect(Object.keys(routes).toSorted()).toEqual(found.toSorted());
  });
});

describe.each(ways)('after $name', ({ name: way, secret, switchOff }) => {
  it('was acknowledged, nothing is committed that its account asked for before', async () => {
    const raced = kinds.filter(([, { isOfRoot, isOfSelf }]) => isOfRoot !== true && !(isOfSelf === true && way === 'a demotion'));
    const surface = graphqlSurface(gateways[0]!.url);
    for (let round = 0; round < switchRounds; round++) {
      const top = await create(surface);
      const { sid } = await create(surface, { parent: top.sid });
      const child = await create(surface, { parent: sid });
      await plant(gateways[0]!.database, { below: sid, widths: [3 * width] });
      const doomed = await gateways[0]!.database.query<{ sid: Sid }>('SELECT sid FROM account WHERE parent_sid = $1 AND sid <> $2', [
        sid,
        child.sid,
      ]);
      const answer = await surface.authToken(admin, sid);
      const login = { login: sid, secret: secret === 'password' ? password : (answer as { value: string }).value };
      const more = { webhooks: await plantWebhooks(child.sid), closed: await closedBelow(sid) };
      const stage = { login, sid, child: child.sid, doomed: doomed.map((account) => account.sid), profile: '', organizations: [], ...more };
      if (round === 0) await assertMade(stage, raced);
      await race(stage, raced, switchOff);
    }
  });
});

describe('after the Super Admin has given itself', () => {
  it.each(['another password', 'another AuthToken'])('%s, nothing is committed that was asked for before', async (what) => {
    const { database, url: at } = gateways[0]!;
    const surface = graphqlSurface(at);
    const [{ sid }] = (await database.query<{ sid: Sid }>('SELECT sid FROM account WHERE parent_sid IS NULL')) as [{ sid: Sid }];
    const [profile] = await plantProfiles(1);
    for (let round = 0; round < switchRounds; round++) {
      newProfiles.push(...(await plantProfiles(3 * width)));
      const child = await create(surface);
      const parent = await create(surface);
      await plant(database, { below: parent.sid, widths: [3 * width] });
      const doomed = await database.query<{ sid: Sid }>('SELECT sid FROM account WHERE parent_sid = $1', [parent.sid]);
      const organizations = [await plantOrganization(), await plantOrganization(), await plantOrganization()];
      const token = (await surface.authToken(admin, sid)) as { value: string };
      const isPassword = what === 'another password';
      // The same one, but it comes with another AuthToken.
      const login = { login: sid, secret: token.value };
      const more = { webhooks: await plantWebhooks(child.sid), closed: await closedBelow(parent.sid) };
      const stage: Stage = {
        login,
        sid,
        child: child.sid,
        doomed: doomed.map((account) => account.sid),
        profile: profile!,
        organizations,
        ...more,
      };
      const switchOff = () =>
        isPassword
          ? change(
              admin,
              'mutation($sid: ID!, $password: String!) { updateAccount(input: { sid: $sid, password: $password }) { account { sid } } }',
              {
                sid,
                password: admin.secret,
              },
            )
          : change(admin, rotate, { sid });
      if (round === 0) await assertMade(stage, kinds);
      await race(stage, kinds, switchOff);
    }
  });
});
