import { type IncomingHttpHeaders, type OutgoingHttpHeaders, type ServerResponse, createServer as createHttpServer } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TestCertificate } from './certificate.js';
import { bodyOf } from './upstream.js';

/** A request that a receiver got, whole. */
export interface ReceivedRequest {
  method: string;
  /** With the query. */
  path: string;
  headers: IncomingHttpHeaders;
  /** As it came: signatures are over this text. */
  body: string;
}

/** What a receiver does with a request. `answers` has the usual ones. */
export type Answer = (response: ServerResponse, request: ReceivedRequest) => void;

/** A receiver of webhooks: a real server on a port of its own, at 127.0.0.1. */
export interface TestReceiver {
  /** `http://127.0.0.1:PORT/`, or https with a certificate. */
  url: string;
  port: number;
  /** In the order in which they came. */
  requests: ReceivedRequest[];
  /** How many connections were ever made to it, and how many are open now. It closes none that is idle. */
  connections: { made: number; open: number };
  /** From now on, requests are answered so. */
  answerWith(answer: Answer): void;
  stop(): Promise<void>;
}

/** Starts a receiver, which accepts everything unless it is told otherwise. */
export async function startReceiver({
  answer = answers.status(200),
  certificate,
}: { answer?: Answer; certificate?: TestCertificate } = {}): Promise<TestReceiver> {
  const requests: ReceivedRequest[] = [];
  const sockets = new Set<Socket>();
  const connections = { made: 0, open: 0 };
  let answering = answer;
  const server = certificate === undefined ? createHttpServer() : createHttpsServer(certificate);
  server.keepAliveTimeout = 0;
  server.on('request', async (request, response) => {
    const { method, url, headers } = request;
    const body = await bodyOf(request).catch(() => undefined);
    // It was cut off before its end.
    if (body === undefined) return;
    const received = { method: method!, path: url!, headers, body: body.toString() };
    requests.push(received);
    answering(response, received);
  });
  server.on('connection', (socket: Socket) => {
    connections.made += 1;
    connections.open += 1;
    sockets.add(socket.on('error', () => {}));
    socket.once('close', () => {
      connections.open -= 1;
      sockets.delete(socket);
    });
  });
  // Those who do not trust it end the handshake.
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `${certificate === undefined ? 'http' : 'https'}://127.0.0.1:${port}/`,
    port,
    requests,
    connections,
    answerWith(next) {
      answering = next;
    },
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What receivers do, well-behaved and not. */
export const answers = {
  status(status: number, headers: OutgoingHttpHeaders = {}, body: string | Buffer = ''): Answer {
    return (response) => void response.writeHead(status, headers).end(body);
  },

  redirectTo(location: string, status = 302): Answer {
    return answers.status(status, { location });
  },

  /** Never answers. */
  hang(): Answer {
    return () => {};
  },

  /** Begins an answer and never ends it. */
  hangInBody(begun = 'begun', status = 200): Answer {
    return (response) => void response.writeHead(status).write(begun);
  },

  /** Sends the text again and again, as fast as it is read. */
  endless(text = 'x'.repeat(16_384)): Answer {
    return (response) => {
      const more = (): void => {
        while (!response.destroyed && response.write(text));
      };
      response.writeHead(200).on('drain', more);
      more();
    };
  },

  /** Resets the connection instead of answering. */
  reset(): Answer {
    return (response) => void response.socket!.resetAndDestroy();
  },

  /** Sends these bytes, whether they are HTTP or not, and closes the connection unless it is to stay open. */
  bytes(bytes: string | Buffer, { open = false } = {}): Answer {
    return (response) => {
      const socket = response.socket!;
      if (open) socket.write(bytes);
      else socket.end(bytes);
    };
  },
};
