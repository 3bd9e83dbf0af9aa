import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { describedOperations } from '../support/openapi.js';
import { mount } from '../support/rest-client.js';
import { type WireRequest, sendOnWire } from '../support/wire.js';

/** What every answer of the API carries. */
const ofAnswers = {
  'Cache-Control': 'no-store',
  'Content-Security-Policy': "default-src 'none'; frame-ancestors 'none'",
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
};
/** A page runs scripts and keeps files, from here only. */
const ofPages = {
  ...ofAnswers,
  'Cache-Control': 'no-cache',
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; font-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
};

/** The console makes no markup from texts, either. */
const ofConsolePages = {
  ...ofPages,
  'Content-Security-Policy': `${ofPages['Content-Security-Policy']}; require-trusted-types-for 'script'; trusted-types 'none'`,
};

const ofApi: WireRequest[] = [
  ...describedOperations.flatMap(({ method, path }) => {
    const target = `${mount}${path.replaceAll(/\{\w+\}/g, 'AC00000000000000000000000000000000')}`;
    return [
      { method, target },
      { method, target, login: admin },
    ];
  }),
  ...['POST', 'GET', 'PUT', 'OPTIONS'].map((method) => ({ method, target: '/graphql' })),
  {
    method: 'POST',
    target: '/graphql',
    login: admin,
    headers: { 'Content-Type': 'application/json' },
    body: '{"query":"{ viewer { sid } }"}',
  },
  { method: 'POST', target: '/graphql', login: admin, headers: { 'Content-Type': 'application/json' }, body: '{"query":' },
  { method: 'POST', target: '/graphql', headers: { Origin: 'https://evil.test', 'Sec-Fetch-Site': 'cross-site' } },
  { method: 'OPTIONS', target: '/graphql', headers: { Origin: 'https://console.test', 'Access-Control-Request-Method': 'POST' } },
  { target: '/health/live' },
  { target: '/health/ready' },
  { target: '/nothing/at/all' },
  { target: `${mount}/nothing` },
  { target: '/%zz' },
  { target: mount },
];
const allPages: WireRequest[] = [
  '/',
  ...['', '/errors', '/docs.css', '/kubernetes/gateway.yaml'].map((page) => `/docs${page}`),
  ...['', '/explorer.js', '/requests.js', '/secrets.js', '/explorer.css', '/graphiql.js', '/graphiql.css', '/query-builder.js'].map(
    (file) => `/graphiql${file}`,
  ),
  ...['', 'openapi.yaml', 'reference.js', 'reference.css', 'swagger-ui.js', 'swagger-ui.css'].map((file) => `${mount}/${file}`),
].map((target) => ({ target }));

const ofConsole: WireRequest[] = ['', '/index.js', '/style.css'].map((file) => ({ target: `/console${file}` }));

describe('the headers of every answer', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ environment: { PUBLIC_URL: 'https://gateway.test', CORS_ORIGINS: 'https://console.test' } });
  });
  afterAll(() => gateway.stop());

  it.each([
    ['of the API, refusals and paths that lead nowhere included', ofApi, ofAnswers],
    ['of the pages', allPages, ofPages],
    ['of the console', ofConsole, ofConsolePages],
  ])('tell a browser what it may do with those %s', async (_which, requests, expected) => {
    for (const request of requests) {
      const { headers, status } = await sendOnWire(gateway.url, request);
      const what = `${request.method ?? 'GET'} ${request.target} ${status}`;
      expect(headers, what).toMatchObject({ ...expected, 'Strict-Transport-Security': 'max-age=31536000' });
      expect(Object.keys(headers), what).not.toEqual(expect.arrayContaining([expect.stringMatching(/^(server|x-powered-by)$/i)]));
    }
  });

  it('do not promise https where users do not come by it', async () => {
    const plain = await startTestGateway({ environment: { PUBLIC_URL: 'http://gateway.test' } });
    try {
      const { headers } = await sendOnWire(plain.url, { target: '/health/live' });
      expect(headers).toMatchObject(ofAnswers);
      expect(headers).not.toHaveProperty('Strict-Transport-Security');
    } finally {
      await plain.stop();
    }
  });
});
