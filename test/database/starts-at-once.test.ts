import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { createApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { migrate } from '../../src/persistence/schema/migrate.js';
import { cloneDatabase, urlForGateways } from '../support/database.js';
import { admin, cheapPasswords, testKey } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';

describe('gateways that start at once on an empty database', () => {
  it('migrate it once, and make one root with one password', async () => {
    for (let round = 0; round < 10; round++) {
      const name = `gateway_${randomBytes(6).toString('hex')}`;
      const server = new Client({ connectionString: inject('serverUrl') });
      await server.connect();
      await server.query(`CREATE DATABASE ${name}`);
      const announced: string[] = [];
      const apps = await Promise.all(
        [1, 2, 3].map(async () => {
          await sleep(Math.random() * 10);
          return createApp({
            config: readConfig({ PORT: '0', METRICS_PORT: '0', ADMIN_EMAIL: admin.login }),
            databaseUrl: urlForGateways(name),
            credentialsKeys: [testKey],
            log: pino({ level: 'silent' }),
            announcePassword: (_emailAddress, generated) => announced.push(generated),
            passwordCost: cheapPasswords,
          });
        }),
      );

      const urls = await Promise.all(apps.map(async (app) => (await app.listen()).url));
      const { dataSource } = apps[0]!;
      expect(await dataSource.query(`SELECT email_address, status FROM account`)).toEqual([
        { email_address: admin.login, status: 'active' },
      ]);
      expect(await dataSource.query(`SELECT domain_name FROM organization`)).toEqual([{ domain_name: 'provider.test' }]);
      expect(await dataSource.query(`SELECT name FROM migration ORDER BY id`)).toEqual(
        dataSource.migrations.map(({ constructor }) => ({ name: constructor.name })),
      );
      expect(announced).toHaveLength(1);
      const login = { login: admin.login, secret: announced[0]! };
      for (const url of urls) expect((await postGraphql(url, login, '{ viewer { role } }')).errors).toBeUndefined();

      for (const app of apps) await app.close();
      await server.query(`DROP DATABASE ${name} WITH (FORCE)`);
      await server.end();
    }
  });

  it('build the index that finds texts once, at the same time, and also where one was killed while it built it', async () => {
    const database = await cloneDatabase();
    const dataSources = await Promise.all([1, 2, 3, 4].map(() => createDataSource({ url: database.url, poolSize: 3 }).initialize()));
    const isValid = async (): Promise<boolean | undefined> =>
      (
        await database.query<{ valid: boolean }>(`SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass('account_text')`)
      )[0]?.valid;
    for (let round = 0; round < 10; round++) {
      await database.query(
        round % 2 === 0 ? 'DROP INDEX account_text' : `UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'account_text'::regclass`,
      );
      await Promise.all(dataSources.map((dataSource) => migrate(dataSource)));
      expect(await isValid()).toBe(true);
    }
    for (const dataSource of dataSources) await dataSource.destroy();
    await database.drop();
  });
});
