import { setTimeout as sleep } from 'node:timers/promises';
import { EmbeddedPostgresError } from './errors.js';
import { isOrphan, lockHolderOf, stopOrphan } from './lock-file.js';
import { type Cluster, type Postmaster, becomesReady, spawnPostmaster } from './postmaster.js';

/** How long a server whose owner was killed has to notice that, before we report "already running". */
const orphanGraceMilliseconds = 1_000;

/** How long to wait for an earlier server that is shutting down. */
const shutdownMilliseconds = 30_000;

/**
 * Starts a server, after waiting for an earlier one that is shutting down. Who owns the cluster is decided by PostgreSQL's
 * own lock file and shared memory, with no gap between asking and taking. We only decide whether to wait or to give up. If a stale
 * lock file names a pid that another process has by now, as happens in containers, we tell PostgreSQL so by PG_GRANDPARENT_PID:
 * it does not take that process for a rival, and checks everything else. We never delete the lock file; that could hit a newer one.
 */
export async function launch(cluster: Cluster, signal: AbortSignal): Promise<Postmaster> {
  const began = performance.now();
  for (;;) {
    signal.throwIfAborted();
    const holder = await lockHolderOf(cluster.folder);
    if (holder?.isAlive) {
      const patience = holder.status === 'stopping' ? shutdownMilliseconds : orphanGraceMilliseconds;
      if (performance.now() - began < patience) {
        await sleep(20);
        continue;
      }
      if (await isOrphan(cluster.folder, holder.pid)) {
        await stopOrphan(holder.pid, signal);
        continue;
      }
      throw new EmbeddedPostgresError(
        `A PostgreSQL is already running in ${cluster.folder} (pid ${holder.pid}). ` +
          'Stop the program that started it, or choose another folder.',
      );
    }
    const postmaster = await spawnPostmaster(cluster, holder?.pid, signal);
    if (await becomesReady(cluster, postmaster)) return postmaster;
    await postmaster.closed;
    signal.throwIfAborted();
    const log = postmaster.lastLines.join('\n');
    const isOccupied = /lock file ".*" already exists|shared memory block .* is still in use/.test(log);
    if (!isOccupied || performance.now() - began > shutdownMilliseconds) {
      throw new EmbeddedPostgresError(`PostgreSQL did not start in ${cluster.folder}:\n${log}`);
    }
    await sleep(50);
  }
}

/** Starts the server again whenever it ends, until the signal aborts. Never rejects. */
export async function keepRunning(cluster: Cluster, first: Postmaster, signal: AbortSignal): Promise<void> {
  let postmaster: Postmaster | undefined = first;
  for (let pause = 100; ; pause = postmaster ? 100 : Math.min(pause * 2, 5_000)) {
    await postmaster?.closed;
    await sleep(pause, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    postmaster = await launch(cluster, signal).catch(() => undefined);
  }
}
