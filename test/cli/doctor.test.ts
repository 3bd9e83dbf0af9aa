import { randomBytes } from 'node:crypto';
import { readdir, rm } from 'node:fs/promises';

import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import { version } from '../../src/version.js';
import { createDataSource } from '../../src/persistence/connection/data-source.js';
import { clockDifference } from '../../src/persistence/schema/clock-check.js';
import { emptyDatabase } from '../support/databases.js';
import { startUpstream } from '../support/upstream.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { expectNoProcessIn, runGateway } from '../support/processes.js';

const folder = useGatewayFolder();
const key = randomBytes(32).toString('hex');

interface Finding {
  check: string;
  result: string;
  message: string;
}

/** What `doctor --json` says, without what depends on the machine. */
async function findings(settings: Record<string, string> = {}) {
  const { code, output, mistakes } = await runGateway(folder.environment(settings), ['doctor', '--json']);
  expect(mistakes).toEqual([]);
  const told = JSON.parse(output) as { isHealthy: boolean; findings: Finding[] };
  expect(told.isHealthy).toBe(code === 0);
  const of = (check: string): string[] =>
    told.findings.filter((finding) => finding.check === check).map(({ result, message }) => `${result}: ${message}`);
  return { code, of, checks: told.findings.map(({ check }) => check) };
}

describe('doctor', () => {
  it('finds nothing wrong with a gateway, whether it runs or not', async () => {
    await folder.startedBefore();
    const upstream = await startUpstream((_request, response) => response.end());
    folder.cleanUp(() => upstream.stop());
    const settings = { SUBRESOURCE_UPSTREAMS: JSON.stringify({ Calls: { url: upstream.url } }) };
    const sound = ['versions', 'configuration', 'disk', 'database', 'migrations', 'locks', 'clock', 'key', 'upstreams'];
    const stopped = await findings(settings);
    expect([stopped.code, stopped.checks]).toEqual([0, sound]);
    await expectNoProcessIn(folder.path);
    const gateway = await folder.start();
    const { code, checks, of } = await findings(settings);
    expect([code, checks]).toEqual([0, sound]);
    expect(of('database')).toEqual([expect.stringMatching(/^ok: PostgreSQL 18\.\d+ answers, /)]);
    expect(of('key')).toEqual([`ok: ${join(folder.path, 'credentials.key')} decrypts the AuthTokens.`]);
    expect(of('upstreams')).toEqual([`ok: Calls can be reached at ${upstream.url}.`]);
    const { output } = await runGateway(folder.environment(), ['doctor']);
    expect(output).toMatch(new RegExp(`^(ok|warning) +versions +Account gateway ${version} on Node\\.js .+\\n(ok .+\\n){7}$`));
    expect(await gateway.end('SIGTERM')).toBe(0);
  });

  it('tells all that is wrong at once', async () => {
    await folder.startedBefore();
    const { code, of } = await findings({
      PORT: 'http',
      LOG_LEVEL: 'loud',
      CREDENTIALS_KEY: key,
      SUBRESOURCE_UPSTREAMS: '{"Calls": {"url": "http://127.0.0.1:1"}}',
    });
    expect(code).toBe(1);
    expect(of('configuration')).toEqual([
      expect.stringMatching(/^failed: PORT must be /),
      expect.stringMatching(/^failed: LOG_LEVEL must be /),
    ]);
    expect(of('key')).toEqual([
      expect.stringMatching(/^failed: CREDENTIALS_KEY is not the key that .* Restore the right one\. .*"account-gateway replace-key"/),
    ]);
    expect(of('upstreams')).toEqual([expect.stringMatching(/^failed: Calls cannot be reached at http:\/\/127\.0\.0\.1:1\. Start it, /)]);
    expect(of('database')).toEqual([expect.stringMatching(/^ok: /)]);
  });

  it('tells of a key that is missing', async () => {
    await folder.startedBefore();
    await rm(join(folder.path, 'credentials.key'));
    const { code, of } = await findings();
    expect([code, of('key'), of('locks')]).toEqual([
      1,
      [expect.stringMatching(/^failed: \S+ is missing, /)],
      [expect.stringMatching(/^ok/)],
    ]);
  });

  it('makes no database where there is none', async () => {
    const { code, of } = await findings();
    expect([code, of('database')]).toEqual([0, [expect.stringMatching(/^warning: There is none in \S+ yet; the first start makes it\.$/)]]);
    expect(await readdir(folder.path)).toEqual([]);
  });

  it('tells of a database that cannot be reached, is unfit, or has not been migrated', async () => {
    const at = (DATABASE_URL: string) => findings({ DATABASE_URL, CREDENTIALS_KEY: key });
    const nowhere = await at('postgresql://gateway:hunter2@127.0.0.1:1/gateway');
    expect([nowhere.code, nowhere.of('database')]).toEqual([1, ['failed: connect ECONNREFUSED 127.0.0.1:1']]);
    const wrong = await at('mysql://gateway@127.0.0.1/gateway');
    expect([wrong.code, wrong.of('configuration'), wrong.of('database')]).toEqual([
      1,
      [expect.stringMatching(/^failed: DATABASE_URL /)],
      ['failed: Not looked at: DATABASE_URL is wrong.'],
    ]);
    const latin = await emptyDatabase(`ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0`);
    folder.cleanUp(latin.drop);
    const unfit = await at(latin.url);
    expect([unfit.code, unfit.of('database')]).toEqual([1, [expect.stringMatching(/^failed: .+ has the encoding LATIN1; /)]]);
    expect(unfit.of('migrations')).toEqual([expect.stringMatching(/^warning: \d+ have not run\. The next start runs them\.$/)]);
    expect(unfit.of('key')).toEqual([expect.stringMatching(/^warning: Whether it is the right one /)]);
  });

  it('tells of a replica that is none', async () => {
    const { code, of } = await findings({
      DATABASE_URL: inject('serverUrl'),
      CREDENTIALS_KEY: key,
      DATABASE_REPLICA_URL: inject('serverUrl'),
    });
    expect([code, of('replica')]).toEqual([1, [expect.stringMatching(/^failed: DATABASE_REPLICA_URL names no replica /)]]);
  });
});

describe('the difference of clocks', () => {
  const dataSource = createDataSource({ url: inject('serverUrl'), poolSize: 1 });
  beforeAll(() => dataSource.initialize());
  afterAll(() => dataSource.destroy());

  it.each([3600, -3600])("is measured against the database's: %s s", async (seconds) => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() - seconds * 1000 });
    try {
      expect(Math.round((await clockDifference(dataSource)) / 600)).toBe(seconds / 600);
    } finally {
      vi.useRealTimers();
    }
  });
});
