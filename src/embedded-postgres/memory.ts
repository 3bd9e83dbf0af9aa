import { totalmem } from 'node:os';

const megabyte = 1024 ** 2;

/** The memory that the machine has, or the container may use, in bytes. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * How the embedded PostgreSQL is sized to a machine: its own defaults are for one of some hundred megabytes. It shares the
 * machine with the gateway, and no more is taken than a tree of some million accounts makes use of.
 *
 * @param memory of the machine, in bytes
 */
export function memorySettings(memory: number): Record<string, string> {
  const share = (part: number, least: number, most: number): string =>
    `${Math.round(Math.min(Math.max(memory / part / megabyte, least), most))}MB`;
  return {
    shared_buffers: share(4, 32, 2048),
    // Not taken, but what the planner believes that the system keeps of its files.
    effective_cache_size: share(2, 64, 8192),
    maintenance_work_mem: share(16, 16, 512),
    // For each sort and hash of each statement.
    work_mem: share(512, 4, 16),
    // Of disk, not of memory: how much is written between two checkpoints, which larger buffers make larger.
    max_wal_size: share(4, 256, 4096),
  };
}
