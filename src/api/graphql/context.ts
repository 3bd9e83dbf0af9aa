import type { AccountReference } from '../../domain/account.js';
import type { Actor } from '../../domain/permissions.js';
import type { RequestCost } from '../http/cost-budget.js';
import type { Report } from '../http/public-error.js';
import type { Services } from '../services.js';
import type { Loaders } from './execution/loaders.js';

/** What the resolvers of one request share. */
export interface Context extends Services {
  requestId: string;
  /** The client's IP address. */
  address: string;
  report: Report;
  /** Who asks. Nobody, until the document has been found fit to run; see server.ts. */
  actor: Actor;
  loaders: Loaders;
  /** Adds up what the operation costs. */
  readonly cost: RequestCost;
  /** Looks up the caller, before an operation. The account that the operation is about may be read along. */
  signIn(about?: AccountReference): Promise<void>;
  /**
   * Looks up the caller anew, and forgets what was loaded: before each further mutation of an operation. A caller that was
   * suspended or demoted meanwhile must not go on, and what one mutation changes, the next one must not read from before the
   * change. One that gave itself another secret goes on with that.
   */
  signInAgain(): Promise<void>;
}
