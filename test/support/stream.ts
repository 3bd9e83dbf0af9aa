import { type Login, basic } from './graphql-client.js';

/** A message of a stream of events. */
export interface StreamMessage {
  event: string;
  id: string | undefined;
  /** JSON, read. */
  data: any;
}

/** A GraphQL operation that is answered as a stream. */
export interface TestStream {
  status: number;
  /** The body, where it is no stream. */
  body: any;
  /** What came so far. */
  messages: StreamMessage[];
  /** Resolves when the server ends it. */
  ended: Promise<void>;
  close(): void;
}

/** Opens a stream, as a client of Server-Sent Events does. */
export async function openStream(
  url: string,
  { login, query, lastEventId }: { login: Login | undefined; query: string; lastEventId?: string | undefined },
): Promise<TestStream> {
  const closing = new AbortController();
  const response = await fetch(`${url}/graphql/stream`, {
    method: 'POST',
    headers: {
      accept: 'text/event-stream',
      'content-type': 'application/json',
      ...(login && { authorization: basic(login) }),
      ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
    },
    body: JSON.stringify({ query }),
    signal: closing.signal,
  });
  const messages: StreamMessage[] = [];
  const isStream = response.headers.get('content-type')!.startsWith('text/event-stream');
  if (!isStream) return { status: response.status, body: await response.json(), messages, ended: Promise.resolve(), close() {} };
  const read = async (): Promise<void> => {
    let text = '';
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      text += chunk;
      const parts = text.split('\n\n');
      text = parts.pop()!;
      for (const part of parts) if (!part.startsWith(':')) messages.push(messageOf(part));
    }
  };
  return { status: response.status, body: undefined, messages, ended: read().catch(() => {}), close: () => closing.abort() };
}

function messageOf(text: string): StreamMessage {
  const fields = new Map(text.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]));
  const data = fields.get('data');
  return { event: fields.get('event')!, id: fields.get('id'), data: data ? JSON.parse(data) : undefined };
}
