/*
 * How much the tests of chance do: a little in `npm test`, much with TEST_LENGTH=long (`npm run test:long`). Each amount can be
 * set by a variable of its own. This is the only place that has these variables and their defaults.
 */

const isLong = process.env.TEST_LENGTH === 'long';

function amount(variable: string, { short, long }: { short: number; long: number }): number {
  const given = process.env[variable];
  return given === undefined ? (isLong ? long : short) : Number(given);
}

/** A seed of its own for each run, unless a run is to be repeated. Tests print it. */
function seed(variable: string): number {
  return Number(process.env[variable] ?? Date.now() % 1_000_000_000);
}

/** Seconds of mixed traffic at saturation, after a warm-up. */
export const soakSeconds = amount('SOAK_SECONDS', { short: 9, long: 600 });

/** Crashes of the gateway and its database at random points. */
export const crashPoints = amount('CRASH_POINTS', { short: 12, long: 400 });

/** Accounts below each of the 99 below a top-level account, in the trees whose cascades are crashed: 2,080 in all, or 10,000. */
export const cascadeWidth = amount('CASCADE_WIDTH', { short: 20, long: 100 });

/** Crashes of instances that deliver events, and of their sessions. */
export const deliveryCrashes = amount('DELIVERY_CRASHES', { short: 6, long: 300 });

/** Rounds of crashes of the gateway in the middle of a cascade, four in each. */
export const cascadeRounds = amount('CASCADE_ROUNDS', { short: 1, long: 5 });

/** Mutated documents, and as many mutated requests. */
export const mutations = amount('MUTATIONS', { short: 6_000, long: 100_000 });
export const mutationSeed = seed('MUTATION_SEED');

/** Interleavings of use cases on one tree. */
export const interleavings = amount('INTERLEAVINGS', { short: 400, long: 10_000 });
export const interleavingSeed = seed('INTERLEAVING_SEED');

/** Rounds of each race. */
export const raceRounds = amount('RACE_ROUNDS', { short: 10, long: 200 });

/** Rounds of each way to switch a caller off. */
export const switchRounds = amount('SWITCH_ROUNDS', { short: 3, long: 25 });

/** Requests that wait for a slow upstream at once, a few more than it may have. */
export const slowRequests = amount('SLOW_REQUESTS', { short: 250, long: 1_250 });

/** Lists of random commands that are compared with the model. */
export const commandRuns = amount('FC_RUNS', { short: 40, long: 1_000 });

/** Random documents that are redacted, and as many malformed ones, for each format. */
export const redactionRuns = amount('REDACTION_RUNS', { short: 300, long: 20_000 });

/** Accounts of an installation that is imported from a real MariaDB, and killed in the middle. */
export const importedAccounts = amount('IMPORTED_ACCOUNTS', { short: 25_000, long: 100_000 });
