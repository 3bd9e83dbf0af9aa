import type { FastifyInstance, FastifyReply, FastifyRequest, HTTPMethods } from 'fastify';
import { type Profile, documentMaxBytes } from '../../domain/profile.js';
import { AppError } from '../../errors.js';
import { costOfText } from '../http/cost-budget.js';
import { callerOf } from './caller.js';
import { sendEntry, sendList } from './responses.js';
import { requiresAbsence, acceptIdempotencyKeys } from './preconditions.js';
import { linkTarget, urlOf } from './links.js';
import { jsonBodies } from './parameters.js';
import { profileEntry } from './representation.js';
import type { RestOptions } from './rest-options.js';

interface OfProfile {
  Params: { profile: string };
  /** The text of a JSON document. */
  Body: string;
}

/** Profiles, always in JSON (SPEC §4). The answer about one profile is its document, exactly as stored. */
export async function profileRoutes(scope: FastifyInstance, { services, publicUrl }: RestOptions): Promise<void> {
  const { profiles, profileQueries } = services;
  const config = { format: 'json', inputs: { ifNoneMatch: 'If-None-Match' } } as const;
  jsonBodies(scope, documentMaxBytes);
  acceptIdempotencyKeys(scope);

  const send = (reply: FastifyReply, { document, dateUpdated }: Profile): FastifyReply => {
    reply.request.cost.add(costOfText(document.length));
    return sendEntry(reply.header('last-modified', dateUpdated.toUTCString()), 'json', document);
  };

  const changeLink =
    (change: 'link' | 'unlink') =>
    async (request: FastifyRequest<OfProfile>, reply: FastifyReply): Promise<FastifyReply> => {
      await profiles[change](callerOf(request), request.params.profile, linkTarget(request.headers.link));
      return reply.send();
    };
  const handlers = { LINK: changeLink('link'), UNLINK: changeLink('unlink') };

  scope.get('/Profiles', { config }, async ({ actor }, reply) =>
    sendList(reply, 'json', 'Profiles', await profileQueries.all(actor), profileEntry),
  );

  scope.post<OfProfile>('/Profiles', { config }, async (request, reply) => {
    const profile = await profiles.create(callerOf(request), request.body);
    return send(reply.code(201).header('location', urlOf(request, publicUrl, `/Profiles/${profile.sid}`)), profile);
  });

  scope.get<OfProfile>('/Profiles/:profile', { config }, async ({ actor, params }, reply) =>
    send(reply, await profileQueries.get(actor, params.profile)),
  );

  scope.put<OfProfile>('/Profiles/:profile', { config }, async (request, reply) => {
    const method = overridden(request);
    if (method !== undefined) return handlers[method](request, reply);
    return send(reply, await profiles.update(callerOf(request), request.params.profile, request.body, { isNew: requiresAbsence(request) }));
  });

  scope.delete<OfProfile>('/Profiles/:profile', { config }, async (request, reply) => {
    await profiles.delete(callerOf(request), request.params.profile, { isNew: requiresAbsence(request) });
    return reply.send();
  });

  for (const [method, handler] of Object.entries(handlers)) {
    scope.route<OfProfile>({ method: method as HTTPMethods, url: '/Profiles/:profile', config, handler });
  }
}

/** The method meant by a client that can only send common methods. @throws AppError BAD_USER_INPUT */
function overridden({ headers }: FastifyRequest): 'LINK' | 'UNLINK' | undefined {
  const field = 'X-HTTP-Method-Override';
  const method = headers['x-http-method-override']?.toString().toUpperCase();
  if (method === undefined || method === 'LINK' || method === 'UNLINK') return method;
  if (method === 'PUT') return undefined;
  throw new AppError('BAD_USER_INPUT', `${field} must be LINK or UNLINK.`, { field });
}
