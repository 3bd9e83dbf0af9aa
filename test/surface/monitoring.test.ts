import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { SyntaxNode } from '@lezer/common';
import { parser } from '@prometheus-io/lezer-promql';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';

const read = (name: string): string => readFileSync(join(import.meta.dirname, '../../docs/monitoring', name), 'utf8');

interface Panel {
  title: string;
  gridPos: { h: number; w: number; x: number; y: number };
  targets?: { expr: string }[];
}
const dashboard = JSON.parse(read('dashboard.json')) as { panels: Panel[] };

interface Rule {
  alert: string;
  expr: string;
  labels: { severity: string };
  annotations: { summary: string };
}
const rules = (parse(read('alerts.yaml')) as { groups: { rules: Rule[] }[] }).groups.flatMap(({ rules: all }) => all);

const expressions = [
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => [title, expr] as const)),
  ...rules.map(({ alert, expr }) => [alert, expr] as const),
];

/** Which metrics an expression names, and which labels: those in its selectors and groupings. */
function namesIn(expression: string): { metrics: string[]; labels: string[] } {
  // What Grafana fills in.
  const text = expression.replaceAll('$__rate_interval', '1m');
  const found = { metrics: [] as string[], labels: [] as string[] };
  parser.parse(text).iterate({
    enter({ type, node }) {
      expect(type.isError, `${text.slice(0, node.from)} <HERE> ${text.slice(node.from)}`).toBe(false);
      const name = (of: SyntaxNode): string => text.slice(of.from, of.to);
      if (type.name === 'Identifier' && node.parent?.name === 'VectorSelector') found.metrics.push(name(node));
      if (type.name === 'LabelName') found.labels.push(name(node));
    },
  });
  return found;
}

let gateway: TestGateway;
/** The labels of each metric, as a running gateway has them; of a histogram, of each of its series. */
const labelsOf = new Map<string, Set<string>>();
beforeAll(async () => {
  const SUBRESOURCE_UPSTREAMS = JSON.stringify({ Recordings: { url: 'http://127.0.0.1:1' } });
  gateway = await startTestGateway({ environment: { SUBRESOURCE_UPSTREAMS } });
  // One that cannot be read: what is measured of a replica is there.
  const replicated = await startTestGateway({ database: gateway.database, config: { replicaUrl: gateway.database.url } });
  for (const { url } of [gateway, replicated]) await postGraphql(url, admin, '{ viewer { sid } }');
  for (const { metricsUrl } of [gateway, replicated]) {
    const text = await (await fetch(metricsUrl)).text();
    for (const [, name, labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
      const known = labelsOf.get(name!) ?? new Set();
      for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
      labelsOf.set(name!, known);
    }
  }
  await replicated.stop();
});
afterAll(() => gateway.stop());

/** What Prometheus adds to every series that it scrapes. */
const added = ['instance', 'job'];

describe('the dashboard and the alerts', () => {
  it.each(expressions)('name only metrics, and labels of these, that a running gateway has: %s', (_title, expression) => {
    const { metrics, labels } = namesIn(expression);
    expect(metrics.length).toBeGreaterThan(0);
    expect(metrics.filter((metric) => !labelsOf.has(metric))).toEqual([]);
    const known = new Set([...added, ...metrics.flatMap((metric) => [...labelsOf.get(metric)!])]);
    expect(labels.filter((label) => !known.has(label))).toEqual([]);
  });

  it('show or watch every metric of the gateway but those that only help to tune it', () => {
    const named = new Set(
      expressions.flatMap(([, expression]) => namesIn(expression).metrics.map((metric) => metric.replace(/_(bucket|count|sum)$/, ''))),
    );
    const all = new Set(
      [...labelsOf.keys()].filter((name) => name.startsWith('gateway_')).map((name) => name.replace(/_(bucket|count|sum)$/, '')),
    );
    const forTuning = [
      'gateway_loader_batch_size',
      'gateway_graphql_answers_total',
      'gateway_request_cost',
      'gateway_upstream_bytes_total',
    ];
    expect([...all].filter((name) => !named.has(name) && !forTuning.includes(name))).toEqual([]);
  });

  it('are complete: panels that do not overlap, alerts with a name, a severity and a sentence', () => {
    const places = dashboard.panels.flatMap(({ gridPos: { h, w, x, y } }) =>
      Array.from({ length: h * w }, (_, index) => `${x + (index % w)},${y + Math.floor(index / w)}`),
    );
    expect(new Set(places).size).toBe(places.length);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.summary, alert).toMatch(/\.$/);
    }
  });
});
