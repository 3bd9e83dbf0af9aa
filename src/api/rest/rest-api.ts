import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountReference } from '../../domain/account.js';
import type { IdempotentRequest } from '../../domain/idempotency.js';
import type { SignedIn } from '../../domain/actor.js';
import { assertSignedIn } from '../../domain/permissions.js';
import { apiVersionPath } from '../../domain/subresource.js';
import { AppError } from '../../errors.js';
import { authenticate } from '../http/authentication.js';
import { errorBody } from '../http/error-body.js';
import { RequestCost, costOfChange } from '../http/cost-budget.js';
import { acquireSlot } from '../http/concurrency-limit.js';
import { refuseOtherMethods } from '../http/other-methods.js';
import { isSafe } from '../http/safe-methods.js';
import { setRefusalHeaders, refusalOf } from '../http/request-error.js';
import type { PrefetchedAccount } from '../../service/sign-in.js';
import { mounts } from './path.js';
import { accountRoutes } from './account-routes.js';
import { sendText } from './responses.js';
import { type Format, negotiatedFormat } from './content-negotiation.js';
import { organizationRoutes } from './organization-routes.js';
import { profileRoutes } from './profile-routes.js';
import type { RestOptions } from './rest-options.js';
import { representations } from './representation.js';
import { subresourceRoutes } from './subresource-routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The caller; set for every route of the REST API that is not public. */
    actor: SignedIn;
    /** The account that the path names, on routes that prefetch it. */
    prefetched: PrefetchedAccount | undefined;
    /** Present when the client sent an `Idempotency-Key`. */
    idempotent: IdempotentRequest | undefined;
    /** The format of the answer. */
    format: Format;
    /** What the request costs; set together with the actor. */
    cost: RequestCost;
  }
  interface FastifyContextConfig {
    /** Documented names of inputs that are not simply the services' names with a capital letter. */
    inputs?: Record<string, string>;
    /** The format of all answers, if the client has no choice. */
    format?: Format;
    /** Whether a request does nothing but suspend or close. Then it is never refused for its cost (SPEC §10). */
    switchesOff?: (request: FastifyRequest) => boolean;
    /** The account that the route reads, so that it can be prefetched with the caller. */
    prefetch?: (request: FastifyRequest) => AccountReference;
    /** Whether the answer comes from an upstream. Then the upstream decides what is acceptable; `Accept` says the format of refusals. */
    isForwarded?: boolean;
    /** Whether the route needs no credentials. */
    isPublic?: boolean;
  }
}

/**
 * The REST API (SPEC §4): a thin layer over the same services as GraphQL. Routes unpack the request, call a service and write the
 * answer; the services decide what is allowed. URLs arrive in their canonical form: see path.ts.
 */
export async function restApi(fastify: FastifyInstance, options: RestOptions): Promise<void> {
  const { services, budgets } = options;
  const startCharging = (request: FastifyRequest, switchesOff = false): void => {
    budgets.startCharging(request.cost, request.actor, { switchesOff });
    if (!isSafe(request.method)) request.cost.add(costOfChange);
  };
  for (const method of ['LINK', 'UNLINK']) fastify.addHttpMethod(method, { hasBody: true });
  await fastify.register(
    async (scope) => {
      scope.decorateRequest('actor');
      scope.decorateRequest('prefetched');
      scope.decorateRequest('idempotent');
      scope.decorateRequest('format', 'xml');
      scope.decorateRequest('cost');
      scope.addHook('onRequest', acquireSlot);
      scope.addHook('onRequest', async (request, reply) => {
        const vary = reply.getHeader('vary');
        reply.header('vary', [...(vary === undefined ? [] : [String(vary)]), 'Accept', 'Authorization'].join(', '));
        const { isPublic, isForwarded, prefetch } = request.routeOptions.config;
        if (isPublic) return;
        if (!isForwarded) request.format = formatOf(request);
        const { actor, prefetched } = await authenticate(request, services.authentication, prefetch?.(request));
        assertSignedIn(actor);
        request.actor = actor;
        request.prefetched = prefetched;
        request.cost = new RequestCost();
        // On the other routes, that depends on the body.
        if (request.routeOptions.config.switchesOff === undefined) startCharging(request);
      });
      scope.addHook('preHandler', (request, _reply, done) => {
        const { switchesOff } = request.routeOptions.config;
        if (switchesOff !== undefined) startCharging(request, switchesOff(request));
        done();
      });
      scope.addHook('onResponse', ({ cost }, _reply, done) => {
        if (cost !== undefined && cost.total > 0) budgets.observe.cost('rest', cost.total);
        done();
      });
      scope.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, options));
      scope.setNotFoundHandler(() => {
        throw new AppError('NOT_FOUND', `There is nothing at this path. The page at ${mounts[0]}/ lists all paths.`);
      });
      const methods = methodsOfPaths(scope);

      await scope.register(accountRoutes, options);
      await scope.register(organizationRoutes, options);
      await scope.register(profileRoutes, options);
      await scope.register(subresourceRoutes, options);
      // Existing clients call it to sign out. There is no session to end.
      scope.get('/Logout', { config: { isPublic: true } }, async (_request, reply) => reply.send());
      // After authentication.
      for (const [url, has] of methods) refuseOtherMethods(scope, url, has);
    },
    { prefix: apiVersionPath },
  );
}

/** The methods of each path, by its pattern. Filled in as routes are added to the scope. */
function methodsOfPaths(scope: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  scope.addHook('onRoute', ({ path, prefix, method }) => {
    const pattern = path.slice(prefix.length);
    methods.set(pattern, new Set([...(methods.get(pattern) ?? []), ...[method].flat()]));
  });
  return methods;
}

function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, { budgets, publicUrl }: RestOptions): FastifyReply {
  const { field, ...shown } = refusalOf(error, request);
  budgets.observe.refusal('rest', shown.code);
  const documented = field && (request.routeOptions.config.inputs?.[field] ?? field[0]!.toUpperCase() + field.slice(1));
  setRefusalHeaders(reply, shown);
  const format = formatOfRefusal(request);
  // A message that begins with the name of an input uses the documented name.
  const named = (documented: string): string => shown.message.replace(new RegExp(`^${field}(?= )`), documented);
  const body = errorBody(documented === undefined ? shown : { ...shown, field: documented, message: named(documented) }, publicUrl);
  const text = representations[format].error(body);
  return sendText(reply.code(shown.status), format, text);
}

function formatOf({ routeOptions, originalUrl, headers }: FastifyRequest): Format {
  return routeOptions.config.format ?? negotiatedFormat(originalUrl, headers.accept);
}

/** Clients that accept neither format get refusals in XML. */
function formatOfRefusal(request: FastifyRequest): Format {
  try {
    return formatOf(request);
  } catch {
    return 'xml';
  }
}
