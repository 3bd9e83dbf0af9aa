import type { Account } from '../domain/account.js';
import type { Actor } from '../domain/actor.js';
import { placeId, streamStart, treeSeenBy } from '../domain/event.js';
import { type Order, type PageArguments, type PageOf, type Position, parsePage } from '../domain/page.js';
import { authorize, may } from '../domain/permissions.js';
import { isSid, type Sid } from '../domain/sid.js';
import type { DeliveryProgress, Webhook } from '../domain/webhook.js';
import type { Database } from '../persistence/connection/database.js';
import type { ListedAttempt, Waiting } from '../persistence/repositories/webhook-repository.js';
import { streamOf } from './webhook-service.js';

export type { ListedAttempt };

/** How far a tree is, with its name as in the IDs of the endpoint's events. */
export interface VisibleProgress extends DeliveryProgress {
  tree: string;
  /** The ID of the last event that was accepted, or left out; null before the first. */
  deliveredId: string | null;
}

export const webhookOrder: Order = { field: 'dateCreated', descending: false };
export const progressOrder: Order = { field: 'tree', descending: false };
export const attemptOrder: Order = { field: 'attempt', descending: true };

/** Reading webhooks and what became of their deliveries (SPEC §7). */
export class WebhookQueries {
  constructor(private readonly database: Database) {}

  /** Many endpoints at once, in the order of the SIDs; null where there is none that the caller may see. @throws AppError FORBIDDEN */
  async findMany(actor: Actor, sids: readonly Sid[]): Promise<(Webhook | null)[]> {
    authorize(actor, 'manageWebhooks');
    const wellFormed = sids.filter((sid) => isSid('webhook', sid));
    if (wellFormed.length === 0) return sids.map(() => null);
    return this.database.lookUp(actor.account, async ({ webhooks, accounts }) => {
      const found = await webhooks.findMany(wellFormed);
      const owners = found.length === 0 ? [] : await accounts.findMany(found.map(({ accountSid }) => accountSid));
      return sids.map((sid) => {
        const webhook = found.find((one) => one.sid === sid);
        const account = owners.find((one) => one.sid === webhook?.accountSid);
        return webhook !== undefined && account !== undefined && may(actor, 'manageWebhooks', account) ? webhook : null;
      });
    });
  }

  /** The endpoints of each account, the oldest first: one statement for all. @throws AppError FORBIDDEN */
  async ofAccounts(actor: Actor, accounts: readonly Account[]): Promise<Webhook[][]> {
    authorize(actor, 'manageWebhooks');
    const readable = accounts.filter((account) => may(actor, 'manageWebhooks', account));
    const found = await this.database.lookUp(actor.account, ({ webhooks }) => webhooks.ofAccounts(readable.map(({ sid }) => sid)));
    return accounts.map((account) => found.filter(({ accountSid }) => accountSid === account.sid));
  }

  /** What waits for each endpoint that the caller was given: one statement for all. @throws AppError FORBIDDEN */
  async waiting(actor: Actor, sids: readonly Sid[]): Promise<Omit<Waiting, 'webhookSid'>[]> {
    authorize(actor, 'manageWebhooks');
    const found = await this.database.read(actor.account, ({ webhooks }) => webhooks.waiting(sids));
    return sids.map((sid) => found.find(({ webhookSid }) => webhookSid === sid) ?? { trees: 0, entries: 0 });
  }

  /** One page of the trees of which something waits for the account's endpoint. @throws AppError FORBIDDEN, INVALID_PAGE */
  async progress(actor: Actor, { sid }: Pick<Webhook, 'sid'>, account: Account, asked: PageArguments): Promise<PageOf<VisibleProgress>> {
    authorize(actor, 'manageWebhooks');
    const page = parsePage(asked, progressOrder);
    const read = await this.database.read(actor.account, ({ webhooks }) => webhooks.progress(sid, page));
    const rows = read.rows.map(({ alias, ...progress }) => {
      // As the endpoint's receiver is told it, whoever asks: so that the IDs can be compared.
      const tree = treeSeenBy(streamOf(account, progress.treeSid), alias);
      return { ...progress, tree, deliveredId: progress.position === streamStart.position ? null : placeId(tree, progress) };
    });
    return { ...read, rows };
  }

  /** One page of the attempts to deliver to the endpoint, the newest first. @throws AppError FORBIDDEN, INVALID_PAGE */
  async attempts(actor: Actor, { sid }: Pick<Webhook, 'sid'>, asked: PageArguments): Promise<PageOf<ListedAttempt>> {
    authorize(actor, 'manageWebhooks');
    const page = parsePage(asked, attemptOrder);
    return this.database.read(actor.account, ({ webhooks }) => webhooks.attempts(sid, page));
  }

  /** How many attempts are kept of the endpoint. @throws AppError FORBIDDEN */
  async countAttempts(actor: Actor, { sid }: Pick<Webhook, 'sid'>): Promise<number> {
    authorize(actor, 'manageWebhooks');
    return this.database.read(actor.account, ({ webhooks }) => webhooks.countAttempts(sid));
  }
}

/** The position of an endpoint in the list of its account. */
export function webhookPosition({ dateCreated, sid }: Webhook): Position {
  return { key: dateCreated.toISOString(), sid };
}
