import type { FastifyInstance, HTTPMethods } from 'fastify';
import { anyBodies } from './parameters.js';
import type { RestOptions } from './rest-options.js';

/** The subresources of an account (SPEC §6): every method on every path below the account's. */
export async function subresourceRoutes(scope: FastifyInstance, { services }: Pick<RestOptions, 'services'>): Promise<void> {
  anyBodies(scope);
  scope.route<{ Params: { account: string; '*': string } }>({
    method: ['GET', 'POST', 'PUT', 'DELETE', 'PATCH'] satisfies HTTPMethods[],
    url: '/Accounts/:account/*',
    handler: ({ actor, params, method }) => services.subresources.request(actor, { either: params.account }, method, params['*']),
  });
}
