// A receiver of the gateway's events: node examples/webhook-receiver.mjs
// Needs Node.js 20, and nothing else. WEBHOOK_SECRET is what createWebhook returned; several are separated by spaces.
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';

const secrets = (process.env.WEBHOOK_SECRET ?? '').split(' ').filter((secret) => secret.startsWith('whsec_'));
if (secrets.length === 0) throw new Error('Set WEBHOOK_SECRET to the secret of the webhook: whsec_…');
const toleranceSeconds = 300;

/** Whether the request comes from the gateway, and was sent just now. */
function isGenuine(headers, body) {
  const { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures = '' } = headers;
  if (!(Math.abs(Date.now() / 1000 - Number(timestamp)) <= toleranceSeconds)) return false;
  return secrets.some((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64');
    const expected = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest();
    return signatures.split(' ').some((signature) => {
      const given = Buffer.from(signature.replace(/^v1,/, ''), 'base64');
      return signature.startsWith('v1,') && given.length === expected.length && timingSafeEqual(given, expected);
    });
  });
}

/** How far each tree is: an event may come twice, and then it has the same ID. Keep this where your other data is. */
const done = new Map();

/** Whether the event was dealt with before. Positions and parts of a tree only ever grow. */
function isRepeated(id) {
  const [tree, position, part = '1'] = id.split(':');
  const [lastPosition, lastPart] = done.get(tree) ?? [0, 0];
  if (Number(position) < lastPosition || (Number(position) === lastPosition && Number(part) <= lastPart)) return true;
  done.set(tree, [Number(position), Number(part)]);
  return false;
}

const server = createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = Buffer.concat(chunks).toString();
  if (!isGenuine(request.headers, body)) return response.writeHead(400).end('The signature is wrong.\n');
  const event = JSON.parse(body);
  if (event.type === 'webhook.test' || !isRepeated(event.id)) {
    // What to do about it goes here. Answer only when it is done: the gateway sends the next event of the tree after that.
    console.log(event.timestamp, event.id, event.type, ...(event.data.reached ?? [event.data.account?.sid ?? '']));
  }
  response.writeHead(204).end();
});
server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => console.log(`Listening on http://127.0.0.1:${server.address().port}/`));
