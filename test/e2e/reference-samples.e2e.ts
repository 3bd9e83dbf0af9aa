import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type TestBrowser, type WatchedPage, startBrowser } from '../support/browser.js';
import { type GatewayProcess, startGateway } from '../support/gateway-process.js';
import { type RecordedRequest, type RecordingProxy, startRecordingProxy } from '../support/recording-proxy.js';

/** What the samples have in place of credentials. */
const placeholder = { user: 'SID_OR_EMAIL', secret: 'PASSWORD' };
const mount = '/restcomm/2012-04-24';
let gateway: GatewayProcess;
let proxy: RecordingProxy;
let browser: TestBrowser;
let watched: WatchedPage;
let page: Page;

beforeAll(async () => {
  gateway = await startGateway();
  proxy = await startRecordingProxy(gateway.url);
  browser = await startBrowser('reference-samples');
});

afterAll(async () => {
  await browser?.close();
  await proxy?.stop();
  await gateway?.stop();
});

beforeEach(async () => {
  watched = await browser.open(`${proxy.url}${mount}/`);
  ({ page } = watched);
  await page.locator('.scheme-container .authorize').click();
  await page.locator('#auth-basic-username').fill(gateway.adminEmail);
  await page.locator('#auth-basic-password').fill(gateway.adminPassword);
  await page.getByRole('button', { name: 'Apply credentials' }).click();
  await page.getByRole('button', { name: 'Close', exact: true }).click();
  return () => page.close();
});

const run = promisify(execFile);

/** How the samples of each language are run. Those of Java and PHP are run where these are installed. */
const languages: { name: string; program: string; needed: boolean; run: (sample: string) => Promise<string> }[] = [
  { name: 'curl', program: 'curl', needed: true, run: async (sample) => (await run('sh', ['-c', sample])).stdout },
  {
    name: 'Node.js',
    program: 'node',
    needed: true,
    run: async (sample) => (await run(process.execPath, ['--input-type=module', '-e', sample])).stdout,
  },
  { name: 'Python', program: 'python3', needed: true, run: async (sample) => (await run('python3', ['-c', sample])).stdout },
  { name: 'Java', program: 'java', needed: false, run: (sample) => runFile('java', 'Sample.java', sample) },
  { name: 'PHP', program: 'php', needed: false, run: (sample) => runFile('php', 'sample.php', sample) },
];

async function runFile(program: string, name: string, sample: string): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'sample-'));
  try {
    await writeFile(join(folder, name), sample);
    return (await run(program, [join(folder, name)])).stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** An operation, open. */
async function open(id: string): Promise<Locator> {
  const operation = page.locator(`#operations-${id}`);
  await operation.locator('.opblock-summary-control').click();
  await operation.locator('.samples').waitFor();
  return operation;
}

/** The sample that the page shows in a language, with the Super Admin's credentials put in. */
async function sampleIn(operation: Locator, language: string): Promise<string> {
  await operation.getByRole('button', { name: language, exact: true }).click();
  const shown = await operation.getByLabel(`Sample for ${language}`).innerText();
  expect(shown).not.toContain(gateway.adminPassword);
  return shown.replaceAll(placeholder.user, gateway.adminEmail).replaceAll(placeholder.secret, gateway.adminPassword);
}

/** What was asked of the API since. */
async function requestsDuring(act: () => Promise<unknown>): Promise<ReturnType<typeof comparable>[]> {
  const before = proxy.requests.length;
  await act();
  return proxy.requests.slice(before).map(comparable);
}

/** A request without what each client adds of itself, and with a form's fields as they are decoded. */
function comparable({ method, path, headers, body }: RecordedRequest): object {
  const own = ['host', 'connection', 'user-agent', 'accept-encoding', 'accept-language', 'content-length', 'origin', 'referer'];
  const kept = Object.entries(headers).filter(([name]) => !own.includes(name) && !/^(sec-|upgrade|http2-)/.test(name));
  const isForm = headers['content-type'] === 'application/x-www-form-urlencoded';
  return { method, path, headers: Object.fromEntries(kept.toSorted()), body: isForm ? [...new URLSearchParams(body)] : body };
}

const name = `Jane's "shop" \\ über & 100 % söhne $HOME`;

describe('on the page of the REST API, what is shown in each language is what "Execute" sends, of', () => {
  it.each([
    ['Accounts-readAccount', { SidOrEmail: 'administrator@company.com' }, {}, undefined],
    ['Accounts-listAccounts', { FriendlyName: name, PageSize: '7' }, {}, undefined],
    ['Accounts-updateAccount', { SidOrEmail: 'administrator@company.com' }, { FriendlyName: name }, undefined],
    ['Profiles-createProfile', {}, {}, `{"name": ${JSON.stringify(name)}}`],
  ] as const)('%s', async (id, parameters, fields, body) => {
    const operation = await open(id);
    for (const [parameter, value] of Object.entries(parameters)) {
      await operation.locator(`[data-param-name="${parameter}"] input`).fill(value);
    }
    for (const [field, value] of Object.entries(fields)) {
      await operation.locator(`[data-property-name="${field}"] input[type="text"]`).fill(value);
    }
    if (body !== undefined) await operation.locator('textarea.body-param__text').fill(body);
    await operation.getByText('“Execute” sends this request').waitFor();
    await expect
      .poll(() => operation.locator('.samples pre').innerText())
      .toContain(body ? 'über' : Object.values(fields)[0] ? 'über' : 'http');
    await page.waitForTimeout(500); // Swagger UI notes what is typed a third of a second later

    const [sent, ...more] = await requestsDuring(async () => {
      await operation.getByRole('button', { name: 'Execute' }).click();
      await operation.locator('.live-responses-table').waitFor();
    });
    expect(more).toEqual([]);
    await watched.screenshot(id);
    for (const { name: language, program, needed, run: runSample } of languages) {
      const sample = await sampleIn(operation, language);
      expect(sample).toContain(proxy.url);
      if (!needed && spawnSync('which', [program]).status !== 0) continue;
      let output = '';
      const asked = await requestsDuring(async () => {
        output = await runSample(sample);
      });
      expect({ language, asked }).toEqual({ language, asked: [sent] });
      expect(output).toMatch(language === 'curl' ? /^[[{]/ : /^20[01] /);
    }
    watched.expectPeace();
  });
});

describe('on the page of the REST API, a sample', () => {
  it('has examples for what is required and missing, names it, and is not sent before it is there', async () => {
    const operation = await open('Accounts-createAccount');
    expect(await sampleIn(operation, 'curl')).toContain("--data-urlencode 'EmailAddress=sales@customer.com'");
    await operation.getByText('Still to fill in: EmailAddress, Password.').waitFor();
    const sent = await requestsDuring(async () => {
      await operation.getByRole('button', { name: 'Execute' }).click();
      await page.waitForTimeout(1000);
    });
    expect(sent).toEqual([]);

    for (const { name: language, run: runSample } of languages.filter(({ needed }) => needed)) {
      const email = `${language.replace('.', '-').toLowerCase()}@shop.example`;
      await operation.locator('[data-property-name="EmailAddress"] input[type="text"]').fill(email);
      await operation.locator('[data-property-name="Password"] input').first().fill("a 'decent' password");
      await expect.poll(() => operation.locator('.samples pre').innerText()).toContain(email);
      await expect.poll(() => operation.locator('.samples pre').innerText()).toContain('decent');
      expect(await runSample(await sampleIn(operation, language))).toMatch(new RegExp(`"email_address": ?"${email}"`));
    }
    watched.expectPeace();
  });
});
