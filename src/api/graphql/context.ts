import type { FastifyRequest } from 'fastify';
import type { DocumentNode, OperationDefinitionNode } from 'graphql';
import type { AccountReference } from '../../domain/account.js';
import { type Actor, anonymous } from '../../domain/actor.js';
import type { RequestContext } from '../../domain/request-context.js';
import { authenticate } from '../http/authentication.js';
import { RequestCost, costOfBatch } from '../http/cost-budget.js';
import type { Report } from '../http/public-error.js';
import { reportOf } from '../http/request-error.js';
import type { PrefetchedAccount } from '../../service/sign-in.js';
import type { Services } from '../services.js';
import { tracer } from '../../tracing/tracer.js';
import { contextWith } from './execution/context-with.js';
import { Loaders, type ObserveBatch } from './execution/loaders.js';

/** An operation whose answer is a stream. */
export interface StreamedOperation {
  /** Aborted when the stream ends, whoever ends it. */
  readonly signal: AbortSignal;
  /** Whether it came by GET, and so must change nothing. */
  readonly isByGet: boolean;
  /** The last event that the client has, by its header. */
  readonly lastEventId: string | undefined;
  /** Set when the operation is a subscription that was accepted: it is to be executed, event by event. */
  accepted?: { document: DocumentNode; operationName: string | null; variables: Record<string, unknown>; context: Context };
}

/** What the resolvers of one request share. It inherits the services, so that only what is its own is copied with it. */
export interface Context extends Services {
  /** Present where the answer is a stream of events. */
  stream: StreamedOperation | undefined;
  /** The request, as changes need it. */
  request: RequestContext;
  report: Report;
  /** Told which operation the request is, for the log and the trace. */
  identify(operation: OperationDefinitionNode): void;
  /** Who asks; anonymous until `signIn`. */
  actor: Actor;
  /** Made for the actor, and made anew with each sign-in. */
  loaders: Loaders;
  /** Adds up what the operation costs. */
  readonly cost: RequestCost;
  /** Looks the caller up, before an operation, and prefetches the account that the operation names. */
  signIn(prefetch?: AccountReference): Promise<void>;
  /**
   * Looks the caller up again and forgets what was loaded, before each further mutation of an operation. So a caller that was
   * suspended or demoted meanwhile is stopped, and a mutation sees what the one before it changed. A caller that has just
   * changed its own password or AuthToken goes on with the new one.
   */
  signInAgain(): Promise<void>;
}

/** A context for work of the gateway's own on the same query: it shares no loaded data, and what it costs is charged to nobody. */
export function unchargedContext(context: Context): Context {
  return contextWith(context, { cost: new RequestCost(), loaders: new Loaders(context, context.actor, undefined, () => {}) });
}

/** How much of an operation's name is logged: a name may be as long as a document. */
const nameMaxLength = 100;

/** The context of a request; nobody has signed in yet. */
export function contextOf(request: FastifyRequest, services: Services, observeBatch: ObserveBatch): Context {
  const cost = new RequestCost();
  const loadersFor = (actor: Actor, prefetched?: PrefetchedAccount): Loaders =>
    new Loaders(services, actor, prefetched, (loader, size) => {
      cost.add(costOfBatch);
      observeBatch(loader, size);
    });
  const own: Omit<Context, keyof Services> & ThisType<Context> = {
    request: { requestId: request.id, address: request.ip, slot: request.slot },
    report: reportOf(request),
    identify({ operation, name }) {
      const shown = name?.value.slice(0, nameMaxLength);
      request.operation = shown === undefined ? operation : `${operation} ${shown}`;
      tracer?.active()?.set({ 'graphql.operation.type': operation, 'graphql.operation.name': shown });
    },
    actor: anonymous,
    loaders: loadersFor(anonymous),
    stream: undefined,
    cost,
    // `this`, since Apollo hands resolvers a copy of the context.
    async signIn(prefetch) {
      const { actor, prefetched } = await authenticate(request, services.authentication, prefetch);
      this.actor = actor;
      this.loaders = loadersFor(actor, prefetched);
    },
    async signInAgain() {
      if (this.actor.rank === 'Anonymous') return;
      this.actor = await services.authentication.signInAgain(this.actor);
      this.loaders = loadersFor(this.actor);
    },
  };
  return Object.assign(Object.create(services) as Services, own);
}
