import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { AccountStatus } from '../domain/account.js';
import type { Event, StreamPlace } from '../domain/event.js';
import type { Sid } from '../domain/sid.js';
import { retryDelay, triedForMilliseconds } from '../domain/retries.js';
import type { Database } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { ClaimedPlace, DeliveryLimits } from '../persistence/repositories/delivery-claim.js';
import type { Outcome } from '../persistence/repositories/delivery-lease-repository.js';
import type { DeliveryRepository } from '../persistence/repositories/delivery-repository.js';
import { DeliverySteps } from './delivery-steps.js';
import type { PlacedEvent } from './event-queries.js';
import { LookBack } from './look-back.js';
import type { WebhookPausing } from './webhook-pausing.js';
import type { SendResult, Sending } from './webhook-sending.js';

export const defaultDeliveryLimits: DeliveryLimits = { atOnce: 200, failingAtOnce: 50, perWebhook: 10, slowAfter: 2000, slowAtOnce: 1000 };

/** Told of what becomes of deliveries. */
export interface DeliveryObserver {
  /** An event was accepted, so many milliseconds after it happened. */
  accepted(attempt: Pick<SendResult, 'milliseconds'>, lag: number): void;
  refused(attempt: Pick<SendResult, 'milliseconds'>): void;
  /** Something failed that is not the receiver's fault; what was under way is delivered once its lease has run out. */
  failed(error: unknown): void;
}

/** How often changes of other processes are looked for, in milliseconds. */
const pollMilliseconds = 1000;

/** How long a look waits after the one before, in milliseconds: one look claims what becomes due, and what gets room, until then. */
const restMilliseconds = 25;

/** Seen of a tree: nothing, so that whatever it has is news. */
const nothing = -1;

/**
 * Delivers events to endpoints (SPEC §7, ADR 51). Every process of every instance has one; they share the work by leases in the database.
 *
 * Once a second, and at once after a change in its own process, it looks for trees that have changed and for places that are due, and
 * claims as many as it has room for. Of each it sends the tree's events one after the other, each once the one before was accepted.
 */
export class WebhookDeliverer {
  readonly #running = new Map<ClaimedPlace, Promise<void>>();
  /** The kinds of which the last claim left something for want of room. */
  #heldBack: readonly boolean[] = [];
  /** Trees that have changed in this process. */
  readonly #changed = new Set<Sid>();
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> | undefined;
  /** What the look after the one under way is to do. */
  #isLookWanted = false;
  #isWideLookWanted = false;
  readonly #lookBack = new LookBack();
  readonly #steps: DeliverySteps;
  /** Whether there is anything to deliver to. So it is supposed until it is known. */
  #hasWebhooks = true;
  #isStopped = false;
  #isHeldUp = false;

  constructor(
    private readonly database: Database,
    private readonly sending: Sending,
    private readonly pausing: WebhookPausing,
    private readonly observer: DeliveryObserver,
    private readonly limits: DeliveryLimits = defaultDeliveryLimits,
  ) {
    this.#steps = new DeliverySteps(database);
  }

  start(): void {
    const poll = (): void => {
      this.#isWideLookWanted = true;
      this.#look();
    };
    this.#timer = setInterval(poll, pollMilliseconds);
    poll();
  }

  /** Looks at once, since trees have changed in this process. */
  wake(treeSids: readonly Sid[]): void {
    // Without endpoints a change costs nothing. Of one that another process has just made, the next look knows.
    if (this.#timer === undefined || !this.#hasWebhooks) return;
    for (const sid of treeSids) this.#changed.add(sid);
    this.#look();
  }

  /** Sends nothing more, and waits for what is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearInterval(this.#timer);
    await this.#looking;
    await Promise.all(this.#running.values());
  }

  /** Looks for changes and claims what is due. One look at a time: what is asked for meanwhile is done by the next. */
  #look(): void {
    this.#isLookWanted = true;
    if (this.#isStopped || this.#looking !== undefined) return;
    const isWide = this.#isWideLookWanted;
    this.#isLookWanted = this.#isWideLookWanted = false;
    this.#looking = (isWide ? this.#lookForAll() : this.#lookForOwn())
      .then(() => void (this.#isHeldUp = false))
      .catch((error: unknown) => {
        // Once for each time that the database is away, not once a second.
        if (!this.#isHeldUp) this.observer.failed(error);
        this.#isHeldUp = true;
      })
      .then(() => sleep(restMilliseconds))
      .finally(() => {
        this.#looking = undefined;
        if (this.#isLookWanted) this.#look();
      });
  }

  async #lookForAll(): Promise<void> {
    const hadWebhooks = this.#hasWebhooks;
    const { hasWebhooks } = await this.#lookBack.look((since) =>
      this.database.background(async ({ deliveries }) => {
        const read = await deliveries.changesSince(since);
        await this.#markAndClaim(deliveries, read.treeSids, since === undefined);
        return read;
      }),
    );
    this.#hasWebhooks = hasWebhooks;
    if (hasWebhooks && !hadWebhooks) this.#look();
  }

  async #lookForOwn(): Promise<void> {
    const treeSids = [...this.#changed];
    this.#changed.clear();
    await this.database.background(({ deliveries }) => this.#markAndClaim(deliveries, treeSids));
  }

  /** What was claimed is delivered even if a statement before fails: else it would wait for the lease to run out. */
  async #markAndClaim(deliveries: DeliveryRepository, treeSids: readonly Sid[], recalls = false): Promise<void> {
    await pipelined(
      treeSids.length > 0 ? deliveries.markChanged(treeSids) : undefined,
      recalls ? deliveries.recall() : undefined,
      this.#hasWebhooks ? this.#claim(deliveries) : undefined,
    );
  }

  async #claim(deliveries: DeliveryRepository): Promise<void> {
    const underWay = [...this.#running.keys()];
    const { places, heldBack } = await deliveries.claim(this.limits, underWay);
    this.#heldBack = heldBack;
    // There is room already for what was held back.
    if (underWay.some((place) => !this.#running.has(place) && heldBack.includes(place.isFailing))) this.#look();
    for (const place of places) this.#begin(place);
  }

  #begin(place: ClaimedPlace): void {
    const running = this.#deliver(place)
      .catch((error: unknown) => void this.observer.failed(error))
      .then((isDue) => this.#end(place, isDue === true));
    this.#running.set(place, running);
  }

  /** Makes room, and looks at once for what was waiting for it. */
  #end(place: ClaimedPlace, isDue: boolean): void {
    this.#running.delete(place);
    if (isDue || this.#heldBack.includes(place.isFailing)) this.#look();
  }

  /**
   * Delivers the events of one place until there are no more, one is not accepted, or something about the endpoint has changed. Whether the
   * place is due again.
   */
  async #deliver(place: ClaimedPlace): Promise<boolean> {
    const until = await this.#limitOf(place);
    const isActive = place.account.status === AccountStatus.ACTIVE;
    for (let reached: StreamPlace = place; ;) {
      const from = reached;
      const { stretch, goesOn } = await this.#steps.read(place, from);
      const { found, end, hasMore } = stretch;
      if (!goesOn) return this.#release(place, from, nothing);
      for (const next of found) {
        if (next.place.position > until) return this.#hold(place, reached);
        if (isAboutItself(place, next)) {
          reached = next.place;
          continue;
        }
        if (this.#isStopped) return this.#release(place, reached, nothing);
        const isLast = isActive && !hasMore && next === found.at(-1);
        const outcome = await this.#send(place, next.event, isLast ? end : next.place, isLast ? end.position : undefined);
        if (outcome !== 'on lease') return outcome === 'due';
        reached = next.place;
      }
      if (end.position > until) return this.#hold(place, reached);
      reached = end;
      if (!hasMore) return place.account.status === AccountStatus.CLOSED ? this.#forget(place) : this.#release(place, end, end.position);
      if (this.#isStopped) return this.#release(place, end, nothing);
    }
  }

  /** Up to which position events may be delivered. If the account is switched off: to the event that says so (SPEC §7). */
  async #limitOf({ account, treeSid }: ClaimedPlace): Promise<number> {
    if (account.status === AccountStatus.ACTIVE) return Infinity;
    return this.database.background(({ deliveries }) => deliveries.lastStatusChange(treeSid, account));
  }

  /** Sends an event. Once it is accepted, the place is at `reached`; it is given back if it has seen all, up to that position. */
  async #send(place: ClaimedPlace, event: Event, reached: StreamPlace, seen: number | undefined): Promise<Outcome | 'refused'> {
    const timer = setTimeout(() => this.#makeWay(place), this.limits.slowAfter);
    const { retryAfterSeconds, ...attempt } = await this.sending.send({ ...place, sid: place.webhookSid }, event);
    clearTimeout(timer);
    if (attempt.failure === null) {
      const { at, outcome } = await this.#steps.accept({ place, reached, attempt, seen });
      this.observer.accepted(attempt, at.getTime() - event.timestamp.getTime());
      place.failures = 0;
      return outcome;
    }
    this.observer.refused(attempt);
    const delay = retryDelay(place.failures + 1, retryAfterSeconds, randomInt(1000) / 1000);
    const failing = await this.database.background(({ deliveryLeases }) => deliveryLeases.fail(place, delay, attempt));
    if (failing === undefined) return 'refused';
    if (attempt.status === 410) await this.pausing.switchOff(place);
    else if (failing.now.getTime() - failing.failingSince.getTime() >= triedForMilliseconds) await this.pausing.pause(place, event.id);
    return 'refused';
  }

  /** Counts a place whose receiver is slow among the failing ones until it is given back, so that others do not wait for it. */
  #makeWay(place: ClaimedPlace): void {
    if (place.isFailing || [...this.#running.keys()].filter(({ isSlow }) => isSlow).length >= this.limits.slowAtOnce) return;
    place.isSlow = place.isFailing = true;
    if (this.#heldBack.includes(false)) this.#look();
  }

  #release(place: ClaimedPlace, reached: StreamPlace, seen: number): Promise<boolean> {
    return this.#steps.release({ place, reached, seen });
  }

  /**
   * Leaves what is behind the place until the account is active again, which is news of the tree; for good if it is closed. News that came
   * after the account was read may be that already.
   */
  #hold(place: ClaimedPlace, reached: StreamPlace): Promise<boolean> {
    return place.account.status === AccountStatus.CLOSED ? this.#forget(place) : this.#release(place, reached, place.latest);
  }

  async #forget(place: ClaimedPlace): Promise<boolean> {
    await this.database.background(({ deliveryLeases }) => deliveryLeases.forget(place));
    return false;
  }
}

/** Whether the event is that the webhook itself was paused, which is told to the others of its account. */
function isAboutItself({ webhookSid }: ClaimedPlace, { event }: PlacedEvent): boolean {
  return event.type === 'webhook.paused' && event.data.webhook?.sid === webhookSid;
}
