import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { Database } from '../../src/persistence/connection/database.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type WrittenCascade, writtenCascades } from '../support/cascade-parts.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { brokenInvariants } from '../support/invariants.js';
import { plant } from '../support/plant.js';
import { sendRest } from '../support/rest-client.js';
import { type Created, create } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => void (gateway = await startTestGateway()));
afterAll(() => gateway.stop());

const ask = async (mutation: string): Promise<void> => {
  expect((await postGraphql(gateway.url, admin, `mutation { ${mutation} }`)).errors).toBeUndefined();
};
const make = (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway.url), account);
const setStatus = (sid: string, status: string) => ask(`setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount }`);
const close = (sid: string) => ask(`closeAccount(input: { sid: "${sid}" }) { reachedCount }`);
const cascadesOf = async (treeSid: string): Promise<WrittenCascade[]> =>
  (await writtenCascades(gateway.database)).filter((cascade) => cascade.treeSid === treeSid);
/** The accounts of a tree that fulfil the condition, in the order of their paths. */
const sidsWhere = async (treeSid: string, condition: string): Promise<string[]> => {
  const found = await gateway.database.query<{ sid: string }>(
    `SELECT sid FROM account WHERE top_level_sid = $1 AND ${condition} ORDER BY path`,
    [treeSid],
  );
  return found.map(({ sid }) => sid);
};

describe('a cascade names every account that it reached', () => {
  it('when it suspends, activates, migrates and closes, and no other one', async () => {
    const top = await make();
    const below = await make({ parent: top.sid });
    const closed = await make({ parent: top.sid });
    await plant(gateway.database, { below: below.sid, widths: [3, 2] });
    await close(closed.sid);
    await setStatus(below.sid, 'SUSPENDED');
    await setStatus(top.sid, 'SUSPENDED');
    await setStatus(top.sid, 'ACTIVE');
    const { data } = await postGraphql(
      gateway.url,
      admin,
      'mutation { createOrganization(input: { domainName: "parts.test" }) { organization { sid } } }',
    );
    await ask(
      `migrateAccount(input: { sid: "${top.sid}", organization: { sid: "${data!.createOrganization.organization.sid}" } }) { reachedCount }`,
    );
    await close(top.sid);

    const [all, open] = [await sidsWhere(top.sid, 'true'), await sidsWhere(top.sid, `sid <> '${closed.sid}'`)];
    const ofBelow = await sidsWhere(top.sid, `path LIKE '%${below.sid.slice(2)}%'`);
    expect(ofBelow).toHaveLength(10);
    expect(await cascadesOf(top.sid)).toMatchObject([
      { operation: 'closeAccount', subjectSid: closed.sid, parts: [[closed.sid]] },
      { operation: 'setAccountStatus', subjectSid: below.sid, parts: [ofBelow] },
      // What is suspended already is not reached again; activating reaches all of it.
      { operation: 'setAccountStatus', subjectSid: top.sid, parts: [[top.sid]] },
      { operation: 'setAccountStatus', subjectSid: top.sid, parts: [open] },
      { operation: 'migrateAccount', subjectSid: top.sid, parts: [all] },
      { operation: 'closeAccount', subjectSid: top.sid, parts: [open] },
    ]);
  });

  it('in a status that a form changes beside other properties', async () => {
    const [top] = [await make()];
    const form = { FriendlyName: 'Renamed', Status: 'suspended' };
    expect((await sendRest(gateway.url, admin, { method: 'PUT', path: `/Accounts/${top.sid}.json`, form })).status).toBe(200);
    expect(await cascadesOf(top.sid)).toMatchObject([{ position: 3, parts: [[top.sid]] }]);
  });

  it('in parts of at most 400, in the order of the paths, each with the paths at its ends', async () => {
    const top = await make();
    await plant(gateway.database, { below: top.sid, widths: [3, 300] });
    await setStatus(top.sid, 'SUSPENDED');
    const [cascade] = await cascadesOf(top.sid);
    expect(cascade!.parts.map((part) => part.length)).toEqual([400, 400, 104]);
    expect(cascade!.parts.flat()).toEqual(await sidsWhere(top.sid, 'true'));
    const ends = await gateway.database.query(
      `SELECT part.part, first.sid AS first, last.sid AS last FROM cascade_part AS part
       JOIN account AS first ON first.path = part.first_path JOIN account AS last ON last.path = part.last_path
       WHERE part.tree_sid = $1 ORDER BY part.part`,
      [top.sid],
    );
    expect(ends).toEqual(cascade!.parts.map((part, index) => ({ part: index + 1, first: part[0], last: part.at(-1) })));
  });

  it('but nothing where it reached none, or was a dry run', async () => {
    const top = await make();
    await setStatus(top.sid, 'ACTIVE');
    await ask(`closeAccount(input: { sid: "${top.sid}", dryRun: true }) { reachedCount }`);
    expect(await gateway.database.query('SELECT 1 FROM cascade_part WHERE tree_sid = $1', [top.sid])).toEqual([]);
  });
});

it.each([
  ['updated', 'UPDATE cascade_part SET part = part'],
  ['deleted', 'DELETE FROM cascade_part'],
  ['truncated', 'TRUNCATE cascade_part'],
])('parts are never %s', async (_what, statement) => {
  await expect(gateway.database.query(statement)).rejects.toThrow('Parts of cascades never change.');
});

it('a transaction has one cascade at most, since it knows only whom the last one reached', async () => {
  const dataSource = await createDataSource({ url: gateway.database.url }).initialize();
  const top = await make();
  const cascade = { operation: 'setAccountStatus', subjectSid: top.sid } as const;
  const twice = new Database(dataSource).write(undefined, async ({ accounts, history }) => {
    await accounts.setStatusInTree((await accounts.find(top.sid))!, 'suspended', ['active'], top.sid, []);
    for (const _ of [1, 2]) history.append(top.sid, { actorSid: null, requestId: null }, cascade);
  });
  await expect(twice).rejects.toThrow('A transaction has at most one cascade');
  expect(await cascadesOf(top.sid)).toEqual([]);
  await dataSource.destroy();
});

it('parts and the entries of the history agree after all this', async () => {
  expect(await brokenInvariants(gateway.database)).toEqual([]);
});
