import { existsSync } from 'node:fs';
import { access, constants, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Config, examineConfig } from '../config.js';
import { type CredentialsKeys, configuredCredentialsKeys } from '../credentials-key.js';
import { Metrics } from '../metrics.js';
import { Places } from '../subresources/places.js';
import { Upstreams } from '../subresources/upstreams.js';
import { version } from '../version.js';
import { examineDatabaseAt } from './doctor-database.js';
import { type Finding, examined } from './finding.js';
import { createLog } from './log.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson } from './terminal.js';
import { withDatabase } from './with-database.js';

/** `account-gateway doctor`: looks at all that a gateway needs, and tells all that is wrong. The exit code is 1 if something has failed. */
export async function doctor({ json: asJson = false }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  const { config, mistakes } = examineConfig();
  const findings = [
    ...versions(),
    ...configuration(mistakes),
    ...(await examined('disk', () => disk(config))),
    ...(await database(config, mistakes, shutdown)),
    ...(await examined('upstreams', () => upstreams(config))),
  ];
  const isHealthy = findings.every(({ result }) => result !== 'failed');
  if (!isHealthy) process.exitCode = 1;
  if (asJson) return printJson({ isHealthy, findings });
  for (const { check, result, message } of findings) print(`${result.padEnd(8)} ${check.padEnd(14)} ${message}`);
}

/** Older ones are past their end of life. */
const oldestMaintainedNode = 22;

function versions(): Finding[] {
  const node = process.versions.node;
  const isOld = Number.parseInt(node, 10) < oldestMaintainedNode;
  const advice = isOld ? ', which is past its end of life. Use Node.js 24' : '';
  return [{ check: 'versions', result: isOld ? 'warning' : 'ok', message: `Account gateway ${version} on Node.js ${node}${advice}.` }];
}

function configuration(mistakes: readonly string[]): Finding[] {
  if (mistakes.length === 0) return [{ check: 'configuration', result: 'ok', message: 'All settings can be read.' }];
  return mistakes.map((message) => ({ check: 'configuration', result: 'failed', message }));
}

const megabyte = 1024 ** 2;

/** Free space, in bytes: with less than the first one PostgreSQL will soon find no room for its WAL; the second one is a warning. */
const room = { needed: 64 * megabyte, wanted: 1024 * megabyte };

/** Of the data folder; with a database server nothing is kept there. */
async function disk({ databaseUrl, dataDirectory }: Config): Promise<Finding[]> {
  if (databaseUrl !== undefined) return [];
  const folder = nearestExisting(dataDirectory);
  const { bavail, bsize } = await statfs(folder);
  await access(folder, constants.W_OK | constants.X_OK);
  const free = bavail * bsize;
  const message = `${dataDirectory} has ${Math.floor(free / megabyte).toLocaleString('en')} MB left`;
  if (free >= room.wanted) return [{ check: 'disk', result: 'ok', message: `${message}.` }];
  const advice = 'Make room, or move the folder to a larger disk while the gateway is stopped.';
  return [{ check: 'disk', result: free < room.needed ? 'failed' : 'warning', message: `${message}. ${advice}` }];
}

function nearestExisting(folder: string): string {
  return existsSync(folder) ? folder : nearestExisting(dirname(folder));
}

/** The database, and the key that belongs to it: that one is missing is told even if the database cannot be reached. */
async function database(config: Config, mistakes: readonly string[], shutdown: Shutdown): Promise<Finding[]> {
  if (isWrong('DATABASE_URL', mistakes)) return [{ check: 'database', result: 'failed', message: 'Not looked at: DATABASE_URL is wrong.' }];
  if (!hasDatabase(config)) {
    const message = `There is none in ${config.dataDirectory} yet; the first start makes it.`;
    return [{ check: 'database', result: 'warning', message }];
  }
  let keys: CredentialsKeys | undefined;
  const isKeyWrong = isWrong('CREDENTIALS_KEY', mistakes);
  const missing = isKeyWrong ? [] : await examined('key', async () => ((keys = await configuredCredentialsKeys(config)), []));
  const findings = await examined('database', async () => {
    let found: Finding[] = [];
    const log = createLog({ ...config, logLevel: 'silent' });
    await withDatabase({ config, log, shutdown, needsKey: false }, async (databaseUrl) => {
      found = await shutdown.unlessRequested(examineDatabaseAt(databaseUrl, config, keys));
    });
    return found;
  });
  return [...missing, ...findings];
}

function isWrong(variable: string, mistakes: readonly string[]): boolean {
  return mistakes.some((mistake) => mistake.startsWith(`${variable} `));
}

function hasDatabase({ databaseUrl, dataDirectory }: Config): boolean {
  return databaseUrl !== undefined || existsSync(join(dataDirectory, 'postgres'));
}

async function upstreams(config: Config): Promise<Finding[]> {
  const { upstreams: settings, upstreamTimeouts: timeouts, upstreamLimits } = config;
  const metrics = new Metrics().ofUpstreams(settings.keys());
  const all = new Upstreams({ settings, timeouts, places: new Places(upstreamLimits, () => {}), metrics, onFailed: () => {} });
  try {
    return (await all.health()).map(({ name, status }) => {
      const url = settings.get(name)!.url;
      if (status === 'reachable') return { check: 'upstreams', result: 'ok', message: `${name} can be reached at ${url}.` };
      const message = `${name} cannot be reached at ${url}. Start it, or correct SUBRESOURCE_UPSTREAMS.`;
      return { check: 'upstreams', result: 'failed', message };
    });
  } finally {
    await all.close();
  }
}
