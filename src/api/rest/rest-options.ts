import type { CostBudgets } from '../http/cost-budget.js';
import type { Services } from '../services.js';

/** What the REST API works with. */
export interface RestOptions {
  services: Services;
  /** Where users reach the gateway; else what each request says it reached. */
  publicUrl: string | undefined;
  /** Whether lists of accounts show AuthTokens to whoever may read them. */
  authTokensInLists: boolean;
  budgets: CostBudgets;
}
