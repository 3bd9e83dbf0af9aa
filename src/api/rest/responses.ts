import { Readable } from 'node:stream';
import type { FastifyReply } from 'fastify';
import { costOfBatch, costOfEntry } from '../http/cost-budget.js';
import { reportOf } from '../http/request-error.js';
import { sendable } from '../http/sendable.js';
import type { Format } from './content-negotiation.js';
import { type ListName, type PageEnvelope, representations } from './representation.js';

/** Answers with a text. Without a serializer, Fastify would add a charset to the content type, which existing clients compare (SPEC §4). */
export function sendText(reply: FastifyReply, format: Format, text: string): FastifyReply {
  return reply.type(representations[format].mediaType).serializer(unchanged).send(sendable(text));
}

const unchanged = (text: unknown): string => text as string;

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

/** Short chunks: long strings would survive minor garbage collections and pile up. */
const entriesPerChunk = 25;

/**
 * Streams a whole list while it is read. At most one batch is read ahead of the client, and nothing once the client is gone. If
 * reading fails half-way, the connection is closed, so that the list cannot pass for complete.
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
        for (let written = 0; written < rows.length; written += entriesPerChunk) {
          const entries = rows.slice(written, written + entriesPerChunk).map(write);
          yield before + entries.join(between);
          before = between;
        }
      }
    } catch (error) {
      // It is too late to send an error to the caller.
      reply.request.isFailed = true;
      reportOf(reply.request)(error, 'a list was aborted');
      throw error;
    }
    yield before === head ? head + tail : tail;
  }
  reply.type(mediaType);
  // HEAD needs only the headers, which are known without reading the list.
  if (reply.request.method === 'HEAD') return reply.send(Readable.from([]));
  return reply.send(Readable.from(chunks()));
}
