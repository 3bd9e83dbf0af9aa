import { Agent, createServer } from 'node:http';
import { createProxyServer } from 'http-proxy-3';

/* http-proxy-3 with connections that are kept, in front of the service. It knows no accounts and checks nothing. */

const proxy = createProxyServer({ target: process.env.SERVICE_URL, agent: new Agent({ keepAlive: true }) });
proxy.on('error', (_error, _request, response) => response.writeHead(502).end());

const server = createServer((request, response) => proxy.web(request, response));
server.listen(0, '127.0.0.1', () => console.log(`ready at http://127.0.0.1:${server.address().port}`));
process.once('SIGTERM', () => process.exit(0));
