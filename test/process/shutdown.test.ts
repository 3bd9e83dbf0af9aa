import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, describe, expect, it } from 'vitest';
import { administrator, metricsUrlOf, useGatewayFolder } from '../support/gateway-folder.js';
import { spawnGateway } from '../support/gateway-process.js';
import { postGraphql } from '../support/graphql-client.js';
import { ask, embeddedUrl, expectNoProcessIn, processesIn } from '../support/processes.js';
import { drains, endless, readiness, runningRequests, statusesOf } from '../support/running-requests.js';

const folder = useGatewayFolder();

describe.each([1, 2])('a gateway that is told to stop, with WORKERS=%i,', (count) => {
  const WORKERS = `${count}`;
  beforeEach(() => folder.startedBefore());

  it('ends by SIGTERM with code 0, silently, and leaves no process behind', async () => {
    const gateway = await folder.start({ environment: { WORKERS } });
    await postGraphql(gateway.url, administrator(gateway), '{ viewer { sid } }');
    expect(processesIn(folder.path)).not.toEqual([]);
    expect(await gateway.end('SIGTERM')).toBe(0);
    await expectNoProcessIn(folder.path);
    expect(gateway.output()).not.toMatch(/"level":[4-6]0/);
  });

  it('finishes every request that runs, takes no new one, and ends right after the last', async () => {
    // All of them have a connection, whichever worker they come to, and wait for as long as the test makes them.
    const gateway = await folder.start({ environment: { WORKERS, DATABASE_POOL_SIZE: '190', ...endless, DRAIN_SECONDS: '3600' } });
    const { requests, release } = await runningRequests(folder, gateway, 40 / count);
    const ended = gateway.end('SIGTERM');
    await drains(gateway);
    expect(await readiness(gateway)).toBe(false);
    await release();

    const answers = await Promise.all(requests);
    expect(await ended).toBe(0);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));

    await folder.start();
    const kept = await ask(embeddedUrl(folder.path), `SELECT sid FROM account WHERE email_address LIKE 'running-%'`);
    expect(kept.map(({ sid }) => sid).toSorted()).toEqual(answers.map(({ data }) => data!.createAccount.account.sid).toSorted());
  });

  it('ends so by SIGINT too, and is not hurried by a second one, such as npm passes on', async () => {
    const gateway = await folder.start({ environment: { WORKERS, ...endless, DRAIN_SECONDS: '3600' } });
    const { requests, release } = await runningRequests(folder, gateway, 1);
    const ended = gateway.end('SIGINT');
    await drains(gateway);
    process.kill(gateway.pid, 'SIGINT');
    await sleep(500);
    await release();
    expect(await statusesOf(requests)).toEqual([200]);
    expect(await ended).toBe(0);
    await expectNoProcessIn(folder.path);
    expect(gateway.output()).not.toMatch(/"level":[4-6]0/);
  });

  it('waits no longer than DRAIN_SECONDS for a request that does not end', async () => {
    const gateway = await folder.start({ environment: { WORKERS, ...endless, DRAIN_SECONDS: '1' } });
    const { requests } = await runningRequests(folder, gateway, 1);
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(await statusesOf(requests)).toEqual(['no answer']);
    await expectNoProcessIn(folder.path);
  });

  it('is held up no longer than DRAIN_SECONDS by clients that only connected, to the API and to the metrics', async () => {
    const gateway = await folder.start({ environment: { WORKERS, DRAIN_SECONDS: '1' } });
    const ports = [gateway.url, await metricsUrlOf(gateway)].map((url) => Number(new URL(url).port));
    const clients = ports.map((port) => connect(port, '127.0.0.1').on('error', () => {}));
    await Promise.all(clients.map((client) => once(client, 'connect')));
    expect(await gateway.end('SIGTERM')).toBe(0);
    for (const client of clients) client.destroy();
  });

  it.each([300, 700, 1_100])('leaves no process behind when the signal comes %i ms into the first start', async (milliseconds) => {
    await Promise.all((await readdir(folder.path)).map((name) => rm(join(folder.path, name), { recursive: true })));
    const { child } = spawnGateway(folder.environment({ WORKERS }));
    const ended = once(child, 'exit');
    await sleep(milliseconds);
    child.kill('SIGTERM');
    await ended;
    await expectNoProcessIn(folder.path);
    expect((await folder.start()).output()).toContain('ready');
  });
});
