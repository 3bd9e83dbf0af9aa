import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { pino } from 'pino';
import { describe, expect, inject, it } from 'vitest';
import { createApp } from '../../src/app.js';
import { readConfig } from '../../src/config.js';
import { urlForGateways } from '../support/database.js';
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
});
