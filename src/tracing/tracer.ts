import type { IncomingHttpHeaders } from 'node:http';

/** Where spans go: to a collector by OTLP, or to standard output. */
export type SpanDestination = 'otlp' | 'console';

/** What a span says of its work. SIDs may be among it; names of people, e-mail addresses, secrets, paths and bodies must not. */
export type Attributes = Record<string, string | number | undefined>;

/** A piece of work, as a part of a trace. */
export interface Span {
  readonly traceId: string;
  rename(name: string): void;
  set(attributes: Attributes): void;
  /** Does work in the span: those that begin in there, however late, are its children. */
  within<Result>(work: () => Result): Result;
  /** The headers by which whoever is sent a request continues the trace: `traceparent`, and `tracestate` if there is one. */
  headers(): { traceparent: string; tracestate?: string };
  /** @param failure what went wrong: an error, of which only the code or name is kept, or an HTTP status from 500 on */
  end(failure?: unknown): void;
}

/** What the layers know of tracing. */
export interface Tracer {
  /** Begins the span of a request that came, in the trace that its headers name. What it is called is known later. */
  received(requestId: string, headers: IncomingHttpHeaders): Span;
  /** Begins a span within the active one; none where none is active, since what is done by the clock is nobody's trace. */
  child(name: string, attributes?: Attributes): Span | undefined;
  /** As `child`, for a statement of SQL. Says what it does to which table; neither its text nor its values. */
  statement(sql: string): Span | undefined;
  /** As `child`, for a request to another service. */
  request(name: string, attributes: Attributes): Span | undefined;
  /**
   * Begins the span of a request that tells another service what a request has changed: within the active one; else in the trace of that
   * request, if this process remembers it; else in one of its own.
   */
  told(causeId: string | null, name: string, attributes: Attributes): Span;
  /** The span that is active. */
  active(): Span | undefined;
  /** Does work that goes on after the active request, or is for others too, outside of its trace. What it has caused is still `told` in there. */
  detached<Result>(work: () => Result): Result;
}

/** Present while tracing is on. Where it is off, `tracer?.…` is all that it costs: the arguments are not even evaluated. */
export let tracer: Tracer | undefined;

export function setTracer(chosen: Tracer | undefined): void {
  tracer = chosen;
}

/** Does work in a span within the active one. */
export function inSpan<Result>(name: string, work: () => Promise<Result>): Promise<Result> {
  const span = tracer?.child(name);
  return span === undefined ? work() : doneIn(span, work);
}

async function doneIn<Result>(span: Span, work: () => Promise<Result>): Promise<Result> {
  try {
    const result = await span.within(work);
    span.end();
    return result;
  } catch (error) {
    span.end(error);
    throw error;
  }
}

/** Does work outside of all traces. */
export function detached<Result>(work: () => Result): Result {
  return tracer === undefined ? work() : tracer.detached(work);
}
