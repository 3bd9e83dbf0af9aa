import type { IncomingHttpHeaders } from 'node:http';
import {
  type Span as ApiSpan,
  type Context,
  DiagLogLevel,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  context,
  createContextKey,
  diag,
  propagation,
  trace,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BatchSpanProcessor, ConsoleSpanExporter, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { LRUCache } from 'lru-cache';
import { AppError } from '../errors.js';
import { version } from '../version.js';
import { summaryOf } from './statement-summary.js';
import type { Attributes, Span, SpanDestination, Tracer } from './tracer.js';

interface Tracing {
  tracer: Tracer;
  /** Sends what is left. */
  close(): Promise<void>;
}

/** How long the last spans may take to be sent, in milliseconds: a collector that is gone must not hold up the end of the process. */
const closePatience = 2_000;

/**
 * Starts OpenTelemetry's SDK, which reads all but the destination from its standard variables. Loaded only where tracing is on.
 * @param onLost called with the reason when spans could not be sent
 */
export function startOpenTelemetry(destination: SpanDestination, onLost: (reason: string) => void): Tracing {
  const report = (message: string): void => onLost(reasonIn(message));
  const ignore = (): void => {};
  const logger = { error: report, warn: report, info: ignore, debug: ignore, verbose: ignore };
  diag.setLogger(logger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  const own = { 'service.name': 'account-gateway', 'service.version': version, 'process.pid': process.pid };
  const exporter = destination === 'otlp' ? new OTLPTraceExporter() : new ConsoleSpanExporter();
  const provider = new NodeTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes(own))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(exporter)],
  });
  provider.register();
  return {
    tracer: new OpenTelemetryTracer(),
    async close() {
      const sent = provider.shutdown().catch((error: Error) => onLost(error.message));
      await Promise.race([sent, new Promise((resolve) => setTimeout(resolve, closePatience))]);
    },
  };
}

/** The SDK reports errors as JSON with a stack. */
function reasonIn(message: string): string {
  const [, found = message] = /"message":"((?:[^"\\]|\\.)*)"/.exec(message) ?? [];
  return found.slice(0, 200);
}

/** The ID of the request, in the contexts of its trace. */
const requestIdKey = createContextKey('request id');

/** The requests whose changes are still being told, and for how many milliseconds they are remembered. */
const rememberedAtMost = { max: 10_000, ttl: 600_000 };

class OpenTelemetryTracer implements Tracer {
  readonly #tracer = trace.getTracer('account-gateway', version);
  readonly #changing = new LRUCache<string, Context>(rememberedAtMost);

  received(requestId: string, { traceparent, tracestate }: IncomingHttpHeaders): Span {
    // Nothing else is taken over: no baggage.
    const parent = propagation.extract(ROOT_CONTEXT, { traceparent, tracestate });
    return this.#begin('request', SpanKind.SERVER, { 'request.id': requestId }, parent.setValue(requestIdKey, requestId));
  }

  child(name: string, attributes: Attributes = {}): Span | undefined {
    return this.#child(name, SpanKind.INTERNAL, attributes);
  }

  statement(sql: string): Span | undefined {
    if (trace.getActiveSpan() === undefined) return undefined;
    const summary = summaryOf(sql);
    return this.#child(summary, SpanKind.CLIENT, { 'db.system.name': 'postgresql', 'db.query.summary': summary });
  }

  request(name: string, attributes: Attributes): Span | undefined {
    return this.#child(name, SpanKind.CLIENT, attributes);
  }

  told(causeId: string | null, name: string, attributes: Attributes): Span {
    const active = trace.getActiveSpan() && context.active();
    const cause = causeId === null ? undefined : this.#changing.get(causeId);
    return this.#begin(name, SpanKind.CLIENT, { ...attributes, 'request.id': causeId ?? undefined }, active ?? cause ?? ROOT_CONTEXT);
  }

  active(): Span | undefined {
    const span = trace.getActiveSpan();
    return span && new OpenTelemetrySpan(span, context.active());
  }

  detached<Result>(work: () => Result): Result {
    const active = context.active();
    const requestId = active.getValue(requestIdKey) as string | undefined;
    if (requestId !== undefined) this.#changing.set(requestId, active);
    return context.with(ROOT_CONTEXT, work);
  }

  #child(name: string, kind: SpanKind, attributes: Attributes): Span | undefined {
    return trace.getActiveSpan() && this.#begin(name, kind, attributes, context.active());
  }

  #begin(name: string, kind: SpanKind, attributes: Attributes, parent: Context): Span {
    const span = this.#tracer.startSpan(name, { kind, attributes }, parent);
    return new OpenTelemetrySpan(span, trace.setSpan(parent, span));
  }
}

class OpenTelemetrySpan implements Span {
  constructor(
    private readonly span: ApiSpan,
    private readonly context: Context,
  ) {}

  get traceId(): string {
    return this.span.spanContext().traceId;
  }

  rename(name: string): void {
    this.span.updateName(name);
  }

  set(attributes: Attributes): void {
    this.span.setAttributes(attributes);
  }

  within<Result>(work: () => Result): Result {
    return context.with(this.context, work);
  }

  headers(): { traceparent: string; tracestate?: string } {
    const headers = { traceparent: '' };
    propagation.inject(this.context, headers);
    return headers;
  }

  end(failure?: unknown): void {
    if (failure !== undefined && failure !== null) {
      this.span.setAttributes({ 'error.type': typeOf(failure) });
      // A refusal is an answer like others.
      if (!(failure instanceof AppError) || failure.status >= 500) this.span.setStatus({ code: SpanStatusCode.ERROR });
    }
    this.span.end();
  }
}

/** What kind of failure it is. Its message may hold what its request did. */
function typeOf(failure: unknown): string {
  if (!(failure instanceof Error)) return String(failure);
  const { code } = failure as { code?: unknown };
  return typeof code === 'string' ? code : failure.name;
}
