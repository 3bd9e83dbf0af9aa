import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Page, chromium } from 'playwright-core';
import { expect } from 'vitest';

/** A real browser, with a profile of its own. */
export interface TestBrowser {
  open(url: string): Promise<WatchedPage>;
  /** Ends it; the screenshots stay. */
  close(): Promise<void>;
}

/** A page, and what became known of it. */
export interface WatchedPage {
  page: Page;
  /** What the browser complained of: errors, warnings, violations of the policy. */
  complaints: string[];
  /** No complaint, and nobody asked but the origin of the page. */
  expectPeace(): void;
  screenshot(name: string): Promise<void>;
}

/** Starts Chromium. The name is that of the folder of the screenshots. */
export async function startBrowser(name: string): Promise<TestBrowser> {
  const folder = await mkdtemp(join(tmpdir(), `${name}-`));
  const browser = await chromium.launchPersistentContext(join(folder, 'profile'), {
    executablePath: process.env['CHROMIUM_PATH'] ?? '/usr/bin/chromium',
    viewport: { width: 1280, height: 800 },
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  return {
    open: async (url) => watched(await browser.newPage(), url, folder),
    async close() {
      await browser.close();
      await rm(join(folder, 'profile'), { recursive: true, force: true });
      console.log(`Screenshots are in ${folder}`);
    },
  };
}

async function watched(page: Page, url: string, folder: string): Promise<WatchedPage> {
  const complaints: string[] = [];
  const origins = new Set<string>();
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  page.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol !== 'data:') origins.add(origin);
  });
  await page.addInitScript(
    `addEventListener('securitypolicyviolation', (event) => console.error('Violates', event.violatedDirective, event.blockedURI))`,
  );
  await page.goto(url);
  return {
    page,
    complaints,
    expectPeace: () => expect({ complaints, origins: [...origins] }).toEqual({ complaints: [], origins: [new URL(url).origin] }),
    async screenshot(name) {
      await page.screenshot({ path: join(folder, `${name}.png`) });
    },
  };
}
