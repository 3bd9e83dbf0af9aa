import { describe, expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/config.js';

const mistakesIn = (environment: Record<string, string>): readonly string[] => {
  try {
    readConfig(environment);
    return [];
  } catch (error) {
    return (error as ConfigError).mistakes;
  }
};

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({})).toMatchObject({
      port: 4000,
      host: '127.0.0.1',
      adminEmail: 'administrator@company.com',
      maxLevels: 10,
      graphiql: true,
      console: true,
    });
  });

  it.each([
    ['GRAPHIQL', 'graphiql'],
    ['CONSOLE', 'console'],
  ] as const)('turns %s off in production, unless it is asked for', (name, setting) => {
    expect(readConfig({ NODE_ENV: 'production' })[setting]).toBe(false);
    expect(readConfig({ NODE_ENV: 'production', [name]: 'true' })[setting]).toBe(true);
    expect(readConfig({ [name]: 'false' })[setting]).toBe(false);
  });

  it('gives each of several workers its part of the connections, and no less than it needs', () => {
    expect([readConfig({}), readConfig({ WORKERS: '4' })]).toMatchObject([
      { workers: 1, poolSize: 10 },
      { workers: 4, poolSize: 10 },
    ]);
    expect(readConfig({ WORKERS: '4', DATABASE_POOL_SIZE: '15' }).poolSize).toBe(3);
    expect(mistakesIn({ WORKERS: '4', DATABASE_POOL_SIZE: '11' })).toEqual([
      'DATABASE_POOL_SIZE must be a whole number from 12 to 1000, not "11".',
    ]);
  });

  it('takes an empty variable as one that is not set', () => {
    expect(readConfig({ PORT: '', DATABASE_URL: '' })).toMatchObject({ port: 4000, databaseUrl: undefined });
  });

  it('takes a key in hexadecimal and in base64', () => {
    const key = Buffer.alloc(32, 7);
    for (const form of ['hex', 'base64', 'base64url'] as const) {
      expect(readConfig({ CREDENTIALS_KEY: key.toString(form) }).credentialsKeys).toEqual([key]);
    }
  });

  it('takes several keys, in order', () => {
    const [one, other] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
    expect(readConfig({ CREDENTIALS_KEY: `${one.toString('hex')}, ${other.toString('base64')}` }).credentialsKeys).toEqual([one, other]);
    expect(mistakesIn({ CREDENTIALS_KEY: `${one.toString('hex')},` })).toHaveLength(1);
  });

  it('takes origins separated by commas, and none by default', () => {
    expect(readConfig({}).corsOrigins).toEqual([]);
    expect(readConfig({ CORS_ORIGINS: 'https://one.test, http://localhost:3000,' }).corsOrigins).toEqual([
      'https://one.test',
      'http://localhost:3000',
    ]);
  });

  it('takes addresses of proxies and ranges of them, and trusts none by default', () => {
    expect(readConfig({}).trustedProxies).toEqual([]);
    expect(readConfig({ TRUST_PROXY: '10.0.0.0/8, 127.0.0.1,2001:db8::/32,' }).trustedProxies).toEqual([
      '10.0.0.0/8',
      '127.0.0.1',
      '2001:db8::/32',
    ]);
  });

  it.each([
    [{ PORT: 'http' }, 'PORT must be a whole number from 0 to 65535, not "http".'],
    [{ PORT: '-1' }, 'PORT must be a whole number from 0 to 65535, not "-1".'],
    [{ PORT: '9464' }, 'PORT and METRICS_PORT must differ; both are 9464.'],
    [{ LOG_LEVEL: 'loud' }, 'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent, not "loud".'],
    [{ GRAPHIQL: 'yes' }, 'GRAPHIQL must be one of true, false, not "yes".'],
    [{ AUTH_TOKEN_SCHEME: 'MD5' }, 'AUTH_TOKEN_SCHEME must be one of random, md5, not "MD5".'],
    [{ CORS_ORIGINS: '*' }, 'CORS_ORIGINS must be origins like https://console.company.com, separated by commas, not "*".'],
    [
      { CORS_ORIGINS: 'https://good.test, https://bad.test/' },
      'CORS_ORIGINS must be origins like https://console.company.com, separated by commas, not "https://bad.test/".',
    ],
    [{ TRUST_PROXY: 'true' }, 'TRUST_PROXY must be addresses or ranges like 10.0.0.0/8, separated by commas, not "true".'],
    [{ TRUST_PROXY: '10.0.0.0/33' }, 'TRUST_PROXY must be addresses or ranges like 10.0.0.0/8, separated by commas, not "10.0.0.0/33".'],
    [{ SIGN_IN_FAILURES_PER_ACCOUNT: '0' }, 'SIGN_IN_FAILURES_PER_ACCOUNT must be a whole number from 1 to 1000000, not "0".'],
    [{ PUBLIC_URL: 'gateway' }, 'PUBLIC_URL must be an http or https URL without user, query and fragment, not "gateway".'],
    [
      { CREDENTIALS_KEY: 'short' },
      'CREDENTIALS_KEY must be 32 bytes, as 64 hexadecimal digits or as base64; or several of them, separated by commas.',
    ],
    [{ ACCOUNT_TREE_MAX_LEVELS: '1' }, 'ACCOUNT_TREE_MAX_LEVELS must be a whole number from 2 to 50, not "1".'],
    [{ ADMIN_PASSWORD: 'password' }, 'ADMIN_PASSWORD is refused: The password is too weak: it is a well-known one.'],
    [
      { DATABASE_URL: 'mysql://secret@host/db', CREDENTIALS_KEY: '0'.repeat(64) },
      'DATABASE_URL must be a URL like postgresql://user:password@host:5432/database.',
    ],
    [
      { DATABASE_URL: 'postgresql://host/db', DATABASE_REPLICA_URL: 'http://secret@host/db', CREDENTIALS_KEY: '0'.repeat(64) },
      'DATABASE_REPLICA_URL must be a URL like postgresql://user:password@host:5432/database.',
    ],
    [{ DATABASE_REPLICA_URL: 'postgresql://host/db' }, 'DATABASE_REPLICA_URL needs DATABASE_URL: the embedded database has no replica.'],
    [{ DATABASE_REPLICA_MAX_LAG_SECONDS: '0' }, 'DATABASE_REPLICA_MAX_LAG_SECONDS must be a whole number from 2 to 3600, not "0".'],
  ])('says of %j what is wrong', (environment, sentence) => {
    expect(mistakesIn(environment)).toEqual([sentence]);
  });

  it('asks for the key of a database that it does not keep itself', () => {
    for (const key of [{}, { CREDENTIALS_KEY: '' }]) {
      expect(mistakesIn({ DATABASE_URL: 'postgresql://host/db', ...key })).toEqual([
        expect.stringContaining('CREDENTIALS_KEY is required'),
      ]);
    }
  });

  it('tells every mistake at once', () => {
    expect(mistakesIn({ PORT: 'x', LOG_LEVEL: 'x', ADMIN_EMAIL: 'x' })).toHaveLength(3);
  });
});
