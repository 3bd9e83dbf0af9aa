/**
 * The results of statements that are sent together, in one round trip. They run one after the other. When one fails, so do those
 * after it; its error is the one that is thrown, once all have ended.
 */
export async function pipelined<Results extends unknown[]>(
  ...statements: { [Index in keyof Results]: Promise<Results[Index]> | Results[Index] }
): Promise<Results> {
  const settled = await Promise.allSettled(statements);
  const failed = settled.find(({ status }) => status === 'rejected');
  if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  return settled.map((outcome) => (outcome as PromiseFulfilledResult<unknown>).value) as Results;
}
