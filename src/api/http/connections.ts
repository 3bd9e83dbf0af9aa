import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export interface ConnectionLimits {
  /** Requests of one connection that are not answered yet, at most. */
  unanswered: number;
  /** How long an answer may wait for a client that takes nothing of it, in milliseconds. */
  unreadMilliseconds: number;
}

interface Connection {
  unanswered: Set<ServerResponse>;
  /** What its client has taken so far, and when it was last found to have taken more. */
  taken: string;
  since: number;
}

/**
 * Bounds what one connection can hold (SPEC §10), and hands on the requests that come within bounds. Node.js takes as many
 * requests as a client cares to send before it reads an answer, and waits for ever for one that reads none. Either is cut
 * off: nobody who speaks HTTP as it is spoken today has dozens of requests under way on one connection.
 */
export function boundConnections(server: Server, handle: RequestListener, limits: ConnectionLimits): void {
  const connections = new Map<Socket, Connection>();

  server.on('connection', (socket: Socket) => {
    const unanswered = new Set<ServerResponse>();
    connections.set(socket, { unanswered, taken: '', since: performance.now() });
    socket.once('close', () => {
      connections.delete(socket);
      // Node.js ends the answer that was being sent, and not those that wait behind it: what these hold would be held for ever.
      setImmediate(() => unanswered.forEach((response) => response.emit('close')));
    });
  });

  server.on('request', (request, response) => {
    const { socket } = request;
    const unanswered = connections.get(socket)?.unanswered;
    // More requests may come out of what was read before the connection was cut off.
    if (unanswered === undefined || socket.destroyed) return;
    if (unanswered.size >= limits.unanswered) {
      socket.destroy();
      return;
    }
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    handle(request, response);
  });

  const cutOffUnread = (): void => {
    const now = performance.now();
    for (const [socket, connection] of connections) {
      const taken = takenBy(socket);
      if (taken !== connection.taken || socket.writableLength === 0) Object.assign(connection, { taken, since: now });
      else if (now - connection.since >= limits.unreadMilliseconds) socket.destroy();
    }
  };
  const watch = setInterval(cutOffUnread, limits.unreadMilliseconds / 4).unref();
  server.on('close', () => clearInterval(watch));
}

/**
 * What stands for the bytes that the client has taken: it changes with every one of them. A long answer is one write, which
 * the system takes a part at a time. How much of it is left only the socket's handle knows, by a property that Node.js
 * measures its own timeouts by; without it, a steady reader of a long answer would look like one who reads nothing. Those
 * timeouts do not serve here: they begin anew with whatever the client sends.
 */
function takenBy(socket: Socket): string {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return `${socket.bytesWritten - socket.writableLength} ${handle?.writeQueueSize}`;
}
