import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { expect } from 'vitest';
import { type GatewayFolder, type Running, administrator, metricsUrlOf } from './gateway-folder.js';
import { postGraphql } from './graphql-client.js';
import { eventually } from './patience.js';
import { ask, embeddedUrl } from './processes.js';

/** A request that waits for a lock waits for as long as the test makes it. */
export const endless = { LOCK_TIMEOUT_SECONDS: '3600', CHANGE_TIMEOUT_SECONDS: '3600' };

const createAccount = `mutation($email: EmailAddress!) {
  createAccount(input: { emailAddress: $email, password: "a decent password", role: DEVELOPER }) { account { sid } }
}`;

/** Waits until the gateway has heard the signal, and some more, for a second one or a mistake to show. */
export async function drains({ output }: Running): Promise<void> {
  await eventually(() => expect(output()).toContain('"draining"'));
  await sleep(500);
}

/** False when the gateway says no, and when it does not listen any more. */
export async function readiness({ url }: Running): Promise<boolean> {
  return fetch(`${url}/health/ready`).then(
    ({ ok }) => ok,
    () => false,
  );
}

/** Requests to the gateway in the folder that create accounts and, having been received, wait for a lock until they are released. */
export async function runningRequests(folder: GatewayFolder, gateway: Running, count: number) {
  const blocker = new Client({ connectionString: embeddedUrl(folder.path) });
  blocker.on('error', () => {});
  await blocker.connect();
  folder.cleanUp(() => blocker.end());
  await postGraphql(gateway.url, administrator(gateway), '{ viewer { sid } }');
  await blocker.query('BEGIN; SELECT 1 FROM account FOR UPDATE');

  const requests = Array.from({ length: count }, (_, i) =>
    postGraphql(gateway.url, administrator(gateway), createAccount, { email: `running-${i}@b.test` }),
  );
  for (const request of requests) request.catch(() => {});
  const metricsUrl = await metricsUrlOf(gateway);
  await eventually(async () => {
    const metrics = await (await fetch(metricsUrl)).text();
    const connections = (state: string) => Number(new RegExp(`connections{database="primary",state="${state}"} (\\d+)`).exec(metrics)?.[1]);
    const locked = await ask(embeddedUrl(folder.path), `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`);
    expect(locked.length + connections('waiting')).toBe(count);
  });
  // After a crash there is nothing left to release.
  return { requests, release: () => blocker.query('COMMIT').catch(() => {}) };
}

export function statusesOf(requests: Promise<{ status: number }>[]): Promise<unknown[]> {
  return Promise.all(
    requests.map((request) =>
      request.then(
        ({ status }) => status,
        (error: Error) => error.message,
      ),
    ),
  );
}
