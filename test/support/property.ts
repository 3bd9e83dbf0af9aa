import fc from 'fast-check';

/** FC_SEED=… repeats a run, or tries another one where the seed is always the same. */
const givenSeed = process.env.FC_SEED === undefined ? undefined : Number(process.env.FC_SEED);

/** For properties that are tried on the same examples each time, so that it is a change which is to blame when they fail. */
export const defaultSeed = 20151104;
export const steadySeed = givenSeed ?? defaultSeed;

/**
 * A failure is told at once, with the example that failed. FC_SHRINK=1 searches for a smaller one first, which takes minutes
 * where each try asks a gateway.
 */
const endOnFailure = process.env.FC_SHRINK === undefined;

interface Tries {
  numRuns: number;
  /** Another one each time, unless it is given here or by FC_SEED. A failure tells it. */
  seed?: number;
}

const parametersOf = ({ numRuns, seed = givenSeed }: Tries) => ({ numRuns, endOnFailure, ...(seed !== undefined && { seed }) });

/** Fails unless the property holds for so many random examples. */
export function assertProperty(property: fc.IRawProperty<any>, tries: Tries): void {
  fc.assert(property as fc.IProperty<any>, parametersOf(tries));
}

/** The same for a property that is asynchronous. */
export async function assertAsyncProperty(property: fc.IRawProperty<any>, tries: Tries): Promise<void> {
  await fc.assert(property as fc.IAsyncProperty<any>, parametersOf(tries));
}
