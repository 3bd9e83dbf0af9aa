import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { kill, useGatewayFolder } from '../support/gateway-folder.js';
import { isAlive } from '../support/is-alive.js';
import { eventually } from '../support/patience.js';
import { expectNoProcessIn } from '../support/processes.js';
import { drains, endless, readiness, runningRequests, statusesOf } from '../support/running-requests.js';

const folder = useGatewayFolder();

describe.each([1, 2])('npm start, with WORKERS=%i', (count) => {
  beforeEach(() => folder.startedBefore());

  it.each([
    ['SIGTERM to npm alone', 'SIGTERM', (npm: ChildProcess) => npm.pid!],
    ['SIGTERM to all that npm started', 'SIGTERM', (npm: ChildProcess) => -npm.pid!],
    ['Ctrl-C in the terminal', 'SIGINT', (npm: ChildProcess) => -npm.pid!],
  ] as const)('ends by %s, after the requests that run', async (_name, signal, target) => {
    const npm = await npmStart({ WORKERS: `${count}`, ...endless, DRAIN_SECONDS: '3600' });
    const { requests, release } = await runningRequests(folder, npm, 3);
    process.kill(target(npm.child), signal);
    await drains(npm);
    expect(await readiness(npm)).toBe(false);
    await release();
    expect(await statusesOf(requests)).toEqual([200, 200, 200]);
    await eventually(() => expect(isAlive(npm.serverPid())).toBe(false));
    await expectNoProcessIn(folder.path);
  });
});

/** The first start builds what is started, as it does for users; there is nothing to build for those that come after it. */
let isBuilt = false;

/** Starts the repository as its users do, in a process group of its own, as a terminal would. */
async function npmStart(settings: Record<string, string>) {
  const child = spawn('npm', ['start', ...(isBuilt ? ['--ignore-scripts'] : [])], {
    cwd: join(import.meta.dirname, '../..'),
    env: { PATH: process.env.PATH, HOME: folder.path, npm_config_update_notifier: 'false', ...folder.environment(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
  const serverPid = () => Number(/"pid":(\d+)/.exec(text)?.[1]);
  folder.cleanUp(async () => kill(child.pid!));
  folder.cleanUp(async () => kill(serverPid()));
  const started = /GraphQL +(http\S+)\/graphql/;
  await eventually(() => expect(text).toMatch(started));
  isBuilt = true;
  return {
    child,
    serverPid,
    url: started.exec(text)![1]!,
    output: () => text,
    adminEmail: 'administrator@company.com',
    adminPassword: 'correct horse battery',
  };
}
