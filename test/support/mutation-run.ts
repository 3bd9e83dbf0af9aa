import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect } from 'vitest';
import { mutationSeed as seed, mutations } from './effort.js';
import type { TestGateway } from './gateway.js';
import { brokenInvariants } from './invariants.js';
import { Dice } from './mutation.js';
import { type WireRequest, sendOnWire } from './wire.js';

/** The answer to a mutated request. */
interface Answered {
  status: number;
  text: string;
}

/** In how many requests at once. */
const atOnce = 16;

/** One of so many requests goes over a connection of its own, byte by byte; the others go past the network. */
const wireShare = 50;

/** What no answer may tell: stack frames, statements, names of what the gateway is made of. */
const inside =
  /\n\s+at |\.[jt]s:\d+|node_modules|SELECT |INSERT INTO|UPDATE account|at or near|QueryFailed|TypeError|RangeError|Cannot read prop|violates|INTERNAL/;

/** Megabytes that the heap may have grown by, from the first third of the run to the last. */
const growthAllowed = 12;

/**
 * Sends mutated requests, and holds the gateway to what must be true of every answer, of its log, of its memory and of its
 * database afterwards. A failure names the seed and the number of the request, which bring it back.
 */
export async function runMutations(gateway: TestGateway, requestFor: (dice: Dice) => WireRequest): Promise<void> {
  // One frame would give a stack away as well as ten, and takes less time to make: most of these requests are refused.
  Error.stackTraceLimit = 1;
  const heap: number[] = [];
  const statuses = new Map<number, number>();
  const began = performance.now();
  const third = Math.ceil(mutations / 3);
  for (let done = 0; done < mutations; done += third) {
    const upTo = Math.min(mutations, done + third);
    let next = done;
    const worker = async (): Promise<void> => {
      while (next < upTo) {
        const number = next;
        next += 1;
        const request = requestFor(new Dice(seed * 7919 + number));
        const { status, text } = await send(gateway, request, number % wireShare === 0);
        statuses.set(status, (statuses.get(status) ?? 0) + 1);
        const faults = gateway.log.filter((line) => /"level":[56]0/.test(line));
        const isFine =
          (status < 500 || (status === 501 && (request.method === 'HEAD' || text.includes('NOT_IMPLEMENTED')))) &&
          !inside.test(text) &&
          faults.length === 0;
        if (!isFine) {
          const sent = JSON.stringify(request).slice(0, 6000);
          throw new Error(
            `MUTATION_SEED=${seed}, request ${number}: ${status} ${text.slice(0, 500)} ${faults.join(' ').slice(0, 2000)}\n${sent}`,
          );
        }
        gateway.log.length = 0;
      }
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    heap.push(heapUsed());
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  const counts = [...statuses].toSorted(([one], [other]) => one - other).map(([status, count]) => `${status}: ${count}`);
  console.log(
    `MUTATION_SEED=${seed}: ${mutations} requests, ${seconds} s, heap ${heap.map(Math.round).join(', ')} MB; ${counts.join(', ')}`,
  );
  expect(heap[2]! - heap[0]!).toBeLessThan(growthAllowed);
  expect(await brokenInvariants(gateway.database)).toEqual([]);
  expect(statuses.get(overtaken) ?? 0).toBeLessThan(mutations / 500);
  // What is only refused tries nothing.
  expect(statuses.get(200) ?? 0).toBeGreaterThan(mutations / 20);
}

/** Stands for the status of an answer that was lost. */
const overtaken = 0;

async function send(gateway: TestGateway, request: WireRequest, isOnWire: boolean): Promise<Answered> {
  const { method = 'GET', target, headers = {}, body } = request;
  // What is no URL can only be sent as it is.
  if (isOnWire || !URL.canParse(target, gateway.url)) {
    const oneLine = (text: string): string => text.replace(/[\r\n]/g, ' ');
    const sent = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, oneLine(value)]));
    try {
      const answer = await sendOnWire(gateway.url, { ...request, target: oneLine(target), headers: sent });
      return { status: answer.status, text: answer.body };
    } catch (error) {
      // A server that has refused a request before all of it was sent resets the connection, which can overtake the answer.
      if ((error as Error).message === 'no answer in HTTP: ') return { status: overtaken, text: '' };
      throw error;
    }
  }
  const answer = await gateway.app.server.inject({
    method: method as 'GET',
    url: target,
    headers: { host: new URL(gateway.url).host, ...headers },
    ...(body !== undefined && { payload: Buffer.from(body, 'latin1') }),
  });
  return { status: answer.statusCode, text: answer.payload };
}

/** In megabytes, of what is in use. */
function heapUsed(): number {
  setFlagsFromString('--expose-gc');
  (runInNewContext('gc') as () => void)();
  return process.memoryUsage().heapUsed / 1_048_576;
}
