import { afterAll, beforeAll, expect, it } from 'vitest';
import { EventType } from '../../src/domain/event.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { eventually } from '../support/patience.js';
import { plant } from '../support/plant.js';
import { type TestReceiver, answers, startReceiver } from '../support/receiver.js';

/* docs/event-examples.md is what a webhook is really sent; `npx vitest run test/events/examples.test.ts -u` writes it anew. */

let gateway: TestGateway;
let receiver: TestReceiver;
beforeAll(async () => {
  receiver = await startReceiver();
  gateway = await startTestGateway({ environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' }, deliversEvents: true });
});
afterAll(async () => {
  await gateway.stop();
  await receiver.stop();
});

const ask = async (query: string): Promise<any> => {
  const { data, errors } = await postGraphql<any>(gateway.url, admin, query);
  expect(errors).toBeUndefined();
  return data;
};
/** Makes one change and returns its payload. */
const change = async (mutation: string): Promise<any> => Object.values(await ask(`mutation { ${mutation} }`))[0];

/** Has everything happen that is an event. */
async function live(): Promise<void> {
  const rootSid = (await ask('{ viewer { sid } }')).viewer.sid;
  const register = (accountSid: string, url: string) =>
    change(`createWebhook(input: { accountSid: "${accountSid}", url: "${url}" }) { webhook { sid } }`);
  const { webhook } = await register(rootSid, receiver.url);
  const { organization } = await change('createOrganization(input: { domainName: "shops.example.com" }) { organization { sid } }');
  const { profile } = await change('createProfile(input: { document: { limits: { calls: 10 } } }) { profile { sid } }');
  await change(`updateProfile(input: { sid: "${profile.sid}", document: { limits: { calls: 20 } } }) { profile { sid } }`);
  const { account } = await change(
    `createAccount(input: { parentSid: "${rootSid}", emailAddress: "jane@example.com", friendlyName: "Jane", role: ADMINISTRATOR }) { account { sid } }`,
  );
  const sid = `sid: "${account.sid}"`;
  await change(`updateAccount(input: { ${sid}, password: "a decent password" }) { account { sid } }`);
  await change(`updateAccount(input: { ${sid}, friendlyName: "Jane's shop" }) { account { sid } }`);
  await change(`updateAccount(input: { ${sid}, emailAddress: "jane@shops.example.com" }) { account { sid } }`);
  await change(`rotateAuthToken(input: { ${sid} }) { account { sid } }`);
  await plant(gateway.database, { below: account.sid, widths: [2] });
  await change(`setAccountStatus(input: { ${sid}, status: SUSPENDED }) { reachedCount }`);
  await change(`setAccountStatus(input: { ${sid}, status: ACTIVE }) { reachedCount }`);
  await change(`migrateAccount(input: { ${sid}, organization: { sid: "${organization.sid}" } }) { reachedCount }`);
  const link = `input: { sid: "${profile.sid}", target: { accountSid: "${account.sid}" } }`;
  await change(`linkProfile(${link}) { profile { sid } }`);
  await change(`unlinkProfile(${link}) { profile { sid } }`);
  await change(`deleteProfile(input: { sid: "${profile.sid}" }) { sid }`);
  await change(`closeAccount(input: { ${sid} }) { reachedCount }`);
  await change(`closeOrganization(input: { sid: "${organization.sid}" }) { organization { sid } }`);
  const gone = await startReceiver({ answer: answers.status(500) });
  const { webhook: failing } = await register(rootSid, gone.url);
  await change('createProfile(input: { document: {} }) { profile { sid } }');
  await eventually(() => expect(gone.requests.length).toBeGreaterThan(0));
  await eventually(async () => {
    await gateway.database.query(
      `UPDATE webhook_place SET failing_since = now() - interval '3 days', due_at = now() WHERE webhook_sid = $1 AND failures > 0 AND lease IS NULL`,
      [failing.sid],
    );
    expect((await ask(`{ webhook(sid: "${failing.sid}") { status } }`)).webhook.status).toBe('PAUSED');
  });
  await gone.stop();
  await change(`testWebhook(input: { sid: "${webhook.sid}" }) { attempt { failure } }`);
}

/** The same each time: what is random or told by the clock is replaced, in the order of its appearance. */
function steady(text: string): string {
  const seen = new Map<string, string>();
  return text
    .replaceAll(/(AC|OR|PR|WH)[0-9a-f]{32}/g, (sid, kind: string) => {
      if (!seen.has(sid)) seen.set(sid, kind + (seen.size + 1).toString(16).padStart(2, '0').repeat(16));
      return seen.get(sid)!;
    })
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '2026-11-28T10:17:35.000Z')
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, '0d0f6a3c-0b59-4b0a-9a5e-5d9c7c1c6a0e');
}

it('the examples of the guide are what is sent, one for each type', async () => {
  await live();
  const types = Object.values(EventType);
  const first = (type: string) => receiver.requests.map(({ body }) => JSON.parse(body)).find((event) => event.type === type);
  await eventually(() => expect(types.filter((type) => first(type) === undefined)).toEqual([]));
  const examples = types.map((type) => `## ${type}\n\n\`\`\`json\n${JSON.stringify(first(type), null, 2)}\n\`\`\`\n`);
  const text = steady(
    `# Examples of events\n\nOne of each type, as a webhook of the Super Admin is sent them. [events.md](events.md) says what they mean.\n\n${examples.join('\n')}`,
  );
  await expect(text).toMatchFileSnapshot('../../docs/event-examples.md');
});
