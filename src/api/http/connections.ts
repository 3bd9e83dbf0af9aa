import type { RequestListener, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

interface ConnectionLimits {
  /** How many requests of one connection may be unanswered. */
  unanswered: number;
  /** How long an answer may wait for a client that reads nothing of it, in milliseconds. */
  unreadMilliseconds: number;
}

/** How long a client that has just connected has time to begin its request though the server closes, in milliseconds. */
const silentMilliseconds = 1000;

interface Connection {
  opened: number;
  unanswered: Set<ServerResponse>;
  /** How far its client has read, and since when it has not read more. */
  progress: string;
  since: number;
}

/**
 * Limits what one connection can hold (SPEC §10), and passes on the requests within the limits. Node.js accepts any number of
 * pipelined requests, and waits forever for a client that does not read its answers. A connection with too many unanswered requests is closed,
 * and so is one whose answers are not read: today's HTTP clients do not have dozens of requests in flight on one connection.
 */
export function limitConnections(server: Server, handle: RequestListener, limits: ConnectionLimits): void {
  const connections = new Map<Socket, Connection>();

  server.on('connection', (socket: Socket) => {
    const unanswered = new Set<ServerResponse>();
    const opened = performance.now();
    connections.set(socket, { opened, unanswered, progress: '', since: opened });
    socket.once('close', () => {
      connections.delete(socket);
      // Node.js closes the response that is being sent, but not those queued behind it. What they hold would never be released.
      setImmediate(() => unanswered.forEach((response) => response.emit('close')));
    });
  });

  server.on('request', (request, response) => {
    const { socket } = request;
    const unanswered = connections.get(socket)?.unanswered;
    // Data that was read before the connection was closed may contain more requests.
    if (unanswered === undefined || socket.destroyed) return;
    if (unanswered.size >= limits.unanswered) {
      socket.destroy();
      return;
    }
    unanswered.add(response);
    response.once('close', () => unanswered.delete(response));
    handle(request, response);
  });

  // Node.js takes a connection for busy on which nothing has come yet. Browsers and proxies open some in advance.
  const closeIdleConnections = server.closeIdleConnections.bind(server);
  server.closeIdleConnections = () => {
    closeIdleConnections();
    const now = performance.now();
    for (const [socket, { opened }] of connections) if (socket.bytesRead === 0 && now - opened >= silentMilliseconds) socket.destroy();
  };

  const cutOffUnread = (): void => {
    const now = performance.now();
    for (const [socket, connection] of connections) {
      const progress = progressOf(socket);
      if (progress !== connection.progress || socket.writableLength === 0) Object.assign(connection, { progress, since: now });
      else if (now - connection.since >= limits.unreadMilliseconds) socket.destroy();
    }
  };
  const watch = setInterval(cutOffUnread, limits.unreadMilliseconds / 4).unref();
  server.on('close', () => clearInterval(watch));
}

/**
 * A text that changes whenever the client reads more. A long answer is one write, which the system accepts a part at a time.
 * Only the socket's handle knows how much of it is left, by a property that Node.js uses for its own timeouts. Without it, a steady
 * reader of a long answer would look like one who reads nothing. Those timeouts do not help here, because anything the client sends
 * restarts them.
 */
function progressOf(socket: Socket): string {
  const { _handle: handle } = socket as { _handle?: { writeQueueSize?: number } | null };
  return `${socket.bytesWritten - socket.writableLength} ${handle?.writeQueueSize}`;
}
