import { execFile } from 'node:child_process';
import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { basic } from '../support/graphql-client.js';

const root = join(import.meta.dirname, '../..');

/** Where there is no curl, what the guides use of it. */
const curlIfMissing = `command -v curl >/dev/null || curl() { node ${join(root, 'test/support/curl.mjs')} "$@"; }`;

/** The gateway of a newcomer: first start, embedded database, generated password. */
let gateway: GatewayProcess;
let password: string;
beforeAll(async () => {
  gateway = await startGateway({
    dataDirectory: await mkdtemp(join(tmpdir(), 'gateway-documented-')),
    environment: { ADMIN_PASSWORD: '' },
  });
  password = /password {2}(\S+)/.exec(gateway.output())![1]!;
});
afterAll(() => gateway.stop());

/** A fenced block of a guide: the word behind the fence, and what the fence encloses. */
interface Block {
  language: string;
  text: string;
}

async function blocksOf(file: string): Promise<Block[]> {
  const guide = await readFile(join(root, file), 'utf8');
  return [...guide.matchAll(/^```(\w*)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language: language!, text: text! }));
}

const isCommand = ({ language, text }: Block): boolean => language === 'graphql' || text.startsWith('curl ');

/** What stood where the guide shows only a beginning, as in `AC…`: a reader copies it into the next command. */
type Copied = Map<string, string>;

/** The answer as the guide would show it: with the beginning of a text instead of the text, where the guide has only that. */
function asShown(answer: unknown, shown: unknown, copied: Copied): unknown {
  if (Array.isArray(answer) && Array.isArray(shown) && shown[0] === '…') return shown;
  if (Array.isArray(answer)) return answer.map((entry, index) => asShown(entry, Array.isArray(shown) ? shown[index] : undefined, copied));
  if (typeof answer === 'object' && answer !== null) {
    return Object.fromEntries(
      Object.entries(answer).map(([name, value]) => [name, asShown(value, (shown as Record<string, unknown> | undefined)?.[name], copied)]),
    );
  }
  if (typeof answer !== 'string' || typeof shown !== 'string' || !shown.endsWith('…')) return answer;
  if (/^\d{4}-\d\d-\d\dT…$/.test(shown)) return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(answer) ? shown : answer;
  if (!answer.startsWith(shown.slice(0, -1))) return answer;
  // The same beginning means the same text.
  if (!copied.has(shown)) copied.set(shown, answer);
  return copied.get(shown) === answer ? shown : answer;
}

function filledIn(text: string, copied: Copied): string {
  const filled = text.replaceAll('PASSWORD', password).replaceAll('http://127.0.0.1:4000', gateway.url);
  return [...copied].reduce((soFar, [shown, value]) => soFar.replaceAll(shown, value), filled);
}

async function answerTo({ language, text }: Block, copied: Copied): Promise<unknown> {
  const command = filledIn(text, copied);
  if (language === 'sh') return JSON.parse((await promisify(execFile)('bash', ['-c', `${curlIfMissing}\n${command}`])).stdout);
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: basic({ login: gateway.adminEmail, secret: password }) },
    body: JSON.stringify({ query: command }),
  });
  return response.json();
}

describe.each([
  ['README.md', 9],
  ['docs/pagination.md', 6],
  ['docs/idempotency.md', 3],
])('each command in %s, run in its order on a new gateway,', (file, commands) => {
  it('answers what the guide shows', async () => {
    const blocks = await blocksOf(file);
    expect(blocks.filter(isCommand)).toHaveLength(commands);
    const copied: Copied = new Map();
    for (const [index, block] of blocks.entries()) {
      if (!isCommand(block)) continue;
      const next = blocks[index + 1];
      const answer = await answerTo(block, copied);
      // Where the guide shows no answer, it is enough that the command is no mistake.
      if (next?.language !== 'json') expect(answer, block.text).not.toHaveProperty('error');
      else expect(asShown(answer, JSON.parse(next.text), copied), block.text).toEqual(JSON.parse(next.text));
    }
  });
});

it('the first start prints what the README shows', async () => {
  const shown = (await blocksOf('README.md')).find(({ language }) => language === '')!.text;
  const printed = gateway.output().replace(password, '…');
  for (const line of shown.split('\n').filter((text) => text !== '')) {
    expect(printed.replace(/127\.0\.0\.1:\d+/g, '…')).toContain(line.replace(/127\.0\.0\.1:\d+/, '…'));
  }
});
