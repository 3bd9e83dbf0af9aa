import { createSocket } from 'node:dgram';
import { isIPv4 } from 'node:net';
import type { AddressInfo } from 'node:net';

/** What is known of a name: its addresses; or that it does not exist; or nothing, ever. */
export type Known = readonly string[] | 'unknown' | 'silent';

/** A name server on a port of its own. */
export interface TestNameServer {
  /** With its port. */
  address: string;
  stop(): Promise<void>;
}

const types = { A: 1, AAAA: 28 };

/** Starts a name server that tells of each name, for IPv4 and for IPv6, what it is told. It knows just enough of DNS for that. */
export async function startNameServer(knows: (name: string, type: 'A' | 'AAAA') => Known | Promise<Known>): Promise<TestNameServer> {
  const socket = createSocket('udp4');
  socket.on('message', async (query, { port, address }) => {
    const { name, type, question } = parseQuestion(query);
    const known = await knows(name, type === types.AAAA ? 'AAAA' : 'A');
    if (known === 'silent') return;
    const records = known === 'unknown' ? [] : known.filter((one) => isIPv4(one) === (type === types.A)).map(record);
    const head = Buffer.alloc(12);
    query.copy(head, 0, 0, 2);
    head.writeUInt16BE(known === 'unknown' ? 0x8183 : 0x8180, 2);
    head.writeUInt16BE(1, 4);
    head.writeUInt16BE(records.length, 6);
    socket.send(Buffer.concat([head, question, ...records]), port, address);
  });
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    stop: () => new Promise((resolve) => socket.close(resolve)),
  };
}

function parseQuestion(query: Buffer): { name: string; type: number; question: Buffer } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at]!; length > 0; length = query[at]!) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), question: query.subarray(12, at + 5) };
}

/** One address of the name in the question, for now. */
function record(address: string): Buffer {
  const bytes = isIPv4(address) ? address.split('.').map(Number) : bytesOfIpv6(address);
  const head = Buffer.from('c00c00000001000000000000', 'hex');
  head.writeUInt16BE(bytes.length === 4 ? types.A : types.AAAA, 2);
  head.writeUInt16BE(bytes.length, 10);
  return Buffer.concat([head, Buffer.from(bytes)]);
}

/** Of an address that has all of its eight groups. */
function bytesOfIpv6(address: string): number[] {
  return address.split(':').flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]);
}
