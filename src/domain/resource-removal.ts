/** How the removal of a closed account's resources stands (SPEC §6, "Removal"). */
export const RemovalState = { PENDING: 'pending', DONE: 'done', UNSUPPORTED: 'unsupported', FAILED: 'failed' } as const;
export type RemovalState = (typeof RemovalState)[keyof typeof RemovalState];

/** The removal of one account's resources of one kind. */
export interface ResourceRemoval {
  subresource: string;
  state: RemovalState;
  /** When the account was found closed, and when this last changed. */
  dateCreated: Date;
  dateUpdated: Date;
  /** How often the service failed since it last confirmed a removal of the same closing, and why the last time. */
  failures: number;
  lastFailure: string | null;
}

/** What an answer of the service means: it confirms, will never do it, or failed this time. */
export function outcomeOf(status: number): 'confirmed' | 'unsupported' | 'failed' {
  if ((status >= 200 && status < 300) || status === 404 || status === 410) return 'confirmed';
  return status === 405 || status === 501 ? 'unsupported' : 'failed';
}

/** Subresources that are kept as records of what was billed, unless it is said otherwise. */
export const keptByDefault: readonly string[] = ['SMS/Messages', 'Calls', 'Conferences', 'Usage/Records'];
