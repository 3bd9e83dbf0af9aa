import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { build } from 'vite';
import { folderOfRun } from './run-folder.js';

const root = join(import.meta.dirname, '../..');
const dist = join(root, 'dist');

/** The program in a few files, made for one run of the tests. */
export interface Bundle {
  program: string;
  remove(): Promise<void>;
}

/**
 * Bundles the program with the libraries that it uses, as modules that `require` loads, which can be kept compiled (code-cache.cjs). Most of
 * what a start costs is to find, load and compile some 1,300 modules: one of a bundle takes half the processor time, and the tests start
 * hundreds. It lies in this folder, where it finds its files of pages.
 */
export async function bundleProgram(): Promise<Bundle> {
  const folder = folderOfRun(dist, 'bundle');
  // Where only the compiler ran, as in a sandbox of mutation tests. The tests in a browser build it anew.
  if (!existsSync(join(dist, 'console'))) await build({ configFile: join(root, 'console/vite.config.ts'), logLevel: 'error' });
  await build({
    root,
    configFile: false,
    logLevel: 'error',
    ssr: {
      noExternal: true,
      // What libraries also load by `require`, which would give them a second one; what is native; what TypeGraphQL does without.
      external: ['pg', 'graphql', '@node-rs/argon2', 'class-validator'],
    },
    build: {
      ssr: 'src/entry.ts',
      outDir: folder,
      target: 'node20',
      minify: false,
      emptyOutDir: true,
      rolldownOptions: {
        output: {
          format: 'cjs',
          dynamicImportInCjs: false,
          entryFileNames: '[name].cjs',
          chunkFileNames: 'assets/[name]-[hash].cjs',
          intro: ({ isEntry }) => (isEntry ? `require(${JSON.stringify(join(import.meta.dirname, 'code-cache.cjs'))});` : ''),
        },
      },
    },
  });
  return { program: join(folder, 'entry.cjs'), remove: () => rm(folder, { recursive: true, force: true }) };
}
