import { Agent, type Dispatcher, request } from 'undici';
import { apiVersionPath } from '../domain/subresource.js';
import { keptByDefault } from '../domain/resource-removal.js';
import { everyOther, subresourcePaths } from '../domain/subresource.js';
import type { Sid } from '../domain/sid.js';
import { tracer } from '../tracing/tracer.js';
import { version } from '../version.js';
import { signatureOf } from './identity-headers.js';
import { reasonOf } from './upstream-failure.js';
import type { UpstreamSettings, UpstreamsSettings } from './upstream-settings.js';
import type { UpstreamTimeouts } from './upstream.js';

/** What was closed, and by whom. */
export interface ClosedAccounts {
  subresource: string;
  sids: readonly Sid[];
  /** The account that was closed, with all these below it. */
  subjectSid: Sid;
  actorSid: Sid | null;
  requestId: string | null;
}

/** What the service answered: its status, or why it gave none. */
export type RemovalAnswer = { status: number } | { failure: string };

/** Tells the services behind the subresources to remove what closed accounts had (SPEC §6, "Removal"). */
export class RemovalSender {
  /** The service of each subresource whose removal is asked for. */
  readonly #services: ReadonlyMap<string, UpstreamSettings>;
  readonly #agent: Agent;

  constructor(settings: UpstreamsSettings, timeouts: UpstreamTimeouts) {
    this.#services = servicesToTell(settings);
    this.#agent = new Agent({ connect: { timeout: timeouts.connect }, headersTimeout: timeouts.answer, bodyTimeout: timeouts.silence });
  }

  get subresources(): string[] {
    return [...this.#services.keys()];
  }

  /** How many accounts one request tells of: one, or all of a part. */
  batchSizeOf(subresource: string): number {
    return typeof this.#services.get(subresource)!.removal === 'object' ? 400 : 1;
  }

  /** Asks once. Whatever the service does, this does not fail. */
  async send({ subresource, sids, subjectSid, actorSid, requestId }: ClosedAccounts): Promise<RemovalAnswer> {
    const { url, secret, authorization, removal } = this.#services.get(subresource)!;
    const isTold = typeof removal === 'object';
    const target = new URL(isTold ? removal.url : `${url}${apiVersionPath}/Accounts/${sids[0]}/${subresource}`);
    const identity = {
      'x-account-sid': isTold ? subjectSid : sids[0]!,
      'x-organization-sid': '',
      'x-actor-sid': actorSid ?? subjectSid,
      'x-actor-role': 'Gateway',
      'x-request-id': requestId ?? '',
    };
    const method: Dispatcher.HttpMethod = isTold ? 'POST' : 'DELETE';
    const span = tracer?.told(requestId, `${method} removal`, {
      'http.request.method': method,
      upstream: subresource,
      'account.sid': subjectSid,
    });
    const seconds = Math.floor(new Date().getTime() / 1000);
    const headers = {
      ...identity,
      ...span?.headers(),
      'user-agent': `account-gateway/${version}`,
      ...(isTold && { 'content-type': 'application/json' }),
      ...(authorization !== undefined && { authorization }),
      ...(secret !== undefined && {
        'x-gateway-signature': signatureOf(secret, seconds, method, target.pathname + target.search, identity),
      }),
    };
    try {
      const answer = await request(target, {
        method,
        headers,
        dispatcher: this.#agent,
        body: isTold ? JSON.stringify({ subresource, accountSids: sids }) : null,
      });
      await answer.body.dump();
      const { statusCode: status } = answer;
      span?.set({ 'http.response.status_code': status });
      span?.end(status >= 500 ? status : undefined);
      return { status };
    } catch (error) {
      const failure = reasonOf(error as Error);
      span?.end(failure);
      return { failure };
    }
  }

  async close(): Promise<void> {
    await this.#agent.destroy();
  }
}

/**
 * Whom to tell, by subresource: those that are configured by their names, but for records of what was billed; or as the settings say. For `*`
 * it has to be said, and means all documented ones without a service of their own.
 */
function servicesToTell(settings: UpstreamsSettings): Map<string, UpstreamSettings> {
  const services = new Map<string, UpstreamSettings>();
  for (const [name, each] of settings) {
    if (each.removal === false) continue;
    if (name !== everyOther) {
      if (each.removal !== undefined || !keptByDefault.includes(name)) services.set(name, each);
    } else if (typeof each.removal === 'object') services.set(name, each);
    else if (each.removal === true) {
      for (const path of subresourcePaths) if (!settings.has(path)) services.set(path, each);
    }
  }
  return services;
}
