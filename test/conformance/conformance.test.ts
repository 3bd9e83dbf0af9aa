import { afterAll, beforeAll, describe } from 'vitest';
import { type TestGateway, startTestGateway } from '../support/gateway.js';
import { executorSurface, graphqlSurface } from '../support/graphql-surface.js';
import { restJsonSurface, restXmlSurface } from '../support/rest-surface.js';
import type { Surface } from '../support/surface.js';
import { conformanceCases } from './cases.js';

/** Every surface of the gateway; one list of cases for all of them. */
const surfaces: [string, (url: string) => Surface][] = [
  ['GraphQL', (url) => graphqlSurface(url)],
  ['GraphQL by the executor', executorSurface],
  ['REST as JSON', restJsonSurface],
  ['REST as XML', restXmlSurface],
];

describe.each(surfaces)('%s', (_name, connect) => {
  let gateway: TestGateway;
  let surface: Surface;
  beforeAll(async () => {
    gateway = await startTestGateway();
    surface = connect(gateway.url);
  });
  afterAll(() => gateway.stop());
  conformanceCases(() => surface);
});
