import { afterAll, beforeAll, expect, it } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { mutations } from '../support/effort.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { mutateText, mutateValue, oddTexts } from '../support/mutation.js';
import { runMutations } from '../support/mutation-run.js';
import { plant } from '../support/plant.js';
import { mount, sendRest } from '../support/rest-client.js';
import { create, missingSid } from '../support/tree.js';
import type { WireRequest } from '../support/wire.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway({ environment: { ACCOUNT_COST_PER_MINUTE: '1000000000' } });
});
afterAll(() => gateway.stop());

const vocabulary = [
  ...'/ // . .. .json .xml ; ? & = % %2F %2e %00 %0a %c3%28 %ud800 + @ : * ~ \\ # Accounts accounts Accounts.json Organizations Profiles migrate Calls SMS Messages Page PageSize -1 0 99999999999 Status Role EmailAddress Password FriendlyName OrganizationSid DomainName active CLOSED Suspended Developer'.split(
    ' ',
  ),
  ...oddTexts,
];

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'HEAD', 'OPTIONS', 'PATCH', 'LINK', 'UNLINK', 'TRACE', 'PROPFIND'];

it(`the gateway answers ${mutations} mutated requests by the catalogue, unharmed`, { timeout: 300_000 + mutations * 100 }, async () => {
  const surface = graphqlSurface(gateway.url);
  const made = [];
  for (const role of [Role.ADMINISTRATOR, Role.DEVELOPER, Role.PROVISIONING_AGENT]) made.push(await create(surface, { role }));
  const victim = await create(surface, { parent: made[0]!.sid });
  await plant(gateway.database, { below: victim.sid, widths: [5] });
  const { data } = await postGraphql(
    gateway.url,
    admin,
    'mutation { createOrganization(input: { domainName: "mutated.test" }) { organization { sid } } createProfile(input: { document: { a: 1 } }) { profile { sid } } }',
  );
  const organization: string = data!.createOrganization.organization.sid;
  const profile: string = data!.createProfile.profile.sid;
  const logins: Login[] = [admin, ...made.map(({ login }) => login)];

  const forms = [
    '',
    'EmailAddress=new@mutated.test&Password=a+decent+password&FriendlyName=New&Role=Developer&Status=active',
    'FriendlyName=Other',
    'Status=suspended',
    'Status=active',
    'Role=Developer&Password=another+password',
    'Organization=mutated.test',
  ];
  const link = `<${mount}/Accounts/${victim.sid}>; rel="related"`;
  /** Requests of every route, each good as it stands. */
  const requests: [method: string, path: string, body?: 'form' | 'json'][] = [
    ['GET', `/Accounts/${victim.sid}.json`],
    ['GET', `/Accounts/${victim.emailAddress}`],
    ['GET', `/Accounts.json/${victim.sid}`],
    ['GET', '/Accounts.json?Page=0&PageSize=2'],
    ['GET', '/Accounts?DomainName=mutated.test'],
    ['GET', `/Accounts.json?OrganizationSid=${organization}&Page=1`],
    ['POST', '/Accounts.json', 'form'],
    ['POST', `/Accounts/${victim.sid}`, 'form'],
    ['PUT', `/Accounts/${victim.sid}.json`, 'form'],
    ['POST', `/Accounts/migrate/${victim.sid}`, 'form'],
    ['DELETE', `/Accounts/${missingSid()}`],
    ['GET', `/Organizations/${organization}.json`],
    ['GET', '/Organizations?Status=active'],
    ['PUT', '/Organizations/other.mutated.test'],
    ['GET', `/Profiles/${profile}`],
    ['GET', '/Profiles'],
    ['PUT', `/Profiles/${profile}`, 'json'],
    ['POST', '/Profiles', 'json'],
    ['LINK', `/Profiles/${profile}`],
    ['UNLINK', `/Profiles/${profile}`],
    ['DELETE', `/Profiles/PR${'0'.repeat(32)}`],
    ['GET', `/Accounts/${victim.sid}/Calls.json`],
    ['POST', `/Accounts/${victim.sid}/SMS/Messages`, 'form'],
  ];

  await runMutations(gateway, (dice): WireRequest => {
    const [ownMethod, ownPath, kind] = dice.pick(requests);
    const method = dice.chance(0.1) ? dice.pick(methods) : ownMethod;
    const path = dice.chance(0.5) ? mutateText(dice, ownPath, vocabulary).toWellFormed() : ownPath;
    const target = `${dice.pick([mount, mount, '/2012-04-24'])}${dice.chance(0.02) ? mutateText(dice, '/', vocabulary) : ''}${path}`;

    const headers: Record<string, string> = {};
    if (dice.chance(0.95)) headers.authorization = basic(dice.pick(logins));
    if (dice.chance(0.02)) headers.authorization = mutateText(dice, basic(admin), vocabulary).replace(/[^\x20-\x7e]/g, '?');
    if (dice.chance(0.1))
      headers.accept = dice.pick(['application/json', 'application/xml', 'image/png', '*/*;q=0', 'text/html,*/*', ';', 'a/b/c']);
    if (method.endsWith('LINK') || dice.chance(0.05))
      headers.link = dice.chance(0.5) ? link : mutateText(dice, link, vocabulary).replace(/[^\x20-\x7e]/g, '?');
    if (dice.chance(0.05)) headers['x-http-method-override'] = dice.pick(['LINK', 'unlink', 'PUT', 'DELETE', '']);
    if (dice.chance(0.05)) headers['idempotency-key'] = dice.pick(['a', 'b', 'two words', '', 'x'.repeat(256), '\x7f']);
    if (dice.chance(0.05)) headers['if-match'] = dice.pick(['*', '"1"', '"1", "2"', 'W/"1"', '1', '"', '', '"99999999999999"']);
    if (dice.chance(0.03)) headers.origin = dice.pick(['https://evil.test', 'null', 'x']);
    if (dice.chance(0.02)) headers['x-forwarded-host'] = dice.pick(['evil.test', '<script>']);

    let body: string | undefined;
    if (kind === 'form' || dice.chance(0.05)) {
      const form = dice.pick(forms);
      body = dice.chance(0.6) ? mutateText(dice, form, vocabulary) : form;
      headers['content-type'] = 'application/x-www-form-urlencoded';
    } else if (kind === 'json') {
      const value = dice.chance(0.6) ? mutateValue(dice, { a: 1, b: ['c', { d: null }] }) : { a: 2 };
      const text = JSON.stringify(value) ?? '';
      body = dice.chance(0.1) ? mutateText(dice, text, vocabulary) : text;
      headers['content-type'] = 'application/json';
    }
    if (dice.chance(0.05))
      headers['content-type'] = dice.pick([
        'text/plain',
        'application/json;charset=utf-16',
        'multipart/form-data; boundary=x',
        ';',
        'application/merge-patch+json',
      ]);
    return { method, target: target.slice(0, 12_000), headers, ...(body !== undefined && { body: Buffer.from(body).toString('latin1') }) };
  });
  expect((await sendRest(gateway.url, admin, { path: '/Accounts.json?Page=0' })).status).toBe(200);
});
