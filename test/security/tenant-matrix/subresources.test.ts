import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AccountStatus, type Role, Role as Roles } from '../../../src/domain/account.js';
import { subresourcePaths } from '../../../src/domain/subresource.js';
import { subresourceMethods } from '../../../src/domain/subresource-request.js';
import { type TestGateway, admin } from '../../support/gateway.js';
import { type Login, postGraphql } from '../../support/graphql-client.js';
import { graphqlSurface } from '../../support/graphql-surface.js';
import { type Ask, startWithUpstreams } from '../../support/subresources.js';
import { type Created, create, missingSid } from '../../support/tree.js';
import { type TestUpstream, startUpstream } from '../../support/upstream.js';

/*
 * Every subresource × every method × every kind of caller × every place of the account × every status of it, against the tables of
 * SPEC §6. What is refused must not reach the upstream; what reaches it must be about that account, by that caller.
 */

const statuses = ['uninitialized', 'active', 'suspended', 'closed'] as const satisfies AccountStatus[];
const subresources = [...subresourcePaths, 'Email/Messages', 'Applications'];
type Place = 'self' | 'child' | 'grandchild' | 'parent' | 'sibling' | 'stranger' | 'missing';

interface Caller {
  name: string;
  role: Role | 'SuperAdmin' | 'nobody';
  login: Login | undefined;
  sid: string | undefined;
  /** The accounts around it, by place and status. */
  targets: [Place, AccountStatus, sid: string][];
}

let upstream: TestUpstream;
let gateway: TestGateway & { ask: Ask };
const callers: Caller[] = [];

beforeAll(async () => {
  upstream = await startUpstream((_request, response) => void response.setHeader('content-type', 'application/json').end('{}'));
  gateway = await startWithUpstreams({ '*': { url: upstream.url } });
  const surface = graphqlSurface(gateway.url);
  const change = async (sid: string, status: AccountStatus): Promise<void> => {
    const close = `closeAccount(input: { sid: "${sid}" }) { reachedCount }`;
    const suspend = `setAccountStatus(input: { sid: "${sid}", status: SUSPENDED }) { reachedCount }`;
    if (status === 'closed' || status === 'suspended') {
      expect((await postGraphql(gateway.url, admin, `mutation { ${status === 'closed' ? close : suspend} }`)).errors).toBeUndefined();
    }
  };
  /** One account of each status below the parent. */
  const eachBelow = async (parent: string | undefined): Promise<[AccountStatus, Created][]> => {
    const made: [AccountStatus, Created][] = [];
    for (const status of statuses) {
      const account = await create(surface, { ...(parent && { parent }), status: status === 'uninitialized' ? status : 'active' });
      await change(account.sid, status);
      made.push([status, account]);
    }
    return made;
  };
  const at = (place: Place, made: [AccountStatus, Created][]): Caller['targets'] => made.map(([status, { sid }]) => [place, status, sid]);

  const strangers = await eachBelow(undefined);
  for (const role of Object.values(Roles)) {
    const parent = await create(surface);
    const self = await create(surface, { parent: parent.sid, role });
    const children = await eachBelow(self.sid);
    const grandchildren = await eachBelow(children.find(([status]) => status === 'active')![1].sid);
    callers.push({
      name: role,
      role,
      login: self.login,
      sid: self.sid,
      targets: [
        ['self', 'active', self.sid],
        ...at('child', children),
        ...at('grandchild', grandchildren),
        ['parent', 'active', parent.sid],
        ...at('sibling', await eachBelow(parent.sid)),
        ...at('stranger', strangers),
        ['missing', 'active', missingSid()],
      ],
    });
  }
  const [root] = await gateway.database.query<{ sid: string }>('SELECT sid FROM account WHERE parent_sid IS NULL');
  const below: Caller['targets'] = [...at('child', strangers), ['missing', 'active', missingSid()]];
  callers.push({
    name: 'the Super Admin',
    role: 'SuperAdmin',
    login: admin,
    sid: root!.sid,
    targets: [['self', 'active', root!.sid], ...below],
  });
  callers.push({ name: 'nobody', role: 'nobody', login: undefined, sid: undefined, targets: at('stranger', strangers) });
});
afterAll(async () => {
  await gateway.stop();
  await upstream.stop();
});

/** SPEC §6: what becomes of the request. */
function expected({ role }: Caller, place: Place, status: AccountStatus, subresource: string, method: string): number | string {
  if (role === 'nobody') return 'UNAUTHENTICATED';
  const isBelow = place === 'child' || place === 'grandchild';
  if (place === 'missing' && role === 'SuperAdmin') return 'ACCOUNT_NOT_FOUND';
  const reaches = place === 'self' || (isBelow && (role === 'Administrator' || role === 'SuperAdmin'));
  if (!reaches) return 'FORBIDDEN';
  const isRead = method === 'GET' || method === 'HEAD';
  if (role === 'ProvisioningAgent' && subresource === 'Recordings' && method === 'DELETE') return 'FORBIDDEN';
  if (status === 'closed') return 'NOT_FOUND';
  return status === 'active' || isRead ? 200 : 'ACCOUNT_NOT_ACTIVE';
}

const statusOf: Record<string, number> = {
  UNAUTHENTICATED: 401,
  FORBIDDEN: 403,
  ACCOUNT_NOT_ACTIVE: 403,
  NOT_FOUND: 404,
  ACCOUNT_NOT_FOUND: 404,
};

describe.each(['Administrator', 'Developer', 'ProvisioningAgent', 'the Super Admin', 'nobody'])('%s', (name) => {
  it('is answered as declared for every subresource, by every method, wherever the account stands and whatever its status', async () => {
    const caller = callers.find((each) => each.name === name)!;
    const deviations: string[] = [];
    for (const [place, status, sid] of caller.targets) {
      for (const subresource of subresources) {
        for (const method of subresourceMethods) {
          upstream.seen.length = 0;
          const path = `/Accounts/${sid}/${subresource}/XX1.json`;
          const answer =
            caller.login === undefined
              ? await fetch(`${gateway.url}/2012-04-24${path}`, { method })
              : await gateway.ask(caller.login, path, { method });
          const text = await answer.text();
          const wanted = expected(caller, place, status, subresource, method);
          const got = answer.status === 200 ? 200 : method === 'HEAD' ? answer.status : (JSON.parse(text) as { error: string }).error;
          const shown = method === 'HEAD' && typeof wanted === 'string' ? statusOf[wanted] : wanted;
          const passed = upstream.seen.map(({ headers }) => `${headers['x-actor-sid']} for ${headers['x-account-sid']}`);
          const isRight = got === shown && passed.join() === (wanted === 200 ? `${caller.sid} for ${sid}` : '');
          if (!isRight) deviations.push(`${method} ${subresource} of ${place}, ${status}: expected ${shown}, got ${got}, passed ${passed}`);
        }
      }
    }
    expect(deviations).toEqual([]);
  });
});
