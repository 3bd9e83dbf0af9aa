import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** The files that take longest, the longest first. Those that start last decide how long all take, when they run side by side. */
const slowest = [
  'resilience/failure',
  'security/linear-time',
  'process/shutdown',
  'security/timing',
  'process/embedded-postgres',
  'database/tree-locks',
  'resilience/crash',
  'cli/backup',
  'process/start',
  'process/workers',
  'surface/long-list',
  'process/npm-start',
  'process/refused-starts',
  'process/tracing',
  'cli/accounts',
  'security/secrets',
  'cli/lost-key',
  'security/switched-off',
  'security/tenant-matrix/',
  'security/connections',
  'surface/openapi',
  'process/key-rotation',
  'database/replica',
  'database/heap-only',
  'process/process',
  'subresources/slow-and-broken',
  'cli/lost-password',
  'property/random-commands',
  'database/database-check',
  'resilience/full-disk',
  'resilience/killed-migration',
  'security/sign-in-limits',
  'events/delivery-isolation',
  'subresources/removal',
  'process/empty-database',
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
