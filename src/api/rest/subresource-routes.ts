import type { FastifyInstance, HTTPMethods } from 'fastify';
import { subresourceMethods } from '../../domain/subresource-request.js';
import { forward } from './forwarding.js';
import { unreadBodies } from './parameters.js';
import type { RestOptions } from './rest-options.js';
import { subresourceTarget } from './subresource-path.js';

interface OfSubresource {
  /** The account's SID or e-mail address. */
  Params: { account: string };
}

/** The subresources of an account (SPEC §6): whatever is asked below the account's path goes to the upstream that serves it. */
export async function subresourceRoutes(
  scope: FastifyInstance,
  { services, upstreams }: Pick<RestOptions, 'services' | 'upstreams'>,
): Promise<void> {
  unreadBodies(scope);
  scope.route<OfSubresource>({
    method: [...subresourceMethods] satisfies HTTPMethods[],
    url: '/Accounts/:account/*',
    config: { prefetch: ({ params }) => ({ either: (params as OfSubresource['Params']).account }), isForwarded: true },
    handler: async (request, reply) => {
      const { actor, method, params, prefetched } = request;
      const target = subresourceTarget(request.originalUrl);
      const permitted = await services.subresources.permit(actor, { by: { either: params.account }, method, ...target }, prefetched);
      return forward(request, reply, permitted, target, upstreams);
    },
  });
}
