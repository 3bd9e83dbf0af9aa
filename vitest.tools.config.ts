import { defineConfig } from 'vitest/config';
import { common, run } from './vitest.config.js';

/** Tests that need other programs than Node.js: nginx, curl and Python 3. Go and Java are used where they are installed. */
export default defineConfig({ ...common, test: { ...common.test, ...run, include: ['test/tools/*.tools.ts'] } });
