import type { FastifyInstance } from 'fastify';
import { parseOrganizationStatus } from '../../domain/organization.js';
import { callerOf } from './caller.js';
import { sendEntry, sendList } from './responses.js';
import { acceptIdempotencyKeys } from './preconditions.js';
import { profileLink } from './links.js';
import { formBodies, queryOf } from './parameters.js';
import { endsWithJson } from './path.js';
import { representations } from './representation.js';
import type { RestOptions } from './rest-options.js';

interface OfOrganization {
  /** A SID or a domain name. */
  Params: { organization: string };
}

/** Organizations (SPEC §4). */
export async function organizationRoutes(scope: FastifyInstance, { services, publicUrl }: RestOptions): Promise<void> {
  const { organizations, profileQueries } = services;
  formBodies(scope);
  acceptIdempotencyKeys(scope);

  scope.get<OfOrganization>('/Organizations/:organization', async (request, reply) => {
    const { actor, format, params } = request;
    const names = [...(endsWithJson(request.originalUrl) ? [`${params.organization}.json`] : []), params.organization];
    const organization = await organizations.getFirst(
      actor,
      names.map((either) => ({ either })),
    );
    reply.header('link', profileLink(request, publicUrl, await profileQueries.effectiveSid(actor, organization)));
    return sendEntry(reply, format, representations[format].organization(organization));
  });

  scope.put<OfOrganization>('/Organizations/:organization', async (request, reply) => {
    const { format, params } = request;
    return sendEntry(
      reply,
      format,
      representations[format].organization(await organizations.create(callerOf(request), params.organization)),
    );
  });

  scope.get('/Organizations', async (request, reply) => {
    const { actor, format } = request;
    const status = queryOf(request).parsed('Status', parseOrganizationStatus);
    return sendList(reply, format, 'Organizations', await organizations.all(actor, status), representations[format].organization);
  });
}
