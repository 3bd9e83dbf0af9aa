import { totalmem } from 'node:os';

const megabyte = 1024 ** 2;

/** The memory of the machine, or of the container if that is limited, in bytes. */
export function availableMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/**
 * Settings that fit the embedded PostgreSQL to the machine: its defaults are for one with a few hundred megabytes. It shares the
 * machine with the gateway, and takes no more than a tree of a few million accounts can use.
 *
 * @param memory of the machine, in bytes
 */
export function memorySettings(memory: number): Record<string, string> {
  const share = (part: number, least: number, most: number): string =>
    `${Math.round(Math.min(Math.max(memory / part / megabyte, least), most))}MB`;
  return {
    shared_buffers: share(4, 32, 2048),
    // Not allocated; the planner's estimate of the system's file cache.
    effective_cache_size: share(2, 64, 8192),
    maintenance_work_mem: share(16, 16, 512),
    // Per sort or hash operation of each statement.
    work_mem: share(512, 4, 16),
    // On disk, not in memory: the WAL between two checkpoints, which should grow with the buffers.
    max_wal_size: share(4, 256, 4096),
  };
}
