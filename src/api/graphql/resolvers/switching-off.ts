import { type GraphQLSchema, OperationTypeNode } from 'graphql';
import { AccountStatus } from '../../../domain/account.js';
import { costOfChange } from '../../http/cost-budget.js';
import type { Expected } from '../execution/expected-cost.js';
import { type SelectedField, selectedFields } from '../execution/selected-fields.js';
import type { OperationRequest } from '../execution/operation-request.js';

/** What may be asked for of each change beside it, in points: the account, what was reached, the accounts above. */
const costBeside = 50;

/**
 * Whether the operation suspends or closes accounts and does nothing else, and so is let in whatever was used up (SPEC §10).
 * One that asks for much beside that would be a way round the budget; `variables` as its fields take them.
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
