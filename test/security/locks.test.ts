import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { type Login, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { create, password, uniqueEmail } from '../support/tree.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

it('whoever may not change an account does not wait for its locks, and so takes none', async () => {
  const surface = graphqlSurface(gateway.url);
  const victim = await create(surface);
  const stranger = await create(surface);
  const root = (await gateway.database.query<{ sid: string }>(`SELECT sid FROM account WHERE parent_sid IS NULL`))[0]!;
  const changes: [string, (sid: string) => object][] = [
    ['createAccount', (sid) => ({ parentSid: sid, emailAddress: uniqueEmail(), role: 'DEVELOPER' })],
    ['updateAccount', (sid) => ({ sid, friendlyName: 'Mine' })],
    ['setAccountStatus', (sid) => ({ sid, status: 'SUSPENDED' })],
    ['closeAccount', (sid) => ({ sid })],
    ['rotateAuthToken', (sid) => ({ sid })],
    ['createPasswordResetToken', (sid) => ({ sid })],
  ];
  await gateway.database.query('BEGIN');
  await gateway.database.query(`SELECT 1 FROM account FOR UPDATE`);
  await gateway.database.query(`SELECT pg_advisory_xact_lock(hashtextextended(sid, 1)) FROM account WHERE sid <> $1`, [stranger.sid]);
  try {
    for (const { sid } of [victim, root]) {
      for (const [mutation, input] of changes) {
        expect(await refusal(stranger.login, mutation, input(sid)), mutation).toBe('FORBIDDEN');
      }
    }
  } finally {
    await gateway.database.query('ROLLBACK');
  }
  expect(await refusal(victim.login, 'updateAccount', { sid: victim.sid, password })).toBeUndefined();
});

async function refusal(login: Login, mutation: string, input: object): Promise<string | undefined> {
  const type = `${mutation[0]!.toUpperCase()}${mutation.slice(1)}Input`;
  const answer = await postGraphql(gateway.url, login, `mutation($input: ${type}!) { ${mutation}(input: $input) { account { sid } } }`, {
    input,
  });
  return answer.errors?.[0]?.extensions.code;
}
