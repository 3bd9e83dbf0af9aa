import { type Account, assertOpen, assertVersion, isRoot } from '../domain/account.js';
import { type SignedIn, revalidate } from '../domain/actor.js';
import { type Event, type EventType, type StreamPlace, type StreamScope, everyPart, parseEventId } from '../domain/event.js';
import { authorize, authorizeOn, couldOnDescendants, may } from '../domain/permissions.js';
import type { Caller } from '../domain/request-context.js';
import { isSid, newSid, parseSid, type Sid } from '../domain/sid.js';
import { topLevelSidOf } from '../domain/tree.js';
import {
  type DeliveryAttempt,
  type Webhook,
  assertOverlap,
  chosenTypes,
  parseDescription,
  secretOverlapSeconds,
  webhookNotFound,
  webhooksAtMost,
} from '../domain/webhook.js';
import { AppError } from '../errors.js';
import { type AddressRules, parseWebhookUrl } from '../events/address-rules.js';
import { newWebhookSecret } from '../events/webhook-signature.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import type { StoredWebhook } from '../persistence/repositories/webhook-repository.js';
import { type AuditedTransaction, type AuditedTransactions, type ResultCodec, sealing } from './audited-transaction.js';
import { nextEvent } from './event-queries.js';
import { withoutSlot } from './request-slot.js';
import type { Secrets } from './secrets.js';
import type { Sending } from './webhook-sending.js';

/** A new endpoint. */
export interface NewWebhook {
  accountSid: Sid;
  url: string;
  types?: readonly EventType[] | undefined;
  description?: string | undefined;
}

/** What to change about an endpoint; what is absent stays as it is. */
export interface WebhookChanges extends Partial<Omit<NewWebhook, 'accountSid'>> {
  enabled?: boolean | undefined;
  version?: number | undefined;
}

/** From where on to deliver again: from an event of one tree, or from a date in all trees. */
export type ReplayFrom = { eventId: string } | { date: Date };

/** An endpoint with its secret, which is shown when it is new. */
export interface WebhookWithSecret {
  webhook: Webhook;
  secret: string;
}

/** A change of an endpoint under way: everything about it is locked. */
interface Change {
  actor: SignedIn;
  account: Account;
  webhook: StoredWebhook;
  record: AuditedTransaction['record'];
}

/** The stream that an endpoint is told of: what its account sees by its present role. */
export function streamOf(account: Pick<Account, 'sid' | 'path' | 'parentSid' | 'role'>, treeSid: Sid): StreamScope {
  return { treeSid, account, receiver: account, includesBelow: couldOnDescendants(account, 'readEvents') };
}

/** Changes of webhooks (SPEC §7). */
export class WebhookService {
  constructor(
    private readonly database: Database,
    private readonly transactions: AuditedTransactions,
    private readonly secrets: Secrets,
    private readonly rules: AddressRules,
    private readonly sending: Sending,
  ) {}

  /** @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, ACCOUNT_CLOSED, INVALID_URL, BAD_USER_INPUT, TOO_MANY_WEBHOOKS */
  async create({ actor: author, request }: Caller, { accountSid, types, ...input }: NewWebhook): Promise<WebhookWithSecret> {
    authorize(author, 'manageWebhooks');
    parseSid('account', accountSid, 'accountSid');
    const url = parseWebhookUrl(input.url, this.rules);
    const description = parseDescription(input.description ?? '');
    const sid = newSid('webhook');
    const secret = newWebhookSecret();
    return this.transactions.write(
      author,
      request,
      {
        operation: 'manageWebhooks',
        lock: { account: { sid: accountSid }, scope: 'account' },
        alsoRead: ({ webhooks }) => webhooks.countOf(accountSid),
      },
      async ({ webhooks }, { actor, account, read: count, record }) => {
        authorizeOn(actor, 'manageWebhooks', account);
        assertOpen(account);
        if (count >= webhooksAtMost) {
          throw new AppError(
            'TOO_MANY_WEBHOOKS',
            `Account ${accountSid} has ${count} webhooks, and may have no more. Delete one of them first.`,
          );
        }
        const webhook = await webhooks.insert({
          sid,
          accountSid,
          treeSid: topLevelSidOf(account.path),
          isOfRoot: isRoot(account),
          url,
          description,
          types: chosenTypes(types),
          secret: this.secrets.seal(sid, secret),
        });
        const after = { webhookSid: sid, ...shownInHistory(webhook) };
        record(account.topLevelSid, { operation: 'createWebhook', subjectSid: accountSid, after });
        return { webhook: withoutSecrets(webhook), secret };
      },
      sealing(this.secrets, 'secret', ({ webhook }) => webhook.sid),
    );
  }

  /** Changes an endpoint, and stops or starts it. @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, ACCOUNT_CLOSED, INVALID_URL, BAD_USER_INPUT, VERSION_CONFLICT */
  async update(caller: Caller, sid: Sid, { url, types, description, enabled, version }: WebhookChanges): Promise<Webhook> {
    const changes = {
      ...(url !== undefined && { url: parseWebhookUrl(url, this.rules) }),
      ...(types !== undefined && { types: chosenTypes(types) }),
      ...(description !== undefined && { description: parseDescription(description) }),
    };
    return this.#change(caller, sid, async ({ webhooks, deliveries }, { account, webhook, record }) => {
      assertOpen(account);
      assertVersion(webhook, version, 'Webhook');
      const state = enabled === undefined ? webhook.state : enabled ? 'enabled' : 'disabled';
      const isStateNew = state !== webhook.state;
      const changed = await webhooks.update(sid, {
        ...changes,
        ...(isStateNew && { state, stateReason: null, stateChangedAt: () => 'now()' }),
      });
      // A receiver elsewhere is tried at once, and for three days.
      const isElsewhere = changed.url !== webhook.url;
      if (state === 'enabled' && (isStateNew || isElsewhere)) deliveries.resume(sid);
      if (isStateNew && state === 'disabled') deliveries.stop(sid);
      const [before, after] = [webhook, changed].map((one) => ({ webhookSid: sid, ...shownInHistory(one), state: one.state }));
      record(account.topLevelSid, { operation: 'updateWebhook', subjectSid: account.sid, before, after });
      return withoutSecrets(changed);
    });
  }

  /** @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND */
  async delete(caller: Caller, sid: Sid): Promise<Sid> {
    return this.#change(caller, sid, async ({ webhooks }, { account, webhook, record }) => {
      await webhooks.delete(sid);
      record(account.topLevelSid, {
        operation: 'deleteWebhook',
        subjectSid: account.sid,
        before: { webhookSid: sid, ...shownInHistory(webhook) },
      });
      return sid;
    });
  }

  /**
   * Gives the endpoint a new secret. Until the overlap ends, deliveries are signed with both.
   * @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, ACCOUNT_CLOSED, BAD_USER_INPUT
   */
  async rotateSecret(caller: Caller, sid: Sid, overlapSeconds: number = secretOverlapSeconds.default): Promise<WebhookWithSecret> {
    assertOverlap(overlapSeconds);
    const secret = newWebhookSecret();
    return this.#change(
      caller,
      sid,
      async ({ webhooks }, { account, webhook, record }) => {
        assertOpen(account);
        const previous =
          overlapSeconds === 0
            ? { previousSecret: null, previousSecretExpiresAt: null }
            : { previousSecret: webhook.secret, previousSecretExpiresAt: () => `now() + interval '${overlapSeconds} seconds'` };
        const changed = await webhooks.update(sid, { secret: this.secrets.seal(sid, secret), ...previous });
        record(account.topLevelSid, {
          operation: 'rotateWebhookSecret',
          subjectSid: account.sid,
          after: { webhookSid: sid, overlapSeconds },
        });
        return { webhook: withoutSecrets(changed), secret };
      },
      sealing(this.secrets, 'secret', ({ webhook }) => webhook.sid),
    );
  }

  /**
   * Delivers again from an event on, or all trees from a date on. A paused endpoint goes on with that; a disabled one once it is enabled.
   * @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, ACCOUNT_CLOSED, BAD_USER_INPUT
   */
  async replay(caller: Caller, sid: Sid, from: ReplayFrom): Promise<Webhook> {
    const event = 'eventId' in from ? parseEventId(from.eventId, 'eventId') : undefined;
    if ('date' in from) assertPast(from.date, new Date());
    return this.#change(caller, sid, async ({ webhooks, deliveries }, { account, webhook, record }) => {
      assertOpen(account);
      let treeSid: Sid | undefined;
      if (event === undefined) deliveries.moveToDate(sid, (from as { date: Date }).date);
      else {
        const tree = await deliveries.treeToldAs(sid, event.tree);
        // Behind the end of a tree, the endpoint would not be told of what happens until then.
        if (tree === undefined || event.position < 1 || event.position > tree.latest) throw notOfWebhook(sid);
        ({ treeSid } = tree);
        if (!(await deliveries.moveTo(sid, treeSid, placeBefore(event)))) throw notOfWebhook(sid);
      }
      const goesOn = webhook.state !== 'disabled';
      const changed = await webhooks.update(
        sid,
        webhook.state === 'paused' ? { state: 'enabled', stateReason: null, stateChangedAt: () => 'now()' } : {},
      );
      // What other trees wait for stays as it is.
      if (goesOn) deliveries.resume(sid, webhook.state === 'enabled' ? treeSid : undefined);
      record(account.topLevelSid, { operation: 'replayWebhook', subjectSid: account.sid, after: { webhookSid: sid, from } });
      return withoutSecrets(changed);
    });
  }

  /**
   * Leaves out the event that is delivered next in its tree, so that those behind it are not held up any longer.
   * @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, ACCOUNT_CLOSED, BAD_USER_INPUT if another event is next
   */
  async skip(caller: Caller, sid: Sid, eventId: string): Promise<Webhook> {
    const { tree, position } = parseEventId(eventId, 'eventId');
    return this.#change(caller, sid, async ({ webhooks, deliveries, events }, { account, webhook, record }) => {
      assertOpen(account);
      const { treeSid } = (await deliveries.treeToldAs(sid, tree)) ?? {};
      const place = treeSid && (await deliveries.placeIn(sid, treeSid));
      if (treeSid === undefined || !place) throw notOfWebhook(sid);
      const next = await nextEvent(events, streamOf(account, treeSid), place, position, webhook.types ?? undefined);
      if (next?.event.id !== eventId) {
        const found = next === undefined ? 'no event waits for it there up to that one' : `the next one is ${next.event.id}`;
        throw new AppError('BAD_USER_INPUT', `Event ${eventId} is not the next one of its tree for webhook ${sid}: ${found}.`, {
          field: 'eventId',
        });
      }
      await deliveries.moveTo(sid, treeSid, next.place);
      if (webhook.state === 'enabled') deliveries.resume(sid, treeSid);
      record(account.topLevelSid, { operation: 'skipWebhookEvent', subjectSid: account.sid, after: { webhookSid: sid, eventId } });
      return withoutSecrets(await webhooks.update(sid, {}));
    });
  }

  /**
   * Sends an event of the type `webhook.test` at once, once, whatever the endpoint's state, and tells what came of it.
   * @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, ACCOUNT_CLOSED
   */
  async test({ actor: author, request }: Caller, sid: Sid): Promise<DeliveryAttempt> {
    authorize(author, 'manageWebhooks');
    const { webhook, account, actor } = await this.database.lookUp(author.account, async ({ webhooks, credentials }) => {
      const found = isSid('webhook', sid) ? await webhooks.find(sid) : undefined;
      const state = await credentials.findForChange(author.account, found && { sid: found.accountSid });
      return { webhook: found, account: state.account, actor: revalidate(author, state.caller) };
    });
    if (webhook === undefined || account === undefined || !may(actor, 'manageWebhooks', account)) throw webhookNotFound();
    assertOpen(account);
    const event: Event = {
      id: `test:${request.requestId}`,
      type: 'webhook.test',
      timestamp: new Date(),
      data: { account: { sid: account.sid }, webhook: { sid }, actor: { sid: actor.account.sid }, requestId: request.requestId },
    };
    const { retryAfterSeconds: _, ...attempt } = await withoutSlot(request.slot, () => this.sending.send(webhook, event));
    await this.database.lookUp(author.account, ({ webhooks }) => webhooks.recordAttempt(sid, attempt));
    return { ...attempt, date: event.timestamp };
  }

  /** Changes an endpoint, with its account and itself locked. @throws AppError FORBIDDEN, WEBHOOK_NOT_FOUND, and what the work throws */
  async #change<Result>(
    { actor: author, request }: Caller,
    sid: Sid,
    work: (repositories: Repositories, change: Change) => Promise<Result>,
    codec?: ResultCodec<Result>,
  ): Promise<Result> {
    authorize(author, 'manageWebhooks');
    // An endpoint never changes its account.
    const found = isSid('webhook', sid) ? await this.database.lookUp(author.account, ({ webhooks }) => webhooks.find(sid)) : undefined;
    return this.transactions.write(
      author,
      request,
      {
        operation: 'manageWebhooks',
        lock: { account: found && { sid: found.accountSid }, scope: 'account' },
        alsoRead: async ({ webhooks }) => found && webhooks.lock(sid),
      },
      async (repositories, { actor, account, read: webhook, record }) => {
        // One that is gone and one out of sight are refused alike.
        if (webhook === undefined || account === undefined || !may(actor, 'manageWebhooks', account)) throw webhookNotFound();
        return work(repositories, { actor, account, webhook, record });
      },
      codec,
    );
  }
}

/** The place from which on the event is delivered next. */
function placeBefore({ position, part }: StreamPlace): StreamPlace {
  return part === everyPart || part <= 1 ? { position: position - 1, part: everyPart } : { position, part: part - 1 };
}

/** How much faster than ours the clock may be by which a caller says "now", in milliseconds. */
const clocksDiffer = 60_000;

/** @throws AppError BAD_USER_INPUT */
function assertPast(date: Date, now: Date): void {
  if (date.getTime() <= now.getTime() + clocksDiffer) return;
  throw new AppError('BAD_USER_INPUT', `date must not be in the future; it is ${date.toISOString()}.`, { field: 'date' });
}

function notOfWebhook(sid: Sid): AppError {
  return new AppError('BAD_USER_INPUT', `eventId must be the ID of an event that webhook ${sid} is told of, and this is none.`, {
    field: 'eventId',
  });
}

/** The history keeps of a URL only whose it is: paths and queries of webhooks often hold secrets. */
function shownInHistory({ url, types }: Pick<Webhook, 'url' | 'types'>): { origin: string; types?: Webhook['types'] } {
  return { origin: new URL(url).origin, ...(types !== null && { types }) };
}

function withoutSecrets({
  sid,
  accountSid,
  treeSid,
  url,
  description,
  types,
  state,
  stateReason,
  stateChangedAt,
  dateCreated,
  dateUpdated,
  version,
}: Webhook): Webhook {
  return { sid, accountSid, treeSid, url, description, types, state, stateReason, stateChangedAt, dateCreated, dateUpdated, version };
}
