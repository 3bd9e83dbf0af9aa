import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { errorCodes } from '../../src/errors.js';
import { version } from '../../src/version.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  const upstreams = JSON.stringify({ Recordings: { url: 'http://127.0.0.1:9' }, '*': { url: 'http://127.0.0.1:9' } });
  gateway = await startTestGateway({ environment: { SUBRESOURCE_UPSTREAMS: upstreams } });
});
afterAll(() => gateway.stop());

type Labels = Record<string, string>;

/** Every combination of the labels' values. */
function combinations(labels: Record<string, readonly string[]>): Labels[] {
  const combine = (soFar: Labels[], [name, values]: [string, readonly string[]]): Labels[] =>
    soFar.flatMap((each) => values.map((value) => ({ ...each, [name]: value })));
  return Object.entries(labels).reduce(combine, [{}]);
}

const upstream = ['Recordings', '*'];
const reason = ['ECONNREFUSED', 'UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'UND_ERR_SOCKET'];

/** Each counter of the gateway, with the values that its labels can have. */
const counters: Record<string, Record<string, readonly string[]>> = {
  gateway_graphql_answers_total: { by: ['plan', 'executor'] },
  gateway_plan_shadow_total: { result: ['same', 'different', 'changed', 'failed'] },
  gateway_overload_refusals_total: { reason: ['queue full', 'queue too slow', 'lock', 'requests'] },
  gateway_requests_refused_total: { surface: ['graphql', 'rest'], code: errorCodes },
  gateway_sign_ins_refused_total: { reason: ['UNAUTHENTICATED', 'ACCOUNT_NOT_ACTIVE', 'RATE_LIMITED', 'OVERLOADED', 'UNAVAILABLE'] },
  gateway_upstream_requests_total: { upstream },
  gateway_upstream_bytes_total: { upstream, direction: ['sent', 'received'] },
  gateway_upstream_failures_total: { upstream, reason },
  gateway_upstream_refusals_total: { upstream },
  gateway_removals_total: { subresource: ['Recordings'] },
  gateway_removal_failures_total: { subresource: ['Recordings'] },
  gateway_webhook_errors_total: {},
};

describe('the metrics of a gateway that has just started', () => {
  it('have every counter at 0, for all that its labels can say: else the first increase would be none to Prometheus', async () => {
    // The declared type is a number, the actual value a string.
    const found = (await gateway.app.metrics.measured()).filter(
      ({ name, type }) => String(type) === 'counter' && name.startsWith('gateway_'),
    );
    const series = found.map(({ name, values }) => [name, values.map(({ labels, value }) => ({ ...labels, value }))]);
    const expected = Object.entries(counters).map(([name, labels]) => [name, combinations(labels).map((each) => ({ ...each, value: 0 }))]);
    expect(Object.fromEntries(series)).toEqual(Object.fromEntries(expected));
  });

  it('name the version and Node.js, and how the database is', async () => {
    const text = await (await fetch(gateway.metricsUrl)).text();
    expect(text).toContain(`gateway_build_info{version="${version}",node="${process.versions.node}"} 1\n`);
    for (const [condition, value] of [
      ['ready', 1],
      ['not ready', 0],
      ['silent', 0],
    ]) {
      expect(text).toContain(`gateway_database_condition{condition="${condition}"} ${value}\n`);
    }
  });
});

it('the database is not ready, to the metrics too, while its migrations have not run', async () => {
  await gateway.database.query('CREATE TABLE kept AS SELECT * FROM migration');
  await gateway.database.query('DELETE FROM migration WHERE id = (SELECT max(id) FROM migration)');
  const text = await (await fetch(gateway.metricsUrl)).text();
  await gateway.database.query('DELETE FROM migration; INSERT INTO migration SELECT * FROM kept; DROP TABLE kept');
  expect(text).toContain('gateway_database_condition{condition="not ready"} 1\n');
  expect(text).toContain('gateway_database_condition{condition="ready"} 0\n');
});
