import { readFileSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Role } from '../../src/domain/account.js';
import { admin, startTestGateway } from '../support/gateway.js';
import { sendRest } from '../support/rest-client.js';
import { restJsonSurface } from '../support/rest-surface.js';
import {
  type FillIns,
  type Ran,
  type SampleCall,
  type ToolName,
  filledIn,
  programFor,
  programsIn,
  requestOf,
  requestOfCall,
  runProgram,
  toolsHere,
} from '../support/samples.js';
import { password } from '../support/tree.js';

/**
 * The documentation's sample programs, run by the tools that they are written for. Its text is not ours to keep here, so
 * the programs are: they make the same calls of the same libraries. Where the text is at hand, DOCUMENTED_SAMPLES names its
 * file, and every program in it is run too.
 */

const root = { login: 'administrator@company.com', secret: admin.secret };

/** What a program runs against: a gateway of its own, with accounts below the Super Admin. */
interface World extends FillIns {
  /** The root's. */
  rootOrganizationSid: string;
  /** The SIDs of the root's children, the oldest first; the first is the sub-account. */
  children: string[];
  grandchild: string;
}

async function prepare(): Promise<World> {
  const gateway = await startTestGateway({ environment: { ADMIN_EMAIL: root.login } });
  onTestFinished(() => gateway.stop());
  const surface = restJsonSurface(gateway.url);
  const present = <Value>(answer: { value: Value } | { refused: string }): Value => {
    if ('refused' in answer) throw new Error(`refused: ${answer.refused}`);
    return answer.value;
  };
  const create = async (name: string, parent?: string): Promise<string> =>
    present(await surface.create(root, { emailAddress: `${name}@company.com`, password, role: Role.DEVELOPER, ...(parent && { parent }) }))
      .sid;
  const account = present(await surface.read(root, root.login));
  const first = await create('first');
  return {
    url: gateway.url,
    accountSid: account.sid,
    authToken: present(await surface.authToken(root, root.login))!,
    emailAddress: root.login,
    subAccountSid: first,
    organizationSid: present(await surface.createOrganization(root, 'customer.test')).sid,
    rootOrganizationSid: account.organizationSid,
    children: [first, await create('second')],
    grandchild: await create('third', first),
  };
}

const get = async ({ url }: World, path: string, login: string, secret: string): Promise<{ status: number; body: any }> => {
  const { status, text } = await sendRest(url, { login, secret }, { path });
  return { status, body: JSON.parse(text) };
};
const statusOf = async (at: World, login: string, secret: string): Promise<number> =>
  (await get(at, `/Accounts/${login}.json`, login, secret)).status;

const date = expect.stringMatching(/^(Mon|Tue|Wed|Thu|Fri|Sat|Sun), [1-9]\d? [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000$/);
const token = expect.stringMatching(/^[0-9a-f]{32}$/);

/** An account as the documentation shows it in JSON. */
function documented(sid: string, properties: Record<string, unknown>): Record<string, unknown> {
  const uri = `/2012-04-24/Accounts/${sid}`;
  return {
    sid,
    type: 'Full',
    status: 'active',
    date_created: date,
    date_updated: date,
    uri: `/2012-04-24/Accounts.json/${sid}`,
    subresource_uris: {
      available_phone_numbers: `${uri}/AvailablePhoneNumbers.json`,
      calls: `${uri}/Calls.json`,
      conferences: `${uri}/Conferences.json`,
      incoming_phone_numbers: `${uri}/IncomingPhoneNumbers.json`,
      notifications: `${uri}/Notifications.json`,
      outgoing_caller_ids: `${uri}/OutgoingCallerIds.json`,
      recordings: `${uri}/Recordings.json`,
      sandbox: `${uri}/Sandbox.json`,
      sms_messages: `${uri}/SMS/Messages.json`,
      transcriptions: `${uri}/Transcriptions.json`,
    },
    ...properties,
  };
}

const documentedRoot = ({ accountSid, rootOrganizationSid }: World, authToken: unknown): Record<string, unknown> =>
  documented(accountSid, {
    organization: rootOrganizationSid,
    owner_account_sid: accountSid,
    friendly_name: root.login,
    email_address: root.login,
    role: 'Administrator',
    auth_token: authToken,
  });

const documentedChild = (at: World, sid: string, emailAddress: string): Record<string, unknown> =>
  documented(sid, {
    organization: at.rootOrganizationSid,
    owner_account_sid: at.accountSid,
    friendly_name: emailAddress,
    email_address: emailAddress,
    role: 'Developer',
  });

async function passwordIsChanged(at: World, body: any): Promise<void> {
  const { accountSid, authToken } = at;
  expect(body).toEqual(documentedRoot(at, token));
  expect(body.auth_token).not.toBe(authToken);
  expect(await statusOf(at, accountSid, authToken)).toBe(401);
  expect(await statusOf(at, root.login, root.secret)).toBe(401);
  expect(await statusOf(at, accountSid, body.auth_token)).toBe(200);
  expect(await statusOf(at, root.login, 'NewPassword')).toBe(200);
}

async function subAccountIsCreated(at: World, body: any, organization: string): Promise<void> {
  const { accountSid, authToken, children } = at;
  expect(body).toEqual(
    documented(body.sid, {
      organization,
      owner_account_sid: accountSid,
      friendly_name: 'MySubAccount',
      email_address: 'test@company.com',
      role: 'Administrator',
      auth_token: token,
    }),
  );
  expect(children).not.toContain(body.sid);
  // "The SID, e-mail and AuthToken of the sub-account can now be used."
  expect(await statusOf(at, body.sid, body.auth_token)).toBe(200);
  expect(await statusOf(at, 'test@company.com', body.auth_token)).toBe(200);
  expect(await statusOf(at, body.sid, 'restcomm')).toBe(200);
  const { body: list } = await get(at, '/Accounts.json', accountSid, authToken);
  expect(list.map(({ sid }: { sid: string }) => sid)).toEqual([...children, body.sid]);
}

/** A documented sample: what it is for, the request that it makes, and what is true once it has run. */
interface Sample extends SampleCall {
  caption: string;
  comesTrue(at: World, body: any): Promise<void>;
}

const samples: Sample[] = [
  {
    caption: 'gets the default account, which is the current one',
    method: 'GET',
    target: 'itself',
    async comesTrue(at, body) {
      expect(body).toEqual(documentedRoot(at, at.authToken));
    },
  },
  {
    caption: 'changes the password of the account that its SID names',
    method: 'PUT',
    target: 'itself',
    form: { Password: 'NewPassword' },
    comesTrue: passwordIsChanged,
  },
  {
    caption: 'changes the password of the account that its e-mail address names, the @ escaped',
    method: 'PUT',
    target: 'itself by e-mail address',
    form: { Password: 'NewPassword' },
    comesTrue: passwordIsChanged,
  },
  {
    caption: 'lists all current accounts',
    method: 'GET',
    target: 'all accounts',
    async comesTrue(at, body) {
      const [first, second] = at.children as [string, string];
      const listed = { auth_token: expect.stringMatching(/^[0-9a-f]{32}$/) };
      expect(body).toEqual([
        { ...documentedChild(at, first, 'first@company.com'), ...listed },
        { ...documentedChild(at, second, 'second@company.com'), ...listed },
      ]);
    },
  },
  {
    caption: 'creates a sub-account, which inherits the role',
    method: 'POST',
    target: 'itself',
    form: { FriendlyName: 'MySubAccount', EmailAddress: 'test@company.com', Password: 'restcomm' },
    comesTrue: (at, body) => subAccountIsCreated(at, body, at.rootOrganizationSid),
  },
  {
    caption: 'creates an account under a given organization',
    method: 'POST',
    target: 'itself',
    form: { FriendlyName: 'MySubAccount', EmailAddress: 'test@company.com', Password: 'restcomm', OrganizationSid: 'OrganizationSid' },
    async comesTrue(at, body) {
      await subAccountIsCreated(at, body, at.organizationSid);
      const { body: list } = await get(at, `/Accounts.json?OrganizationSid=${at.organizationSid}`, at.accountSid, at.authToken);
      expect(list.map(({ sid }: { sid: string }) => sid)).toEqual([body.sid]);
    },
  },
  {
    caption: 'closes a sub-account',
    method: 'PUT',
    target: 'a sub-account',
    form: { Status: 'closed' },
    async comesTrue(at, body) {
      const { accountSid, authToken, subAccountSid, children, grandchild } = at;
      expect(body).toEqual({ ...documentedChild(at, subAccountSid, 'first@company.com'), status: 'closed' });
      const statusSeen = async (sid: string): Promise<string> =>
        (await get(at, `/Accounts/${sid}.json`, accountSid, authToken)).body.status;
      expect(await Promise.all([...children, grandchild, accountSid].map(statusSeen))).toEqual(['closed', 'active', 'closed', 'active']);
      // "Access to the system through it is revoked."
      expect(await statusOf(at, subAccountSid, password)).toBe(401);
      expect(await statusOf(at, grandchild, password)).toBe(401);
    },
  },
];

async function check({ comesTrue }: Sample, at: World, { body, ...ended }: Ran): Promise<void> {
  expect({ ...ended, ...(ended.status !== 200 && { body }) }).toEqual({ exitCode: 0, mistakes: '', status: 200 });
  await comesTrue(at, body);
}

describe.each(toolsHere)('a program for %s', (tool) => {
  it.each(samples.map((sample) => [sample.caption, sample] as const))('%s', async (_caption, sample) => {
    const at = await prepare();
    await check(sample, at, await runProgram(tool, programFor(tool, sample, at)));
  });
});

const { DOCUMENTED_SAMPLES } = process.env;
describe.each(DOCUMENTED_SAMPLES ? [DOCUMENTED_SAMPLES] : [])('the documentation in %s', (file) => {
  const documentation = readFileSync(file, 'utf8');
  const programs = programsIn(documentation).map((program) => {
    const request = requestOf(program.text);
    return { ...program, request, sample: samples.find((known) => requestOfCall(known) === request) };
  });

  it('has the same programs for each tool, each of a sample above, and none is passed over', () => {
    const requestsFor = (tool: ToolName): string[] => programs.filter((program) => program.tool === tool).map(({ request }) => request);
    const requests = requestsFor('curl');
    expect(new Set(requests)).toEqual(new Set(samples.map(requestOfCall)));
    for (const tool of ['Node.js', 'Python', 'Java'] as const) expect(requestsFor(tool)).toEqual(requests);
    expect(documentation.match(/^\s*\.\.\.$/gm)).toHaveLength(3 * requests.length);
    expect(documentation.match(/\/restcomm\/2012-04-24\//g)).toHaveLength(4 * requests.length);
  });

  const runnable = programs.filter(({ tool }) => toolsHere.includes(tool));
  it.each(runnable.map((program) => [program.tool, program.line, program.sample?.caption, program] as const))(
    '%s at line %i: %s',
    async (tool, _line, _caption, { sample, ...program }) => {
      const at = await prepare();
      await check(sample!, at, await runProgram(tool, filledIn(program, sample!.target, at)));
    },
  );
});
