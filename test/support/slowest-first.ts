import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first. Those that start last decide how long all take, when they run side by side. */
const slowest = [
  'process/embedded-postgres',
  'process/shutdown',
  'resilience/crash',
  'security/tenant-matrix/',
  'process/npm-start',
  'process/start',
  'process/refused-starts',
  'surface/long-list',
  'security/linear-time',
  'security/timing',
  'database/replica',
  'cli/backup',
  'resilience/full-disk',
  'resilience/killed-migration',
  'process/workers',
  'property/random-commands',
  'surface/openapi',
  'process/key-rotation',
  'process/empty-database',
  'resilience/journal',
  'resilience/failure',
  'security/connections',
  'security/mutated-',
  'surface/documented-samples',
  'process/process',
  'database/races-',
  'database/database-check',
  'resilience/soak',
  'database/tree-locks',
  'security/secrets',
  'security/switched-off',
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
