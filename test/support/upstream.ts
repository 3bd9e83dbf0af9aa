import { type IncomingMessage, type RequestListener, createServer as createHttpServer } from 'node:http';
import { type AddressInfo, type Server, type Socket, createServer } from 'node:net';

/** What an upstream saw of a request. */
export interface SeenRequest {
  method: string;
  /** The whole request target. */
  url: string;
  headers: IncomingMessage['headers'];
  /** Names and values in turn, as they came. */
  rawHeaders: string[];
}

/** A service behind the gateway, on a port of its own. */
export interface TestUpstream {
  url: string;
  seen: SeenRequest[];
  /** How many connections it has now. */
  connections(): number;
  stop(): Promise<void>;
}

/** Starts an upstream that speaks HTTP. */
export async function startUpstream(listener: RequestListener): Promise<TestUpstream> {
  const seen: SeenRequest[] = [];
  const server = createHttpServer((request, response) => {
    const { method, url, headers, rawHeaders } = request;
    seen.push({ method: method!, url: url!, headers, rawHeaders });
    listener(request, response);
  });
  return { ...(await listening(server)), seen };
}

/** Starts an upstream that answers each first piece of a request with the bytes, whether they are HTTP or not, and goes on as it is told. */
export async function startRawUpstream(
  answer: () => string | Buffer,
  afterwards: (socket: Socket) => void = () => {},
): Promise<TestUpstream> {
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.on('data', () => {
      socket.write(answer());
      afterwards(socket);
    });
  });
  return { ...(await listening(server)), seen: [] };
}

async function listening(server: Server): Promise<Omit<TestUpstream, 'seen'>> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: () => sockets.size,
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The body of a request, read to its end. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
