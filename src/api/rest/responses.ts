import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { costOfBatch, costOfEntry } from '../http/cost-budget.js';
import { reportOf } from '../http/request-error.js';
import type { Format } from './content-negotiation.js';
import { type ListName, type PageEnvelope, representations } from './representation.js';

/** Answers with a text. As bytes, because Fastify adds a charset to the type of a text, which clients in the field compare (SPEC §4). */
export function sendText(reply: FastifyReply, format: Format, text: string): FastifyReply {
  return reply.type(representations[format].mediaType).send(Buffer.from(text));
}

/** Answers with one entry. */
export function sendEntry(reply: FastifyReply, format: Format, entry: string): FastifyReply {
  reply.request.cost.add(costOfEntry);
  return sendText(reply, format, representations[format].single(entry));
}

/** Answers with a page of a list. */
export function sendEntries(reply: FastifyReply, format: Format, name: ListName, entries: string[], page: PageEnvelope): FastifyReply {
  const { head, between, tail } = representations[format].list(name, page);
  reply.request.cost.add(costOfBatch + entries.length * costOfEntry);
  return sendText(reply, format, head + entries.join(between) + tail);
}

/** Long texts outlive the quick collections of garbage, and pile up. */
const entriesAtOnce = 25;

/**
 * Answers with a whole list, as it is read: no more is read ahead of what the client has taken than one batch, and
 * nothing once the client is gone. A list that fails half-way breaks the connection off, so that it cannot pass for whole.
 */
export function sendList<Row>(
  reply: FastifyReply,
  format: Format,
  name: ListName,
  batches: AsyncIterable<Row[]>,
  write: (row: Row) => string,
): FastifyReply {
  const { mediaType, list } = representations[format];
  const { head, between, tail } = list(name);
  async function* chunks(): AsyncGenerator<string> {
    let before = head;
    try {
      for await (const rows of batches) {
        reply.request.cost.add(costOfBatch + rows.length * costOfEntry);
        for (let written = 0; written < rows.length; written += entriesAtOnce) {
          const entries = rows.slice(written, written + entriesAtOnce).map(write);
          yield before + entries.join(between);
          before = between;
        }
      }
    } catch (error) {
      // It is too late to tell the caller.
      reply.request.isFailed = true;
      reportOf(reply.request)(error, 'a list was broken off');
      throw error;
    }
    yield before === head ? head + tail : tail;
  }
  reply.type(mediaType);
  // The headers of a list are known without reading it to its end.
  if (reply.request.method === 'HEAD') return reply.send(Readable.from([]));
  return reply.send(Readable.from(chunks()));
}
