import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first. Those that start last decide how long all take, when they run side by side. */
const slowest = [
  'process/process',
  'resilience/crash',
  'process/embedded-postgres',
  'security/timing',
  'security/linear-time',
  'resilience/journal',
  'resilience/failure',
  'security/tenant-matrix/',
  'property/random-commands',
  'database/races-',
  'surface/long-list',
  'process/key-rotation',
  'process/start',
  'security/connections',
  'resilience/soak',
  'database/replica',
  'process/workers',
  'security/mutated-',
  'database/tree-locks',
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
