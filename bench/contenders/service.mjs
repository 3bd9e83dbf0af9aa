import { createServer } from 'node:http';

/* The service behind the gateway and the proxies: one small answer, to whatever is asked. */

const calls = Array.from({ length: 3 }, (_, number) => ({
  sid: `CA${String(number).padStart(32, '0')}`,
  status: 'completed',
  duration: '60',
}));
const answer = Buffer.from(JSON.stringify({ page: 0, num_pages: 0, page_size: 50, total: 3, start: 0, end: 2, calls }));

const server = createServer((_request, response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': answer.length }).end(answer);
});
// No proxy finds a connection closed.
server.keepAliveTimeout = 3_600_000;
server.listen(0, '127.0.0.1', () => console.log(`ready at http://127.0.0.1:${server.address().port}`));
process.once('SIGTERM', () => process.exit(0));
