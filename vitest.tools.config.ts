import { defineConfig } from 'vitest/config';
import { alone, common, run } from './vitest.config.js';

/** Tests that need other programs than Node.js: nginx, curl, Python 3, PostgreSQL, MariaDB, libfaketime, and Git with the history of this repository. Go and Java are used where they are installed. The examples get their packages from npm's registry. */
export default defineConfig({ ...common, test: { ...common.test, ...run, ...alone, include: ['test/tools/*.tools.ts'] } });
