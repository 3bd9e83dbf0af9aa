// @ts-check

/** What unit tests cover: the rules of the domain; and of what stands around them, what decides and computes. */
const mutated = {
  rules: ['src/domain/**/*.ts', 'src/errors.ts'],
  adapters: [
    'src/service/fair-queue.ts',
    'src/api/http/{client-address,cost-budget}.ts',
    'src/api/graphql/execution/{expected-cost,field-cost,limits,operation-request,weight}.ts',
    'src/api/rest/{content-negotiation,path,xml}.ts',
  ],
};

// oxlint-disable-next-line node/no-process-env
const part = process.env.MUTATED === 'adapters' ? 'adapters' : 'rules';

/** @type {import('@stryker-mutator/api/core').PartialStrykerOptions} */
export default {
  mutate: mutated[part],
  testRunner: 'vitest',
  vitest: { configFile: 'vitest.mutation.config.ts' },
  plugins: ['@stryker-mutator/vitest-runner'],
  // A name that no file has: to rewrite paths in tsconfig.json would take an API that TypeScript 7 lacks, and none leads out of the project.
  tsconfigFile: 'none.json',
  ignorePatterns: ['dist', 'data', 'bench', 'docs/adr', '.ci'],
  tempDirName: '.stryker-tmp',
  concurrency: 1,
  reporters: ['clear-text', 'json'],
  clearTextReporter: { allowColor: false, logTests: false, reportTests: false },
  jsonReporter: { fileName: `.stryker-tmp/${part}.json` },
  thresholds: { high: 95, low: 90, break: 90 },
};
