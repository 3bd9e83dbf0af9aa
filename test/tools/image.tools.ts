import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../../src/embedded-postgres/launcher.js';
import { type ServerUser, serverUserOf } from '../../src/embedded-postgres/server-user.js';
import { type Rehearsed, rehearse } from '../support/dockerfile.js';
import { postGraphql } from '../support/graphql-client.js';
import { send } from '../support/http-client.js';

const checkout = join(import.meta.dirname, '../..');
const login = { login: 'administrator@company.com', secret: 'correct horse battery' };

let folder: string;
let image: Rehearsed;
/** Its own, so that the user below reaches its socket. */
let database: EmbeddedPostgres;
/** Whom the gateway runs as: where root runs the tests, a user who may write nothing in the image. */
let user: ServerUser;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-image-'));
  await chmod(folder, 0o755);
  const directory = join(folder, 'data');
  await mkdir(directory);
  [image, database] = await Promise.all([rehearse(checkout, folder), startEmbeddedPostgres({ directory })]);
  user = await serverUserOf(join(directory, 'postgres'));
});
afterAll(async () => {
  await database.stop();
  await rm(folder, { recursive: true, force: true });
});

const options = (settings: Record<string, string> = {}) => ({
  ...user,
  cwd: image.workFolder,
  env: {
    ...image.environment,
    PATH: [dirname(process.execPath), join(image.root, 'usr/local/bin'), '/usr/bin', '/bin'].join(delimiter),
    HOME: join(image.root, 'home/node'),
    DATABASE_URL: database.url,
    CREDENTIALS_KEY: '00'.repeat(32),
    ADMIN_PASSWORD: login.secret,
    PORT: '0',
    METRICS_PORT: '0',
    GRAPHIQL: 'true',
    CONSOLE: 'true',
    ...settings,
  },
});

async function run([program, ...args]: string[], settings?: Record<string, string>): Promise<string> {
  return (await promisify(execFile)(program!, args, options(settings))).stdout;
}

describe('the image, by the steps of the Dockerfile,', () => {
  it('has the packages that the gateway runs with, and no other', () => {
    const { dependencies, devDependencies } = JSON.parse(readFileSync(join(checkout, 'package.json'), 'utf8'));
    const isThere = (name: string): boolean => existsSync(join(image.workFolder, 'node_modules', name));
    expect(Object.keys(dependencies).filter((name) => !isThere(name))).toEqual([]);
    // Some that only the development names are also needed by a package that the gateway runs with.
    const { packages } = JSON.parse(readFileSync(join(checkout, 'package-lock.json'), 'utf8'));
    const forDevelopment = Object.keys(devDependencies).filter((name) => packages[`node_modules/${name}`].dev === true);
    expect(forDevelopment.length).toBeGreaterThan(10);
    expect(forDevelopment.filter(isThere)).toEqual([]);
  });

  it('migrates a database, by its own command and by npm, without a compiler', async () => {
    expect(await run([...image.entrypoint, 'migrate'])).toMatch(/^\d+ migrations have run: /m);
    expect(await run([...image.entrypoint, 'migrate'])).toContain('Nothing to do: all migrations had already run.\n');
    expect(await run(['npm', 'run', '--silent', 'migrate'])).toContain('Nothing to do: all migrations had already run.\n');
    expect(await run(['npm', 'run', '--silent', 'verify-history'])).toMatch(/^The history is sound: /m);
  });

  it('serves requests and pages until it is told to stop', async () => {
    const gateway = await start();
    expect((await postGraphql(gateway.url, login, '{ viewer { isSuperAdmin } }')).data).toEqual({ viewer: { isSuperAdmin: true } });
    const found = await pagesFrom(gateway.url, [
      '/',
      '/graphiql',
      '/console',
      '/console/index.js',
      '/restcomm/2012-04-24/',
      '/restcomm/2012-04-24/openapi.yaml',
      ...[
        '',
        '/readme',
        '/errors',
        '/changelog',
        '/security',
        '/adr',
        '/adr/0001-store-an-accounts-path-at-creation',
        '/kubernetes/gateway.yaml',
      ].map((page) => `/docs${page}`),
    ]);
    expect(found.size).toBeGreaterThan(10);
    expect([...found].filter(([, status]) => status !== 200)).toEqual([]);
    await run(image.healthCheck, { PORT: new URL(gateway.url).port });
    expect(await gateway.end()).toBe(0);
    await expect(run(image.healthCheck, { PORT: new URL(gateway.url).port })).rejects.toThrow('Command failed');
  });
});

/** Starts what `docker run IMAGE` does. */
async function start(): Promise<{ url: string; end(): Promise<number | null> }> {
  const [program, ...args] = [...image.entrypoint, ...image.command];
  const child = spawn(program!, args, { ...options(), stdio: ['ignore', 'pipe', 'pipe'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit') as Promise<[number | null]>;
  let output = '';
  const port = await new Promise<string>((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (chunk: string) => {
        output += chunk;
        const ready = /GraphQL +http:\/\/\S+:(\d+)\/graphql/.exec(output);
        if (ready !== null) resolve(ready[1]!);
      });
    }
    void ended.then(([code]) => reject(new Error(`The gateway ended with ${code}: ${output}`)));
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async end() {
      child.kill('SIGTERM');
      return (await ended)[0];
    },
  };
}

/** The statuses of pages, and of the scripts and styles that they load. */
async function pagesFrom(url: string, paths: string[]): Promise<Map<string, number>> {
  const found = new Map<string, number>();
  for (const path of paths) {
    const { status, text } = await send(`${url}${path}`, { headers: { accept: 'text/html' } });
    found.set(path, status);
    for (const [, link] of text.matchAll(/(?:src|href)="([^"#:]+\.(?:js|css))"/g)) {
      const asset = new URL(link!, `${url}${path}`);
      found.set(asset.pathname, (await send(asset.href, {})).status);
    }
  }
  return found;
}
