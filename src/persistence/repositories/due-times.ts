/**
 * A due time further ahead than this, longer than any lease or delay of deliveries and removals, was set by a clock that has been put back
 * since.
 */
export const furthestDue = `interval '2 hours'`;
