import { type AddressInfo, type Socket, connect, createServer } from 'node:net';

/** A way to a server that can be cut, as a network can. */
export interface CuttableProxy {
  url: string;
  /** How many connections it ever took. */
  connections: number;
  /** Breaks off every connection there is. */
  cut(): void;
  /** From now on, connections lead there; undefined: nowhere, they are broken off at once. */
  leadTo(url: string | undefined): void;
  stop(): Promise<void>;
}

/** Starts a proxy that passes bytes on to the server at the URL. */
export async function startCuttableProxy(url: string): Promise<CuttableProxy> {
  let target: string | undefined = url;
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => {}).once('close', () => sockets.delete(socket));
  };
  const server = createServer((incoming) => {
    proxy.connections += 1;
    keep(incoming);
    if (target === undefined) return void incoming.destroy();
    const outgoing = keep(connect(Number(new URL(target).port), '127.0.0.1'));
    incoming.pipe(outgoing).pipe(incoming);
    incoming.once('close', () => outgoing.destroy());
    outgoing.once('close', () => incoming.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: CuttableProxy = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 0,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    leadTo(next) {
      target = next;
    },
    async stop() {
      proxy.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
