import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AccountReference } from '../../domain/account.js';
import { type SignedIn, assertSignedIn } from '../../domain/permissions.js';
import { apiVersionPath } from '../../domain/subresource.js';
import { AppError } from '../../errors.js';
import { authenticate } from '../authentication.js';
import { Meter, type Metering, costOfChange } from '../metering.js';
import { enterPlace } from '../overload.js';
import { advise, refusalOf } from '../request-error.js';
import type { Services } from '../services.js';
import { accountRoutes } from './account-routes.js';
import { sendText } from './answer.js';
import { type Format, formatAskedFor } from './format.js';
import { organizationRoutes } from './organization-routes.js';
import { profileRoutes } from './profile-routes.js';
import { representations } from './representation.js';
import { subresourceRoutes } from './subresource-routes.js';

export interface RestOptions {
  services: Services;
  /** Where users reach the gateway; else what each request says it reached. */
  publicUrl: string | undefined;
  metering: Metering;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; known to every route of the documented API. */
    actor: SignedIn;
    /** The form that the answer is to have. */
    format: Format;
    /** Adds up what the request costs; known to every route as well. */
    meter: Meter;
  }
  interface FastifyContextConfig {
    /** Documented names of inputs, where they are not simply the services' names in capitals. */
    inputs?: Record<string, string>;
    /** The form of all answers, where the client has no choice. */
    format?: Format;
    /** Whether a request to the route does nothing but suspend or close: it is let in whatever its account has used up (SPEC §10). */
    switchesOff?: (request: FastifyRequest) => boolean;
    /** Whether the route reads the account that its path names, so that it can be read along with who asks. */
    readsAccount?: boolean;
  }
}

/**
 * The documented API (SPEC §4): a shim over the same services as GraphQL. The routes unpack, call and write the answer;
 * what may be done is decided below them. URLs arrive in their canonical spelling, see path.ts.
 */
export async function restApi(fastify: FastifyInstance, options: RestOptions): Promise<void> {
  const { services, metering } = options;
  const openMeter = (request: FastifyRequest, switchesOff = false): void => {
    metering.open(request.meter, request.actor, { switchesOff });
    if (!reading.includes(request.method)) request.meter.add(costOfChange);
  };
  for (const method of ['LINK', 'UNLINK']) fastify.addHttpMethod(method, { hasBody: true });
  await fastify.register(
    async (scope) => {
      scope.decorateRequest('actor');
      scope.decorateRequest('format', 'xml');
      scope.decorateRequest('meter');
      scope.addHook('onRequest', enterPlace);
      scope.addHook('onRequest', async (request) => {
        request.format = formatOf(request);
        const actor = await authenticate(request, services.credentials, accountReadBy(request));
        assertSignedIn(actor);
        request.actor = actor;
        request.meter = new Meter();
        // What else a request does, its body tells.
        if (request.routeOptions.config.switchesOff === undefined) openMeter(request);
      });
      scope.addHook('preHandler', async (request) => {
        const { switchesOff } = request.routeOptions.config;
        if (switchesOff !== undefined) openMeter(request, switchesOff(request));
      });
      scope.addHook('onResponse', async ({ meter }) => {
        if (meter !== undefined && meter.cost > 0) metering.observe.cost('rest', meter.cost);
      });
      scope.setErrorHandler((error: FastifyError, request, reply) => refuse(error, request, reply, metering));
      scope.setNotFoundHandler(() => {
        throw new AppError('NOT_FOUND', 'There is nothing at this path, or not for this method.');
      });

      await scope.register(accountRoutes, options);
      await scope.register(organizationRoutes, options);
      await scope.register(profileRoutes, options);
      await scope.register(subresourceRoutes, options);
    },
    { prefix: apiVersionPath },
  );
}

function accountReadBy({ routeOptions, params }: FastifyRequest): AccountReference | undefined {
  return routeOptions.config.readsAccount ? { either: (params as { account: string }).account } : undefined;
}

/** Methods that change nothing. */
const reading = ['GET', 'HEAD'];

function refuse(error: FastifyError, request: FastifyRequest, reply: FastifyReply, { observe }: Metering): FastifyReply {
  const { field, ...shown } = refusalOf(error, request);
  observe.refusal('rest', shown.code);
  const documented = field && (request.routeOptions.config.inputs?.[field] ?? field[0]!.toUpperCase() + field.slice(1));
  advise(reply, shown);
  const format = formatOfRefusal(request);
  const text = representations[format].error(documented === undefined ? shown : { ...shown, field: documented });
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
