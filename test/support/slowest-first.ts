import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first. Those that start last decide how long all take, when they run side by side. */
const slowest = [
  'resilience/failure',
  'process/shutdown',
  'security/timing',
  'process/embedded-postgres',
  'resilience/crash',
  'surface/long-list',
  'cli/backup',
  'process/tracing',
  'process/workers',
  'security/connections',
  'process/start',
  'surface/openapi',
  'security/linear-time',
  'database/heap-only',
  'security/secrets',
  'process/refused-starts',
  'cli/accounts',
  'cli/lost-key',
  'subresources/slow-and-broken',
  'process/npm-start',
  'process/key-rotation',
  'process/process',
  'database/database-check',
  'cli/lost-password',
  'database/tree-locks',
  'database/replica',
  'security/tenant-matrix/',
  'security/switched-off',
  'property/random-commands',
  'subresources/removal',
  'surface/documented-samples',
  'events/delivery-isolation',
  'security/sign-in-limits',
  'conformance/conformance',
  'security/mutated-documents',
  'resilience/full-disk',
  'process/empty-database',
  'resilience/killed-migration',
];

const rankOf = ({ moduleId }: TestSpecification): number => {
  const rank = slowest.findIndex((name) => moduleId.includes(`/test/${name}`));
  return rank < 0 ? slowest.length : rank;
};

/** Starts the files that take longest first. */
export class SlowestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files); // oxlint-disable-line unicorn/no-array-sort
    return sorted.toSorted((one, other) => rankOf(one) - rankOf(other));
  }
}
