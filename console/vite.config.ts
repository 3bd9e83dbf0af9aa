import { defineConfig } from 'vite';

/**
 * Builds the console into three files with fixed names, which refer to each other by relative URLs. The gateway serves them under a policy
 * that admits nothing inline (src/api/http/console.ts).
 */
export default defineConfig({
  root: import.meta.dirname,
  base: './',
  build: {
    outDir: '../dist/console',
    // A gateway that starts meanwhile finds its files: they have the same names each time.
    emptyOutDir: false,
    target: ['chrome125', 'firefox128', 'safari18'],
    // The page has one script, so there is nothing to preload.
    modulePreload: false,
    cssCodeSplit: false,
    assetsInlineLimit: 0,
    // What is compressed is measured by a test.
    reportCompressedSize: false,
    rolldownOptions: {
      // Beside the page, which is served at `/console` and so names them relative to `/`.
      output: { entryFileNames: 'console/[name].js', assetFileNames: 'console/[name][extname]' },
    },
  },
});
