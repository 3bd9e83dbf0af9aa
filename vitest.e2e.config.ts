import { defineConfig } from 'vitest/config';

/** Tests in a real browser, apart from the others because they need Chromium. */
export default defineConfig({
  test: { include: ['test/e2e/**/*.e2e.ts'], testTimeout: 600_000, hookTimeout: 600_000 },
});
