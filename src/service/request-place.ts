import { AsyncLocalStorage } from 'node:async_hooks';

/** One of the places of the requests that run at once (SPEC §10), held by the request that runs in it. */
export interface Place {
  /** Gives it up for a while; whether it was held. */
  leave(): boolean;
  /** Takes it again, as soon as one is free. */
  comeBack(): Promise<void>;
}

const places = new AsyncLocalStorage<Place>();

/** Does the work, which may take long asides without the place: see `withoutPlace`. */
export function inPlace<Result>(place: Place, work: () => Result): Result {
  return places.run(place, work);
}

/**
 * Does work that must not hold a place: waiting for a turn to hash, and hashing. Whose place it is need not be known here,
 * so that what hashes deep below a request knows nothing of requests.
 */
export async function withoutPlace<Result>(work: () => Promise<Result>): Promise<Result> {
  const place = places.getStore();
  if (place === undefined || !place.leave()) return work();
  try {
    return await work();
  } finally {
    await place.comeBack();
  }
}
