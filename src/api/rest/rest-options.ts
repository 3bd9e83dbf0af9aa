import type { CostBudgets } from '../http/cost-budget.js';
import type { Upstreams } from '../../subresources/upstreams.js';
import type { Services } from '../services.js';

/** What the REST API needs. */
export interface RestOptions {
  services: Services;
  /** Where users reach the gateway; without it, links are relative to the host. */
  publicUrl: string | undefined;
  /** Whether lists of accounts show AuthTokens to whoever may read them. */
  authTokensInLists: boolean;
  budgets: CostBudgets;
  /** The services behind the subresources. */
  upstreams: Upstreams;
}
