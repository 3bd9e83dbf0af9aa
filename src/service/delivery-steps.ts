import type { StreamPlace } from '../domain/event.js';
import type { Database, Repositories } from '../persistence/connection/database.js';
import { pipelined } from '../persistence/connection/pipeline.js';
import type { Accepted, Outcome, Released } from '../persistence/repositories/delivery-lease-repository.js';
import type { ClaimedPlace } from '../persistence/repositories/delivery-claim.js';
import { crossRequestLoader } from './cross-request-batching.js';
import { type Stretch, readStream } from './event-queries.js';
import { streamOf } from './webhook-service.js';

/** Where a place is read on from. */
interface Reading {
  place: ClaimedPlace;
  from: StreamPlace;
}

/** What was read for a place. Unless its lease goes on, it must not be told. */
interface Reached {
  stretch: Stretch;
  goesOn: boolean;
}

/** How many events of a tree are read at once. */
const batchSize = 50;

/**
 * The steps of deliveries in the database (ADR 51). What many places need in the same turn of the event loop, one statement does for all of
 * them (ADR 24), and what several endpoints are told of a tree is read once.
 */
export class DeliverySteps {
  readonly #readings = crossRequestLoader<Reading, Reached>((readings) =>
    this.database.background((repositories) => readAll(repositories, readings)),
  );
  readonly #accepted = crossRequestLoader<Accepted, { at: Date; outcome: Outcome }>((accepted) =>
    this.database.background(({ deliveryLeases }) => deliveryLeases.accept(accepted)),
  );
  readonly #released = crossRequestLoader<Released, boolean>((released) =>
    this.database.background(({ deliveryLeases }) => deliveryLeases.release(released)),
  );

  constructor(private readonly database: Database) {}

  /**
   * Reads on, and checks after that whether endpoint and account are as they were when the place was claimed. So whatever was read happened
   * before the account was switched off, or had another role.
   *
   * What was read before is passed with that. Much of a chain may be for others: one that takes longer than a lease would else be read from the
   * same place again and again.
   */
  read(place: ClaimedPlace, from: StreamPlace): Promise<Reached> {
    return this.#readings.load({ place, from });
  }

  /** Records that an event was accepted. */
  accept(accepted: Accepted): Promise<{ at: Date; outcome: Outcome }> {
    return this.#accepted.load(accepted);
  }

  /** Gives a place back. Whether it is due again. */
  release(released: Released): Promise<boolean> {
    return this.#released.load(released);
  }
}

/**
 * The statements go out together and run in this order: what is read first is checked after that. So one look at a chain is all that is read of
 * it. A stream that cannot be read fails alone.
 */
async function readAll({ events, deliveryLeases }: Repositories, readings: readonly Reading[]): Promise<(Reached | Error)[]> {
  const stretches = new Map<string, Promise<Stretch | Error>>();
  const read = readings.map(({ place: { account, treeSid, types }, from: { position, part } }) => {
    const stream = JSON.stringify([account, treeSid, types, position, part]);
    const stretch =
      stretches.get(stream) ??
      readStream(events, streamOf(account, treeSid), { position, part }, types ?? undefined, batchSize, 1).catch((error: Error) => error);
    stretches.set(stream, stretch);
    return stretch;
  });
  const [begun, goingOn] = [readings.filter(({ place, from }) => place === from), readings.filter(({ place, from }) => place !== from)];
  const [found, ...flags] = await pipelined(
    Promise.all(read),
    begun.length > 0 ? deliveryLeases.goOn(begun.map(({ place }) => place)) : [],
    goingOn.length > 0 ? deliveryLeases.advance(goingOn.map(({ place, from }) => ({ place, reached: from }))) : [],
  );
  const goesOn = new Map([begun, goingOn].flatMap((some, kind) => some.map((reading, index) => [reading, flags[kind]![index]!])));
  return readings.map((reading, index) => {
    const stretch = found[index]!;
    return stretch instanceof Error ? stretch : { stretch, goesOn: goesOn.get(reading)! };
  });
}
