import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
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
import { advise, refusalOf } from '../http/request-error.js';
import type { PrefetchedAccount } from '../../service/sign-in.js';
import { accountRoutes } from './account-routes.js';
import { sendText } from './responses.js';
import { type Format, formatAskedFor } from './content-negotiation.js';
import { organizationRoutes } from './organization-routes.js';
import { profileRoutes } from './profile-routes.js';
import type { RestOptions } from './rest-options.js';
import { representations } from './representation.js';
import { subresourceRoutes } from './subresource-routes.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; known to every route of the documented API. */
    actor: SignedIn;
    /** The account that the path names, on routes that prefetch it. */
    prefetched: PrefetchedAccount | undefined;
    /** Present when the client sent an `Idempotency-Key`. */
    idempotent: IdempotentRequest | undefined;
    /** The form that the answer is to have. */
    format: Format;
    /** Adds up what the request costs; known to every route as well. */
    cost: RequestCost;
  }
  interface FastifyContextConfig {
    /** Documented names of inputs, where they are not simply the services' names in capitals. */
    inputs?: Record<string, string>;
    /** The form of all answers, where the client has no choice. */
    format?: Format;
    /** Whether a request to the route does nothing but suspend or close: it is let in whatever its account has used up (SPEC §10). */
    switchesOff?: (request: FastifyRequest) => boolean;
    /** The account that the route reads, so that it can be prefetched with the caller. */
    prefetch?: (request: FastifyRequest) => AccountReference;
    /** Whether the route is for everybody, and looks at no credentials. */
    isOpen?: boolean;
  }
}

/**
 * The documented API (SPEC §4): a shim over the same services as GraphQL. The routes unpack, call and write the answer;
 * what may be done is decided below them. URLs arrive in their canonical spelling, see path.ts.
 */
export async function restApi(fastify: FastifyInstance, options: RestOptions): Promise<void> {
  const { services, budgets } = options;
  const openMeter = (request: FastifyRequest, switchesOff = false): void => {
    budgets.startCharging(request.cost, request.actor, { switchesOff });
    if (!reading.includes(request.method)) request.cost.add(costOfChange);
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
        if (request.routeOptions.config.isOpen) return;
        request.format = formatOf(request);
        const { prefetch } = request.routeOptions.config;
        const { actor, prefetched } = await authenticate(request, services.authentication, prefetch?.(request));
        assertSignedIn(actor);
        request.actor = actor;
        request.prefetched = prefetched;
        request.cost = new RequestCost();
        // What else a request does, its body tells.
        if (request.routeOptions.config.switchesOff === undefined) openMeter(request);
      });
      scope.addHook('preHandler', async (request) => {
        const { switchesOff } = request.routeOptions.config;
        if (switchesOff !== undefined) openMeter(request, switchesOff(request));
      });
      scope.addHook('onResponse', async ({ cost }) => {
        if (cost !== undefined && cost.total > 0) budgets.observe.cost('rest', cost.total);
      });
      scope.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, options));
      scope.setNotFoundHandler(() => {
        throw new AppError('NOT_FOUND', 'There is nothing at this path.');
      });
      const methods = methodsOfPaths(scope);

      await scope.register(accountRoutes, options);
      await scope.register(organizationRoutes, options);
      await scope.register(profileRoutes, options);
      await scope.register(subresourceRoutes, options);
      // Clients of the server before sign out by it; there is no session here that could end.
      scope.get('/Logout', { config: { isOpen: true } }, async (_request, reply) => reply.send());
      refuseOtherMethods(scope, methods);
    },
    { prefix: apiVersionPath },
  );
}

/** Which methods each path has, by its pattern; filled in as routes are added to the scope. */
function methodsOfPaths(scope: FastifyInstance): Map<string, Set<string>> {
  const methods = new Map<string, Set<string>>();
  scope.addHook('onRoute', ({ path, prefix, method }) => {
    const pattern = path.slice(prefix.length);
    methods.set(pattern, new Set([...(methods.get(pattern) ?? []), ...[method].flat()]));
  });
  return methods;
}

/** A method that a path does not have is refused, once it is known who asks, and told which ones it has (SPEC §4). */
function refuseOtherMethods(scope: FastifyInstance, methods: ReadonlyMap<string, ReadonlySet<string>>): void {
  for (const [url, has] of methods) {
    const allow = [...has].toSorted().join(', ');
    const refuse = async (_request: FastifyRequest, reply: FastifyReply): Promise<never> => {
      reply.header('allow', allow);
      throw new AppError('METHOD_NOT_ALLOWED', `This path has no such method. It has ${allow}.`);
    };
    const others = scope.supportedMethods.filter((method) => !has.has(method));
    // In a hook: whatever the body is, it does not matter.
    scope.route({ method: others as HTTPMethods[], url, exposeHeadRoute: false, onRequest: refuse, handler: refuse });
  }
}

/** Methods that change nothing. */
const reading = ['GET', 'HEAD'];

function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, { budgets, publicUrl }: RestOptions): FastifyReply {
  const { field, ...shown } = refusalOf(error, request);
  budgets.observe.refusal('rest', shown.code);
  const documented = field && (request.routeOptions.config.inputs?.[field] ?? field[0]!.toUpperCase() + field.slice(1));
  advise(reply, shown);
  const format = formatOfRefusal(request);
  // Messages that begin with an input name it as the caller does.
  const named = (documented: string): string => shown.message.replace(new RegExp(`^${field}(?= )`), documented);
  const body = errorBody(documented === undefined ? shown : { ...shown, field: documented, message: named(documented) }, publicUrl);
  const text = representations[format].error(body);
  return sendText(reply.code(shown.status), format, text);
}

function formatOf({ routeOptions, originalUrl, headers }: FastifyRequest): Format {
  return routeOptions.config.format ?? formatAskedFor(originalUrl, headers.accept);
}

/** A refusal is told in XML to who takes neither form. */
function formatOfRefusal(request: FastifyRequest): Format {
  try {
    return formatOf(request);
  } catch {
    return 'xml';
  }
}
