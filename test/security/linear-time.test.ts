import { request } from 'node:http';
import { parse } from 'graphql';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { isSid } from '../../src/domain/sid.js';
import { negotiatedFormat } from '../../src/api/rest/content-negotiation.js';
import { expectedVersion } from '../../src/api/rest/preconditions.js';
import { Parameters } from '../../src/api/rest/parameters.js';
import { asksForJson, canonicalUrl, mountOf } from '../../src/api/rest/path.js';
import { endsWithSlash } from '../../src/api/http/static-page.js';
import { subresourceTarget } from '../../src/api/rest/subresource-path.js';
import { decodeUtf8 } from '../../src/api/http/utf8.js';
import { parseAccountReference, parseEmailAddress, parseFriendlyName, parseStatus } from '../../src/domain/account.js';
import { assertStrongPassword } from '../../src/domain/password-policy.js';
import { parseIdempotencyKey } from '../../src/domain/idempotency.js';
import { jsonShapeOf } from '../../src/domain/json.js';
import { parseOrganizationReference } from '../../src/domain/organization.js';
import { cursorOf, parseNumberedPage, parsePage, restPageSize } from '../../src/domain/page.js';
import { parseDocument } from '../../src/domain/profile.js';
import { segmentsOf } from '../../src/domain/subresource.js';
import { asksByMessageText, operationsOf } from '../../src/domain/subresource-request.js';
import { networkOf } from '../../src/domain/sign-in-limit.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { basic } from '../support/graphql-client.js';
import { expectLinearTime, expectLinearTimes } from '../support/processor-time.js';

/** Texts that parsers and regular expressions take long for, when they do: one thing again and again, between others. */
const repeated: [what: string, unit: string][] = [
  ['spaces', ' '],
  ['tabs', '\t'],
  ['commas', ','],
  ['semicolons', ';'],
  ['quotes', '"'],
  ['backslashes', '\\'],
  ['escaped quotes', '\\"'],
  ['percent signs', '%'],
  ['escapes', '%2F'],
  ['escapes that are no UTF-8', '%FF'],
  ['slashes', '/'],
  ['dots', '.'],
  ['endings', '.json'],
  ['at signs', '@'],
  ['equals signs', '='],
  ['parameters', ';a=b'],
  ['open quotes', ';a="'],
  ['types', 'a/b,'],
  ['brackets', '['],
  ['braces', '{"a":'],
  ['colons', ':'],
  ['digits', '1'],
  ['letters', 'a'],
  ['labels', 'a.'],
  ['hyphens', 'a-'],
  ['links', '<a>,'],
  ['addresses', '10.0.0.1,'],
  ['letters of Latin-1', 'é'],
];
const around: [before: string, after: string][] = [
  ['', ''],
  ['a', '!'],
  ['"', '!'],
  ['<a>', 'x'],
  ['a/b;x=', '!'],
  ['Basic ', '!'],
  ['http://', '!'],
];
/** Marks that Unicode orders, which a letter can have any number of. */
const marks: [string, string] = ['marks of a letter', '\u0301\u0323'];

const textsOf = (length: number): [what: string, text: string][] =>
  [...repeated, marks].flatMap(([what, unit]) =>
    around.map(([before, after]): [string, string] => [
      `${what} between ${JSON.stringify(before)} and ${JSON.stringify(after)}`,
      before + unit.repeat(Math.ceil(length / unit.length)) + after,
    ]),
  );

/** Each text as long as it can be, and a quarter as long. */
const textsOfTwoLengths = (longest: number): { what: string; long: string; short: string }[] => {
  const shorter = textsOf(longest / 4);
  return textsOf(longest).map(([what, long], index) => ({ what, long, short: shorter[index]![1] }));
};

const order = { field: 'dateCreated', descending: false } as const;
const cursorWith = (key: string): string => cursorOf({ key, sid: `AC${'0'.repeat(32)}` }, order);
const inHeaders = 16_000;
const inForms = 65_536;
/** Of what can be longer, enough to tell. */
const inBodies = 131_072;

/** All that looks at a text of a stranger, with how long the text can be. */
const parsers: [what: string, parse: (text: string) => unknown, longest: number][] = [
  ['Accept', (text) => negotiatedFormat('/', text), 1024],
  ['If-Match', (text) => expectedVersion({ headers: { 'if-match': text } } as never), inHeaders],
  ['Idempotency-Key', (text) => parseIdempotencyKey(text, 'key'), inHeaders],
  ['X-Forwarded-For', networkOf, inHeaders],
  ['the path of a URL', (text) => canonicalUrl(`/2012-04-24/Accounts/${text}`), inHeaders],
  ['the mount of a URL', mountOf, inHeaders],
  ['the ending of a path', (text) => asksForJson(`/2012-04-24/${text}`), inHeaders],
  ['a path below an account', (text) => subresourceTarget(`/2012-04-24/Accounts.json/AC1/${text}`), inHeaders],
  ['the segments of a path', segmentsOf, inHeaders],
  ['the segments of an escaped path', (text) => segmentsOf(encodeURIComponent(text).slice(0, inHeaders)), inHeaders],
  ['the query for a subresource', (query) => operationsOf({ method: 'GET', segments: [], query }), inHeaders],
  ['a query by the text of messages', (query) => asksByMessageText('SMS/Messages', query), inHeaders],
  ['the slash that ends a path', endsWithSlash, inHeaders],
  ['a login', (text) => parseAccountReference({ either: text }), inHeaders],
  ['an e-mail address', parseEmailAddress, inBodies],
  ['an organization', (text) => parseOrganizationReference({ either: text }), inBodies],
  ['a domain name', (text) => parseOrganizationReference({ domainName: text }), inBodies],
  ['a SID', (text) => isSid('account', text), inBodies],
  ['a status', parseStatus, inBodies],
  ['a friendly name', parseFriendlyName, inBodies],
  ['a password', (text) => assertStrongPassword(text, 'a@b.test'), inBodies],
  ['a cursor', (text) => parsePage({ after: text }, order), inBodies],
  ['the key of a cursor', (text) => parsePage({ after: cursorWith(text) }, order), inBodies],
  ['the instant of a cursor', (text) => parsePage({ after: cursorWith(`1970-${text}`) }, order), inBodies],
  ['the number of a page', (text) => parseNumberedPage({ page: text }, restPageSize), inForms],
  ['a form', (text) => new Parameters(text).text('EmailAddress'), inForms],
  ['a body', (text) => decodeUtf8(Buffer.from(text)), inBodies],
  ['the shape of JSON', jsonShapeOf, inBodies],
  ['a profile', parseDocument, inBodies],
  ['a GraphQL document', (text) => parse(text, { maxTokens: 2000 }), 65_536],
  ['a text in a GraphQL document', (text) => parse(`{ a(b: """${text}""") }`, { maxTokens: 2000 }), 65_536],
];

describe('the time to parse a text grows no faster than its length:', () => {
  it.each(parsers)('%s', async (_what, parseText, longest) => {
    const parsing = (text: string) => () => {
      try {
        parseText(text);
      } catch {
        // A refusal takes its time too.
      }
    };
    for (const { what, long, short } of textsOfTwoLengths(longest)) {
      // By the square, 16,000 characters take 100 ms. New memory for a long text can take 5.
      await expectLinearTime({ what, short: parsing(short), long: parsing(long) }, 20);
    }
  });
});

describe('a header that is as long as a header can be costs next to nothing:', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startTestGateway({ environment: { TRUST_PROXY: '127.0.0.1', CORS_ORIGINS: 'https://console.test' } });
  });
  afterAll(() => gateway.stop());

  /** Milliseconds of the processor, in which a refusal takes about one. */
  const negligible = 15;

  const names = [
    'accept',
    'access-control-request-headers',
    'authorization',
    'content-type',
    'host',
    'idempotency-key',
    'if-match',
    'if-none-match',
    'link',
    'origin',
    'range',
    'x-forwarded-for',
    'x-forwarded-host',
    'x-forwarded-proto',
    'x-http-method-override',
    'x-request-id',
  ];

  const targets: [method: string, path: string][] = [
    ['POST', '/graphql'],
    ['GET', '/graphql?query=%7B__typename%7D'],
    ['LINK', '/2012-04-24/Profiles/PRae6e420f425248d6a26948c17a9e2acf'],
    ['POST', '/2012-04-24/Accounts'],
    ['OPTIONS', '/2012-04-24/Accounts'],
    ['GET', '/graphiql'],
  ];

  // Some are looked at once it is known who asks.
  const authorization = basic(admin);
  const send = (method: string, path: string, headers: Record<string, string>): Promise<void> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(gateway.url);
      const sent = request(
        { hostname, port, method, path, headers: { 'content-type': 'application/json', authorization, ...headers } },
        (response) => {
          response.resume();
          response.on('end', resolve);
        },
      );
      sent.on('error', reject);
      // As bytes: a text would be sent together with the headers, and these not in Latin-1.
      sent.end(method === 'POST' ? Buffer.from('{"query":"{ __typename }"}') : undefined);
    });

  // But what Node.js itself refuses to send.
  const texts = textsOfTwoLengths(15_000).filter(({ long }) => !/[^\t\x20-\x7e\x80-\xff]/.test(long));
  const groups = Array.from({ length: Math.ceil(texts.length / around.length) }, (_, index) =>
    texts.slice(index * around.length, (index + 1) * around.length),
  );

  it.each(names)('%s', async (name) => {
    for (const [method, path] of targets) {
      const sending = (text: string) => () => send(method, path, { [name]: text });
      for (const group of groups) {
        const works = group.map(({ what, long, short }) => ({
          what: `${method} ${path}: ${what}`,
          short: sending(short),
          long: sending(long),
        }));
        await expectLinearTimes(works, negligible);
      }
    }
  });
});
