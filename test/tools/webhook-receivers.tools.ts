import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { send } from '../support/http-client.js';
import { eventually } from '../support/patience.js';

const examples = join(import.meta.dirname, '../../examples');

let gateway: TestGateway;
beforeAll(
  async () => void (gateway = await startTestGateway({ environment: { WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8' }, deliversEvents: true })),
);
afterAll(() => gateway.stop());

const ask = async (query: string): Promise<any> => {
  const { data, errors } = await postGraphql<any>(gateway.url, admin, query);
  expect(errors).toBeUndefined();
  return data;
};

/** Starts one of the example receivers, and tells where it listens and what it wrote. */
async function start(program: string, file: string, secret: string): Promise<{ child: ChildProcess; url: string; lines: () => string[] }> {
  let output = '';
  const child = spawn(program, [join(examples, file)], { env: { ...process.env, WEBHOOK_SECRET: secret, PORT: '0' } });
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const url = await eventually(() => /http:\S+/.exec(output)![0]);
  return { child, url, lines: () => output.trim().split('\n').slice(1) };
}

describe.each([
  ['Node.js', process.execPath, 'webhook-receiver.mjs'],
  ['Python', process.env.PYTHON ?? 'python3', 'webhook_receiver.py'],
])('the example of a receiver in %s', (_language, program, file) => {
  it('is told of events once each, in order, and refuses what the gateway did not sign', async () => {
    const { sid } = (await ask('{ viewer { sid } }')).viewer;
    // A secret is known only when the webhook is: so its URL is set when the receiver runs.
    const { webhook, secret } = (
      await ask(
        `mutation { createWebhook(input: { accountSid: "${sid}", url: "http://127.0.0.1:1/", types: [PROFILE_CREATED] }) { webhook { sid } secret } }`,
      )
    ).createWebhook;
    const { child, url, lines } = await start(program, file, secret);
    try {
      await ask(`mutation { updateWebhook(input: { sid: "${webhook.sid}", url: "${url}" }) { webhook { sid } } }`);
      const { attempt } = (await ask(`mutation { testWebhook(input: { sid: "${webhook.sid}" }) { attempt { status failure } } }`))
        .testWebhook;
      expect(attempt).toEqual({ status: 204, failure: null });
      for (let count = 0; count < 3; count++) await ask('mutation { createProfile(input: { document: {} }) { profile { sid } } }');
      await eventually(() => expect(lines()).toHaveLength(4));
      const { nodes } = (await ask(`{ events(accountSid: "${sid}", first: 100, types: [PROFILE_CREATED]) { nodes { id } } }`)).events;
      expect(lines().map((line) => line.split(' ').slice(1, 3))).toEqual([
        [expect.stringMatching(/^test:/), 'webhook.test'],
        ...nodes.slice(-3).map(({ id }: { id: string }) => [id, 'profile.created']),
      ]);
      await ask(
        `mutation { replayWebhook(input: { sid: "${webhook.sid}", from: { eventId: "${nodes.at(-1).id}" } }) { webhook { sid } } }`,
      );
      await eventually(async () => {
        const { totalCount } = (await ask(`{ webhook(sid: "${webhook.sid}") { attempts { totalCount } } }`)).webhook.attempts;
        expect(totalCount).toBe(5);
      });
      const headers = { 'webhook-id': 'AC1:1', 'webhook-timestamp': String(Math.floor(Date.now() / 1000)), 'webhook-signature': 'v1,AAAA' };
      expect((await send(url, { method: 'POST', headers, body: '{}' })).status).toBe(400);
      expect(lines()).toHaveLength(4);
    } finally {
      child.kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
      await ask(`mutation { deleteWebhook(input: { sid: "${webhook.sid}" }) { sid } }`);
    }
  });
});
