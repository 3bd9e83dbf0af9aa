import { createServer } from 'node:http';

/*
 * A receiver of webhooks, each at a path of its own. It accepts all, but for what comes to /dead, which it never answers. /lags tells how late
 * the events were that came since it was last asked, and how many came again.
 */

const seen = new Set();
let told = { lags: [], repeated: 0 };
const server = createServer((request, response) => {
  if (request.url === '/dead') return;
  if (request.url === '/lags') {
    const answer = JSON.stringify(told);
    told = { lags: [], repeated: 0 };
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(answer) }).end(answer);
    return;
  }
  let body = '';
  request.setEncoding('utf8');
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const delivery = `${request.url} ${request.headers['webhook-id']}`;
    if (seen.has(delivery)) told.repeated += 1;
    else told.lags.push(Date.now() - Date.parse(JSON.parse(body).timestamp));
    seen.add(delivery);
    response.writeHead(204).end();
  });
});
server.keepAliveTimeout = 3_600_000;
server.listen(0, '127.0.0.1', () => console.log(`ready at http://127.0.0.1:${server.address().port}`));
process.once('SIGTERM', () => process.exit(0));
