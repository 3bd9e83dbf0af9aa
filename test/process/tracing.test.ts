import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type CollectedSpan, type TestCollector, startCollector } from '../support/collector.js';
import { type TestDatabase, cloneDatabase } from '../support/database.js';
import { administrator, useGatewayFolder } from '../support/gateway-folder.js';
import type { GatewayProcess } from '../support/gateway-process.js';
import { basic } from '../support/graphql-client.js';
import { send } from '../support/http-client.js';
import { eventually } from '../support/patience.js';
import { answers, startReceiver } from '../support/receiver.js';
import { mount } from '../support/rest-client.js';

const folder = useGatewayFolder();
let database: TestDatabase;
let collector: TestCollector;
beforeEach(async () => {
  database = await cloneDatabase();
  collector = await startCollector();
});
afterEach(async () => {
  await collector.stop();
  await database.drop();
});

/** Spans are sent at once, and not every five seconds. */
const atOnce = { OTEL_BSP_SCHEDULE_DELAY: '50' };

const start = (settings: Record<string, string> = {}): Promise<GatewayProcess> =>
  folder.start({ environment: { DATABASE_URL: database.url, CREDENTIALS_KEY: '0'.repeat(64), ...settings } });

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const callerSpan = '00f067aa0ba902b7';
const traceparent = `00-${traceId}-${callerSpan}-01`;

/** Asks as a caller does who is in a trace itself. The body comes late: it must not leave its trace for that. */
async function ask(gateway: GatewayProcess, query: string, variables = {}): Promise<any> {
  const headers = { 'content-type': 'application/json', authorization: basic(administrator(gateway)), traceparent, tracestate: 'vendor=1' };
  async function* body() {
    yield Buffer.from(' ');
    await sleep(20);
    yield Buffer.from(JSON.stringify({ query, variables }));
  }
  const answer = await fetch(`${gateway.url}/graphql`, { method: 'POST', headers, body: Readable.from(body()) as any, duplex: 'half' });
  const { data, errors } = (await answer.json()) as any;
  expect(errors).toBeUndefined();
  return data;
}

const spansOf = (trace: string): CollectedSpan[] => collector.spans.filter(({ traceId }) => traceId === trace);
const named = (name: string): CollectedSpan | undefined => spansOf(traceId).find((span) => span.name === name);

/** Each span of the trace with those that it is in, up to the caller's. */
function lineages(): string[] {
  const spans = new Map(spansOf(traceId).map((span) => [span.spanId, span]));
  return [...spans.values()].map((span) => {
    const line = [span.name];
    let { parentId } = span;
    for (let parent = spans.get(parentId); parent !== undefined; parent = spans.get(parentId)) {
      line.push(parent.name);
      parentId = parent.parentId;
    }
    return [...line, parentId === callerSpan ? 'the caller' : 'nobody'].join(' < ');
  });
}

const createAccount = `mutation Hire($email: EmailAddress!, $password: String!) {
  createAccount(input: { emailAddress: $email, password: $password, friendlyName: "Zoë", role: DEVELOPER }) { account { sid } }
}`;

describe('a trace', () => {
  it('goes from the caller through requests, operations, use cases and statements, to upstreams and webhooks; and holds nothing private', async () => {
    const upstream = await startReceiver({
      answer: answers.status(200, { 'content-type': 'application/json' }, '{"calls":["+15550100"]}'),
    });
    const webhook = await startReceiver();
    folder.cleanUp(() => Promise.all([upstream.stop(), webhook.stop()]));
    const gateway = await start({
      ...atOnce,
      OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
      OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=test',
      SUBRESOURCE_UPSTREAMS: JSON.stringify({ Calls: { url: upstream.url } }),
      WEBHOOK_ALLOW_PRIVATE: '127.0.0.0/8',
    });
    const { viewer } = await ask(gateway, 'query Me { viewer { sid } }');
    const { authToken } = await ask(gateway, 'query Token($sid: ID!) { authToken(sid: $sid) }', viewer);
    const endpoint = `accountSid: "${viewer.sid}", url: "${webhook.url}hook?token=in-the-url"`;
    await ask(gateway, `mutation { createWebhook(input: { ${endpoint} }) { secret } }`);
    const hired = await ask(gateway, createAccount, { email: 'zoe@customer.test', password: 'a decent password' });
    const { sid } = hired.createAccount.account;
    const path = `${mount}/Accounts/zoe@customer.test/Calls.json?From=%2B15550100`;
    const headers = { authorization: basic(administrator(gateway)), traceparent, tracestate: 'vendor=1' };
    expect((await send(gateway.url + path, { headers })).status).toBe(200);

    const ofRequest = 'GraphQL < POST /graphql < the caller';
    const ofRest = 'GET /2012-04-24/Accounts/:account/* < the caller';
    await eventually(() =>
      expect(lineages()).toEqual(
        expect.arrayContaining([
          ofRequest,
          `accounts.create < ${ofRequest}`,
          `INSERT account < accounts.create < ${ofRequest}`,
          `INSERT history < accounts.create < ${ofRequest}`,
          `COMMIT < accounts.create < ${ofRequest}`,
          `POST webhook < accounts.create < ${ofRequest}`,
          ofRest,
          `subresources.permit < ${ofRest}`,
          `GET Calls < ${ofRest}`,
        ]),
      ),
    );
    expect(lineages().filter((line) => !line.endsWith('the caller'))).toEqual([]);

    // What is done by the clock is not traced: no statement begins a trace.
    for (const { parentId, kind } of collector.spans) if (parentId === '') expect(kind).toBe('SERVER');

    expect(named('POST /graphql')).toMatchObject({
      kind: 'SERVER',
      isError: false,
      attributes: { 'http.request.method': 'POST', 'http.route': '/graphql', 'http.response.status_code': 200, 'account.sid': viewer.sid },
      resource: { 'service.name': 'account-gateway', 'deployment.environment.name': 'test', 'process.pid': gateway.pid },
    });
    expect(named('GET Calls')).toMatchObject({ kind: 'CLIENT', attributes: { 'http.response.status_code': 200, upstream: 'Calls' } });
    expect(named('INSERT account')).toMatchObject({ kind: 'CLIENT', attributes: { 'db.system.name': 'postgresql' } });
    expect(spansOf(traceId).map(({ attributes }) => attributes['graphql.operation.name'])).toContain('Hire');

    const upstreamSpan = named('GET Calls')!.spanId;
    expect(upstream.requests[0]!.headers).toMatchObject({ traceparent: `00-${traceId}-${upstreamSpan}-01`, tracestate: 'vendor=1' });
    const delivered = webhook.requests.find(({ body }) => body.includes(sid))!.headers;
    const delivery = spansOf(traceId).find(({ spanId }) => delivered.traceparent === `00-${traceId}-${spanId}-01`);
    expect(delivery).toMatchObject({
      name: 'POST webhook',
      attributes: { 'event.type': 'account.created', 'http.response.status_code': 200 },
    });
    // The caller's vendor is nobody that a receiver knows.
    expect(delivered).not.toHaveProperty('tracestate');

    const sent = Buffer.concat(collector.bodies);
    const { login, secret } = administrator(gateway);
    const secrets = [secret, authToken, 'a decent password', basic({ login, secret }).slice(6), 'in-the-url', '0'.repeat(64)];
    for (const hidden of [...secrets, login, 'zoe@', 'Zoë', '15550100', '127.0.0.1/']) expect(sent.includes(hidden), hidden).toBe(false);

    expect(await gateway.end('SIGTERM')).toBe(0);
    const lines = gateway
      .output()
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
    const answered = lines.filter(({ msg, route }) => msg === 'answered' && route !== '/health/live');
    expect(answered.map(({ trace_id: id }) => id)).toEqual(answered.map(() => traceId));
  });

  it('is begun by the gateway where the caller has none; a failure of an upstream is in it, and in the log by its ID', async () => {
    const gateway = await start({
      ...atOnce,
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/v1/traces`,
      OTEL_SERVICE_NAME: 'accounts',
      SUBRESOURCE_UPSTREAMS: JSON.stringify({ Calls: { url: 'http://127.0.0.1:1' } }),
    });
    const headers = { authorization: basic(administrator(gateway)), traceparent: 'nonsense' };
    const { status } = await send(`${gateway.url}${mount}/Accounts/${administrator(gateway).login}/Calls.json`, { headers });
    expect(status).toBe(502);
    await eventually(() => expect(collector.spans.map(({ name }) => name)).toContain('GET /2012-04-24/Accounts/:account/*'));
    const [failed] = collector.spans.filter(({ name }) => name === 'GET Calls');
    expect(failed).toMatchObject({ isError: true, attributes: { 'error.type': 'ECONNREFUSED' }, resource: { 'service.name': 'accounts' } });
    const request = spansOf(failed!.traceId).find(({ spanId }) => spanId === failed!.parentId)!;
    expect(request).toMatchObject({ kind: 'SERVER', parentId: '', isError: true, attributes: { 'error.type': '502' } });
    await eventually(() => {
      const lines = gateway
        .output()
        .split('\n')
        .filter((line) => line.includes(`"trace_id":"${failed!.traceId}"`));
      expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['an upstream failed', 'answered']);
    });
  });
});

describe('spans that are not sent yet', () => {
  it.each(['1', '2'])('are sent at SIGTERM, by each worker: WORKERS=%s', async (WORKERS) => {
    const gateway = await start({ OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_BSP_SCHEDULE_DELAY: '600000', WORKERS });
    const processes = () => new Set([...gateway.output().matchAll(/"pid":(\d+),.*"answered"/g)].map(([, pid]) => Number(pid)));
    await eventually(async () => {
      await send(`${gateway.url}/health/live`, { headers: { connection: 'close' } });
      expect(processes().size).toBe(Number(WORKERS));
    });
    await ask(gateway, '{ viewer { sid } }');
    expect(collector.spans).toEqual([]);
    expect(await gateway.end('SIGTERM')).toBe(0);
    expect(new Set(collector.spans.map(({ resource }) => resource['process.pid']))).toEqual(processes());
    expect(lineages()).toContain('SELECT account < credentials.authenticate < GraphQL < POST /graphql < the caller');
  });
});

describe('a collector', () => {
  it.each([
    ['that is gone', async () => 'http://127.0.0.1:1'],
    [
      'that never answers',
      async () => {
        const silent = await startReceiver({ answer: answers.hang() });
        folder.cleanUp(() => silent.stop());
        return silent.url.replace(/\/$/, '');
      },
    ],
    [
      'that refuses',
      async () => {
        const refusing = await startReceiver({ answer: answers.status(403) });
        folder.cleanUp(() => refusing.stop());
        return refusing.url.replace(/\/$/, '');
      },
    ],
  ])('%s breaks nothing, and holds up no end', async (what, urlOf) => {
    const gateway = await start({ ...atOnce, OTEL_EXPORTER_OTLP_ENDPOINT: await urlOf() });
    // More than are kept for it.
    for (let count = 0; count < 30; count++) {
      const answers = await Promise.all(Array.from({ length: 10 }, () => ask(gateway, '{ viewer { sid } }')));
      for (const answer of answers) expect(answer).toHaveProperty('viewer');
    }
    if (what === 'that refuses') await eventually(() => expect(gateway.output()).toContain('spans could not be sent'));
    expect(await gateway.end('SIGTERM')).toBe(0);
  });
});

describe('OpenTelemetry is', () => {
  it.each([
    ['not loaded without its variables', {}, false],
    ['not loaded where it is disabled', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_SDK_DISABLED: 'true' }, false],
    ['not loaded where no spans are wanted', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1', OTEL_TRACES_EXPORTER: 'none' }, false],
    ['loaded with an endpoint', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' }, true],
    ['loaded to write spans to standard output', { OTEL_TRACES_EXPORTER: 'console', ...atOnce }, true],
  ])('%s', async (_what, settings: Record<string, string>, isLoaded) => {
    const coverage = await mkdtemp(join(tmpdir(), 'gateway-modules-'));
    folder.cleanUp(() => rm(coverage, { recursive: true, force: true }));
    const gateway = await start({ ...settings, NODE_V8_COVERAGE: coverage });
    await ask(gateway, '{ viewer { sid } }');
    if (settings.OTEL_TRACES_EXPORTER === 'console') await eventually(() => expect(gateway.output()).toContain("name: 'POST /graphql'"));
    expect(await gateway.end('SIGTERM')).toBe(0);
    const sources = await Promise.all((await loadedFiles(coverage)).map((file) => readFile(file, 'utf8')));
    expect(sources.length).toBeGreaterThan(5);
    // prom-client loads OpenTelemetry's API, which does nothing, by itself.
    for (const part of ['BatchSpanProcessor', 'AsyncLocalStorageContextManager', 'ProtobufTraceSerializer']) {
      expect(
        sources.some((source) => source.includes(part)),
        part,
      ).toBe(isLoaded);
    }
  });
});

/** The files whose code a process has run, as V8 lists them at its end. */
async function loadedFiles(coverage: string): Promise<string[]> {
  const reports = await Promise.all((await readdir(coverage)).map((name) => readFile(join(coverage, name), 'utf8')));
  const scripts = reports.flatMap((report) => (JSON.parse(report) as { result: { url: string }[] }).result);
  return scripts.flatMap(({ url }) => (url.startsWith('file:') ? [fileURLToPath(url)] : []));
}
