import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, inject, it } from 'vitest';
import { inDatabase } from '../support/database-url.js';
import { administrator, useGatewayFolder } from '../support/gateway-folder.js';
import { postGraphql } from '../support/graphql-client.js';
import { ask, runGateway } from '../support/processes.js';
import { readiness } from '../support/running-requests.js';
import { announced, signIn } from '../support/sign-in.js';

const key = randomBytes(32).toString('hex');
const createAccount = `mutation($email: EmailAddress!) {
  createAccount(input: { emailAddress: $email, password: "a decent password", role: DEVELOPER }) { account { sid } }
}`;

const folder = useGatewayFolder();

describe('an empty database', () => {
  let databaseUrl: string;
  beforeEach(async () => {
    const name = `gateway_empty_${randomBytes(6).toString('hex')}`;
    databaseUrl = inDatabase(inject('serverUrl'), name);
    await ask(inject('serverUrl'), `CREATE DATABASE ${name}`);
    folder.cleanUp(() => ask(inject('serverUrl'), `DROP DATABASE ${name} WITH (FORCE)`));
  });

  it('that is not migrated at start makes the gateway ready once "migrate" was run, without a restart', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key };
    const gateway = await folder.start({ environment: { ...settings, MIGRATE_ON_START: 'false' } });
    const health = async (path: string) => (await fetch(`${gateway.url}/health/${path}`)).status;
    expect([await health('live'), await health('ready')]).toEqual([200, 503]);

    expect(await runGateway(folder.environment(settings), ['migrate'])).toMatchObject({ code: 0, mistakes: [] });
    expect(await health('ready')).toBe(200);
    expect((await postGraphql(gateway.url, administrator(gateway), '{ viewer { sid } }')).status).toBe(200);
  });

  it('gets a history that "verify-history" holds against its checkpoint, beside the gateway that runs', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key };
    const gateway = await folder.start({ environment: settings });
    const checkpoint = join(folder.path, 'checkpoint.json');
    // It reads no AuthToken, and needs no key.
    const verify = (...options: string[]) =>
      runGateway(folder.environment({ DATABASE_URL: databaseUrl }), ['verify-history', ...options, checkpoint]);
    expect(await verify()).toMatchObject({
      code: 78,
      mistakes: [`There is no ${checkpoint}. To create a first checkpoint there: verify-history --new ${checkpoint}`],
    });
    expect(await verify('--new')).toMatchObject({ code: 0, mistakes: [], output: 'The history is sound: 2 entries in 1 chain.\n' });
    expect(await verify('--new')).toMatchObject({ code: 78, mistakes: [expect.stringContaining('Leave --new out')] });
    await postGraphql(gateway.url, administrator(gateway), createAccount, { email: 'sales@customer.test' });
    const again = await verify();
    expect(again.output).toMatch(/^The history is sound: 3 entries in 2 chains, and continues the checkpoint of \S+Z\.\n$/);

    await ask(databaseUrl, `DELETE FROM history WHERE operation = 'createOrganization'`);
    const { code, output } = await verify();
    expect([code, output]).toEqual([
      1,
      expect.stringMatching(/^The history is not sound\. Entry 1 of the history of AC\w{32} is missing\.\n$/),
    ]);
    const lowest = { date: new Date().toISOString(), chains: { [`AC${'0'.repeat(32)}`]: { position: 0, hash: '0'.repeat(64) } } };
    for (const text of ['not one', JSON.stringify(lowest)]) {
      await writeFile(checkpoint, text);
      expect(await verify()).toMatchObject({ code: 78, mistakes: [`${checkpoint}: This is not a checkpoint of the history.`] });
    }
  });

  it('has a history whose verdict is told, though the checkpoint cannot be written', async () => {
    const gateway = await folder.start({ environment: { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key } });
    await gateway.end('SIGTERM');
    const nowhere = join(folder.path, 'missing', 'checkpoint.json');
    const ended = await runGateway(folder.environment({ DATABASE_URL: databaseUrl }), ['verify-history', '--new', nowhere]);
    expect(ended).toMatchObject({ code: 1, mistakes: [expect.stringContaining('ENOENT')] });
    expect(ended.output).toMatch(/^The history is sound: 2 entries in 1 chain\.\n/);
  });

  it('is prepared by one of five gateways that start on it at once', async () => {
    const settings = { DATABASE_URL: databaseUrl, CREDENTIALS_KEY: key, ADMIN_PASSWORD: '' };
    const gateways = await Promise.all(Array.from({ length: 5 }, () => folder.start({ environment: settings })));

    const passwords = gateways.flatMap(({ output }) => announced.exec(output())?.[2] ?? []);
    expect(passwords).toHaveLength(1);
    for (const gateway of gateways) {
      expect(await readiness(gateway)).toBe(true);
      await signIn(gateway, { login: 'administrator@company.com', secret: passwords[0]! });
    }
    expect(await ask(databaseUrl, 'SELECT count(*)::integer AS roots FROM account WHERE parent_sid IS NULL')).toEqual([{ roots: 1 }]);
    expect(await ask(databaseUrl, 'SELECT name FROM migration GROUP BY name HAVING count(*) <> 1')).toEqual([]);
  });
});
