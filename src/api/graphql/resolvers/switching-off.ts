import { type GraphQLSchema, OperationTypeNode } from 'graphql';
import { AccountStatus } from '../../../domain/account.js';
import { costOfChange } from '../../http/cost-budget.js';
import type { Expected } from '../execution/expected-cost.js';
import { type SelectedField, selectedFields } from '../execution/selected-fields.js';
import type { OperationRequest } from '../execution/operation-request.js';

/** What each change may select in its answer, in points: the account, the numbers of affected accounts, the ancestors. */
const costBeside = 50;

/**
 * Whether the operation does nothing but suspend or close accounts. Then it runs even if the budget is used up (SPEC §10). An
 * operation that selects much more would be a way round the budget, so it does not count. The variables are coerced ones.
 */
export function onlySwitchesOff(schema: GraphQLSchema, request: OperationRequest, { cost, weight }: Expected): boolean {
  if (request.operation.operation !== OperationTypeNode.MUTATION || weight.cost > 0) return false;
  const changes = [...selectedFields(schema, request)].filter(({ above }) => above === undefined);
  return changes.every(switchesOff) && cost <= changes.length * (costOfChange + costBeside);
}

function switchesOff({ definition: { name }, args }: SelectedField): boolean {
  if (name === '__typename') return true;
  const { dryRun, status } = args.input as { dryRun?: boolean; status?: AccountStatus };
  if (dryRun === true) return false;
  return name === 'closeAccount' || (name === 'setAccountStatus' && status === AccountStatus.SUSPENDED);
}
