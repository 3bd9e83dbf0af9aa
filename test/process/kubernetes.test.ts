import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { createProgram } from '../../src/cli/program.js';
import { Shutdown } from '../../src/cli/shutdown.js';
import { readConfig } from '../../src/config.js';
import { documentedSettings } from '../support/documented-settings.js';
import { startTestGateway } from '../support/gateway.js';
import { send } from '../support/http-client.js';

interface Resource {
  apiVersion: string;
  kind: string;
  [key: string]: any;
}

const require = createRequire(import.meta.url);
const root = join(import.meta.dirname, '../..');
const folder = join(root, 'docs/kubernetes');
const files = (await readdir(folder)).filter((name) => name.endsWith('.yaml'));
const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
const resources = texts.flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as Resource));

const ofKind = (kind: string): Resource[] => resources.filter((resource) => resource.kind === kind);
const pods = [...ofKind('Deployment'), ...ofKind('Job')].map(({ spec }) => spec.template.spec);
const containers = pods.flatMap((pod) => pod.containers);
const [deployment] = ofKind('Deployment') as [Resource];
const [pod] = pods;
const [gateway] = pod.containers;
const settingsOf = ({ env = [] }: any): Record<string, string> =>
  Object.fromEntries(env.flatMap(({ name, value }: any) => (value === undefined ? [] : [[name, value]])));
const config = readConfig({ ...settingsOf(gateway), DATABASE_URL: 'postgresql:///gateway', CREDENTIALS_KEY: '00'.repeat(32) });

describe('the manifests for Kubernetes', () => {
  it('are what its API accepts', () => {
    for (const resource of resources) {
      const models = require(`kubernetes-models/${resource.apiVersion}`);
      expect(() => new models[resource.kind](resource).validate(), `${resource.kind} ${resource.metadata.name}`).not.toThrow();
    }
  });

  it('have no field that its API does not know', async () => {
    const types = resources.map(
      ({ apiVersion, kind, ...rest }, index) =>
        `import type { I${kind} as Kind${index} } from 'kubernetes-models/${apiVersion}';\n` +
        `export const resource${index}: Kind${index} = ${JSON.stringify({ apiVersion, kind, ...rest }, null, 1)};\n`,
    );
    expect(await mistakesOfTypes(types.join(''))).toBe('');
  });

  it('set only variables that exist, to values that the gateway accepts', () => {
    const named = containers.flatMap(({ env = [] }) => env.map(({ name }: any) => name));
    const secret = ofKind('Secret').flatMap(({ stringData }) => Object.keys(stringData));
    const known = new Set(documentedSettings().map(({ name }) => name));
    expect(named.length).toBeGreaterThan(3);
    expect([...named, ...secret].filter((name) => !known.has(name))).toEqual([]);
    for (const container of containers) readConfig(settingsOf(container));
  });

  it('take from secrets what these have', () => {
    const secrets = new Map(ofKind('Secret').map(({ metadata, stringData }) => [metadata.name, Object.keys(stringData)]));
    for (const { env = [], envFrom } of containers) {
      for (const { secretRef } of envFrom) expect(secrets.keys()).toContain(secretRef.name);
      for (const { valueFrom } of env)
        if (valueFrom) expect(secrets.get(valueFrom.secretKeyRef.name)).toContain(valueFrom.secretKeyRef.key);
    }
  });

  it('call commands that exist', () => {
    const commands = createProgram(new Shutdown()).commands.map((command) => command.name());
    expect(containers.map(({ args }) => args)).toEqual([['serve'], ['migrate']]);
    expect(commands).toEqual(expect.arrayContaining(['serve', 'migrate']));
  });

  it('name the ports that the gateway opens, and the paths that it answers', async () => {
    const ports = Object.fromEntries(gateway.ports.map(({ name, containerPort }: any) => [name, containerPort]));
    const { annotations } = deployment.spec.template.metadata;
    expect(ports).toEqual({ http: config.port, metrics: config.metricsPort });
    expect(annotations['prometheus.io/port']).toBe(`${config.metricsPort}`);
    expect(ofKind('Service').flatMap(({ spec }) => spec.ports.map(({ targetPort }: any) => targetPort))).toEqual(['http']);

    const running = await startTestGateway();
    try {
      for (const probe of ['startupProbe', 'livenessProbe', 'readinessProbe']) {
        expect(gateway[probe].httpGet.port).toBe('http');
        expect((await send(`${running.url}${gateway[probe].httpGet.path}`, {})).status, probe).toBe(200);
      }
      expect((await send(`${running.metricsUrl}${annotations['prometheus.io/path']}`, {})).status).toBe(200);
    } finally {
      await running.stop();
    }
  });

  it('select the pods of the deployment, and no others', () => {
    const { labels } = deployment.spec.template.metadata;
    expect(deployment.spec.selector.matchLabels).toEqual(labels);
    expect(ofKind('Service').map(({ spec }) => spec.selector)).toEqual([labels]);
    expect(ofKind('PodDisruptionBudget').map(({ spec }) => spec.selector.matchLabels)).toEqual([labels]);
    expect(pod.topologySpreadConstraints.map(({ labelSelector }: any) => labelSelector.matchLabels)).toEqual([labels, labels]);
    for (const { spec } of ofKind('Job')) expect(spec.template.metadata.labels).not.toEqual(labels);
  });

  it('give a pod the time to drain', () => {
    const pause = Number(gateway.lifecycle.preStop.exec.command[1]);
    expect(pod.terminationGracePeriodSeconds).toBeGreaterThan(pause + config.drainMilliseconds / 1000);
  });

  it('run as a user without rights, on a file system that only can be read', () => {
    for (const { securityContext, automountServiceAccountToken } of pods) {
      expect(securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } });
      expect(automountServiceAccountToken).toBe(false);
    }
    for (const { securityContext } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      });
    }
  });

  it('use one version of the image: the one of this checkout', async () => {
    const { version } = JSON.parse(await readFile(join(root, 'package.json'), 'utf8'));
    expect(containers.map(({ image }) => image)).toEqual(containers.map(() => `registry.example/account-gateway:${version}`));
  });
});

/** What the compiler says about a file: it also finds fields that the types do not have, in literal objects. */
async function mistakesOfTypes(text: string): Promise<string> {
  await mkdir(join(root, 'dist'), { recursive: true });
  const project = await mkdtemp(join(root, 'dist', 'kubernetes-'));
  try {
    await writeFile(join(project, 'manifests.ts'), text);
    const compilerOptions = { noEmit: true, strict: true, skipLibCheck: true, target: 'es2023', module: 'nodenext', types: [] };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['manifests.ts'] }));
    await promisify(execFile)(join(root, 'node_modules/.bin/tsc'), ['-p', project]);
    return '';
  } catch (error) {
    return (error as { stdout: string }).stdout;
  } finally {
    await rm(project, { recursive: true });
  }
}
