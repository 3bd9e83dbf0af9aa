import type { OutgoingHttpHeaders } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { accountUri, apiVersionPath } from '../../domain/subresource.js';
import type { PermittedSubresource } from '../../service/subresource-access.js';
import type { Exchange, UpstreamAnswer } from '../../subresources/exchange.js';
import { headersForUpstream } from '../../subresources/forwarded-headers.js';
import { identityHeaders } from '../../subresources/identity-headers.js';
import { headersForRedaction, redactedAnswer } from '../../subresources/redacted-answer.js';
import { RedactionError } from '../../subresources/redaction.js';
import { CredentialsRefused, upstreamFailure } from '../../subresources/upstream-failure.js';
import type { Upstream } from '../../subresources/upstream.js';
import type { Upstreams } from '../../subresources/upstreams.js';
import { mayArriveSlowly } from '../http/body-deadline.js';
import { hasBody } from '../http/concurrency-limit.js';
import { costOfBytes } from '../http/cost-budget.js';
import { isSafe } from '../http/safe-methods.js';
import type { SubresourceTarget } from './subresource-path.js';

/**
 * Sends a permitted request to its upstream, and the upstream's answer to the client, both as streams (SPEC §6). When either of the
 * two hangs up, so does the gateway. While it waits, the request has a place at the upstream, and none of the gateway's own.
 * @throws AppError UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, RATE_LIMITED, OVERLOADED
 */
export async function forward(
  request: FastifyRequest,
  reply: FastifyReply,
  permitted: PermittedSubresource,
  target: SubresourceTarget,
  upstreams: Upstreams,
): Promise<FastifyReply> {
  const upstream = upstreams.get(permitted.upstream);
  const returnPlace = upstreams.places.take(permitted.upstream, permitted.actor.account);
  request.slot?.finish();
  const exchange = begin(request, permitted, target, upstream, returnPlace);
  reply.raw.once('close', () => exchange.abort());
  if (reply.raw.destroyed) exchange.abort();
  try {
    const answer = await exchange.answer;
    assertOwnCredentials(answer, upstream);
    const { redaction } = permitted;
    send(request, reply, redaction === undefined ? answer : await redactedAnswer(redaction, answer));
  } catch (error) {
    exchange.abort();
    if (error instanceof RedactionError) upstream.failed('NOT_REDACTABLE');
    if (!reply.raw.destroyed) throw upstreamFailure(permitted.subresource, error as Error);
    reply.hijack();
  }
  return reply;
}

function begin(
  request: FastifyRequest,
  { actor, account, redaction }: PermittedSubresource,
  { path, query }: SubresourceTarget,
  upstream: Upstream,
  returnPlace: () => void,
): Exchange {
  const { cost, id, method, raw } = request;
  const headers = headersForUpstream(raw.headers);
  return upstream.send(
    {
      method,
      path: `${accountUri(account.sid).slice(apiVersionPath.length)}/${path}${query === '' ? '' : `?${query}`}`,
      headers: redaction === undefined ? headers : headersForRedaction(headers),
      identity: identityHeaders({ actor, account, requestId: id }),
      body: isSafe(method) || !hasBody(raw) ? undefined : bodyOf(request),
    },
    {
      onReceived: (bytes) => cost.add(costOfBytes(bytes)),
      onEnded: returnPlace,
    },
  );
}

/** The body while it comes. What an upstream leaves unread is read all the same, since the connection's next request is behind it. */
async function* bodyOf({ raw, cost }: FastifyRequest): AsyncGenerator<Uint8Array> {
  mayArriveSlowly(raw);
  try {
    for await (const chunk of raw.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
      cost.add(costOfBytes(chunk.length));
      yield chunk;
    }
  } finally {
    raw.resume();
  }
}

/** An upstream that refuses the gateway's own credentials was set up wrongly: that is no news for the client. */
function assertOwnCredentials({ status }: UpstreamAnswer, upstream: Upstream): void {
  if (status !== 401 && status !== 407) return;
  upstream.failed(`STATUS_${status}`);
  throw new CredentialsRefused();
}

/** Sends the answer. Ends the connection if the upstream breaks off, so that a part cannot pass for the whole. */
function send(request: FastifyRequest, reply: FastifyReply, { status, headers, body }: UpstreamAnswer): void {
  const own = reply.getHeaders() as OutgoingHttpHeaders;
  reply.raw.writeHead(status, { ...own, ...headers, vary: [own.vary, headers.vary].filter(Boolean).join(', ') });
  reply.hijack();
  if (Buffer.isBuffer(body)) {
    // Latin-1 has a character for each byte. Node.js sends a text in one piece with the headers.
    reply.raw.end(body.toString('latin1'), 'latin1');
    return;
  }
  body
    .once('error', () => {
      // Unless it is the client that broke off.
      request.isFailed = !reply.raw.destroyed;
      reply.raw.destroy();
    })
    .pipe(reply.raw);
}
