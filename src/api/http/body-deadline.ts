import type { IncomingMessage, Server } from 'node:http';
import { hasBody } from './concurrency-limit.js';

/** Requests whose bodies may take as long as they like, as long as more of them comes. */
const slow = new WeakSet<IncomingMessage>();

/** Lets the body of the request take as long as it likes: it is passed on as it comes. Its client must not fall silent, though. */
export function mayArriveSlowly(request: IncomingMessage): void {
  slow.add(request);
}

/**
 * Bounds how long a body may take to arrive: one that never does must not hold a connection. Node.js has one time limit for all
 * requests, which would break off long uploads to upstreams.
 */
export function limitBodies(server: Server, milliseconds: number): void {
  const arriving = new Map<IncomingMessage, { received: number; since: number }>();

  server.on('request', (request) => {
    if (hasBody(request)) arriving.set(request, { received: request.socket.bytesRead, since: performance.now() });
  });

  const cutOffLate = (): void => {
    const now = performance.now();
    for (const [request, progress] of arriving) {
      const { socket } = request;
      // What has been received but not read yet shows that it is not the client that is slow.
      const isComing = slow.has(request) && (socket.bytesRead !== progress.received || request.readableLength > 0);
      if (request.complete || socket.destroyed) arriving.delete(request);
      else if (isComing) Object.assign(progress, { received: socket.bytesRead, since: now });
      // As Node.js reports its own time limit.
      else if (now - progress.since >= milliseconds) server.emit('clientError', new LateBody(), socket);
    }
  };
  const watch = setInterval(cutOffLate, milliseconds / 4).unref();
  server.on('close', () => clearInterval(watch));
}

class LateBody extends Error {
  readonly code = 'ERR_HTTP_REQUEST_TIMEOUT';
}
