import { createServer, request } from 'node:http';
import { type AddressInfo } from 'node:net';

/** A way to a gateway on which the answer to the first change gets lost, and the first stream breaks off behind its first event. */
export interface BadNetwork {
  url: string;
  /** How many answers were lost. */
  lost: number;
  /** How many streams broke off. */
  brokenOff: number;
  stop(): Promise<void>;
}

/** Starts a proxy that passes requests on to the gateway at the URL, as badly as that. */
export async function startBadNetwork(url: string): Promise<BadNetwork> {
  const server = createServer((incoming, outgoing) => {
    let body = '';
    incoming.on('data', (chunk: Buffer) => (body += chunk.toString()));
    const { method, headers } = incoming;
    const passedOn = request(`${url}${incoming.url}`, { method, headers }, (answer) => {
      if (network.lost === 0 && body.includes('mutation')) {
        network.lost += 1;
        answer.resume().once('end', () => outgoing.destroy());
        return;
      }
      outgoing.writeHead(answer.statusCode!, answer.headers);
      answer.on('data', (chunk: Buffer) => {
        outgoing.write(chunk);
        if (network.brokenOff > 0 || !chunk.includes('event: next')) return;
        network.brokenOff += 1;
        // What was written before is sent first.
        outgoing.socket!.destroySoon();
      });
      answer.once('end', () => outgoing.end());
    });
    passedOn.on('error', () => outgoing.destroy());
    outgoing.once('close', () => passedOn.destroy());
    incoming.pipe(passedOn);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const network: BadNetwork = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    lost: 0,
    brokenOff: 0,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return network;
}
