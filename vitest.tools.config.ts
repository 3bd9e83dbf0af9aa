import { defineConfig, mergeConfig } from 'vitest/config';
import main from './vitest.config.js';

/** Tests that need other programs than Node.js: nginx, curl and Python 3. Go and Java are used where they are installed. */
const config = mergeConfig(main, defineConfig({}));
config.test.include = ['test/tools/*.tools.ts'];
export default config;
