import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startArguments } from './contenders.js';
import { ServerProcess } from './server-process.js';

/** Times from the start of the gateway's process until it is ready, in milliseconds. */
export interface StartUp {
  /** The first start, which creates the embedded database. */
  first: number;
  /** The starts after that. */
  warm: number[];
}

/** Starts the gateway as its users do, with an embedded database, then again in the same folder. */
export async function measureStartUp(runs: number): Promise<StartUp> {
  const directory = await mkdtemp(join(tmpdir(), 'gateway-bench-start-'));
  const start = async (): Promise<number> => {
    const server = await ServerProcess.start({
      node: process.execPath,
      args: startArguments,
      environment: { DATA_DIR: join(directory, 'data'), PORT: '0', METRICS_PORT: '0' },
      outputFile: join(directory, 'output.log'),
    });
    await server.stop();
    return server.startMilliseconds;
  };
  try {
    const first = await start();
    const warm: number[] = [];
    for (let run = 0; run < runs; run++) warm.push(await start());
    return { first, warm };
  } finally {
    await rm(directory, { recursive: true });
  }
}
