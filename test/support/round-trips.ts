import { type Server, type Socket, createServer } from 'node:net';
import { addressOf, connectTo } from '../../src/persistence/connection/driver.js';

/** A way to PostgreSQL on which round trips are counted. */
export interface CountedWay {
  /** Where gateways connect to. */
  url: string;
  /** How often somebody began to send while no answer was outstanding on the connection, during the work. To connect does not count. */
  during(work: () => Promise<unknown>): Promise<number>;
  close(): Promise<void>;
}

/** The messages of the protocol that ask for an answer of their own, Query and Sync; and the one that ends such an answer, ReadyForQuery. */
const asks = new Set([0x51, 0x53]);
const readyForQuery = 0x5a;

/** Calls back with the type of each message in a stream of bytes that comes in pieces. The first message of a client has no type. */
function messages(hasStartUp: boolean, onMessage: (type: number | undefined) => void): (bytes: Buffer) => void {
  let rest = Buffer.alloc(0);
  let isStartUp = hasStartUp;
  return (bytes) => {
    rest = Buffer.concat([rest, bytes]);
    for (;;) {
      const typeLength = isStartUp ? 0 : 1;
      if (rest.length < typeLength + 4) return;
      const length = typeLength + rest.readInt32BE(typeLength);
      if (rest.length < length) return;
      onMessage(isStartUp ? undefined : rest[0]);
      isStartUp = false;
      rest = rest.subarray(length);
    }
  };
}

/** Opens such a way to the server of the URL. */
export async function countRoundTrips(url: string): Promise<CountedWay> {
  const sockets = new Set<Socket>();
  let roundTrips = 0;
  const server: Server = createServer((near) => {
    const far = connectTo(addressOf(url));
    let outstanding = 0;
    let isUnderWay = false;
    const onSent = messages(true, (type) => {
      // A connection is started when the pool needs a new one, which is not up to the work.
      if (!isUnderWay && type !== undefined) roundTrips += 1;
      isUnderWay = true;
      if (type === undefined || asks.has(type)) outstanding += 1;
    });
    const onAnswered = messages(false, (type) => {
      if (type === readyForQuery) outstanding -= 1;
      isUnderWay = outstanding > 0;
    });
    near.on('data', (bytes) => {
      onSent(bytes as Buffer);
      far.write(bytes);
    });
    far.on('data', (bytes) => {
      onAnswered(bytes as Buffer);
      near.write(bytes);
    });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one);
      one.on('error', () => {}).on('close', () => other.destroy());
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const { pathname } = new URL(url.replace(/^postgres(ql)?:\/\/\//, 'postgresql://host/'));
  return {
    url: `postgresql://postgres@127.0.0.1:${port}${pathname}?sslmode=disable`,
    async during(work) {
      const before = roundTrips;
      await work();
      return roundTrips - before;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
