import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import protobuf from 'protobufjs';
import { bodyOf } from './upstream.js';

/** A span as a collector has it. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** Nothing where it begins a trace. */
  parentId: string;
  name: string;
  /** `SERVER`, `CLIENT` or `INTERNAL`. */
  kind: string;
  attributes: Record<string, string | number>;
  isError: boolean;
  /** What sent it. */
  resource: Record<string, string | number>;
}

/** A collector of traces: a real HTTP server, which reads OTLP. */
export interface TestCollector {
  url: string;
  spans: CollectedSpan[];
  /** All that came, as it came. */
  bodies: Buffer[];
  stop(): Promise<void>;
}

export async function startCollector(): Promise<TestCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: Buffer[] = [];
  const server = createServer(async (request, response) => {
    const body = await bodyOf(request);
    if (request.url !== '/v1/traces' || request.headers['content-type'] !== 'application/x-protobuf') return response.writeHead(404).end();
    bodies.push(body);
    spans.push(...spansIn(body));
    return response.writeHead(200, { 'content-type': 'application/x-protobuf' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** What we read of OTLP, by the numbers that its definition gives to fields. */
const { root } = protobuf.parse(`
  syntax = "proto3";
  message Request { repeated ResourceSpans resource_spans = 1; }
  message ResourceSpans { Resource resource = 1; repeated ScopeSpans scope_spans = 2; }
  message Resource { repeated KeyValue attributes = 1; }
  message ScopeSpans { repeated Span spans = 2; }
  message Span {
    bytes trace_id = 1; bytes span_id = 2; bytes parent_span_id = 4; string name = 5; Kind kind = 6; repeated KeyValue attributes = 9; Status status = 15;
  }
  enum Kind { UNSPECIFIED = 0; INTERNAL = 1; SERVER = 2; CLIENT = 3; }
  message Status { int32 code = 3; }
  message KeyValue { string key = 1; Value value = 2; }
  message Value { oneof value { string string_value = 1; bool bool_value = 2; int64 int_value = 3; double double_value = 4; } }
`);

interface KeyValue {
  key: string;
  value: Record<string, string | number>;
}

interface DecodedRequest {
  resourceSpans: { resource: { attributes: KeyValue[] }; scopeSpans: { spans: DecodedSpan[] }[] }[];
}

interface DecodedSpan {
  traceId: Buffer;
  spanId: Buffer;
  parentSpanId?: Buffer;
  name: string;
  kind: string;
  attributes?: KeyValue[];
  status?: { code?: number };
}

function spansIn(body: Buffer): CollectedSpan[] {
  const type = root.lookupType('Request');
  const decoded = type.toObject(type.decode(body), { enums: String, longs: Number, arrays: true }) as DecodedRequest;
  return decoded.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map(({ traceId, spanId, parentSpanId, name, kind, attributes = [], status }) => ({
        traceId: hex(traceId),
        spanId: hex(spanId),
        parentId: hex(parentSpanId),
        name,
        kind,
        attributes: valuesOf(attributes),
        isError: status?.code === 2,
        resource: valuesOf(resource.attributes),
      })),
    ),
  );
}

const hex = (bytes: Uint8Array = new Uint8Array()): string => Buffer.from(bytes).toString('hex');

const valuesOf = (pairs: KeyValue[]): Record<string, string | number> =>
  Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]!]));
