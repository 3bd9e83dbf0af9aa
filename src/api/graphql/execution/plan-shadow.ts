import { type GraphQLSchema, execute } from 'graphql';
import { withoutCharge } from '../../http/cost-budget.js';
import { stringifyRaw } from '../types/json-object.js';
import type { OperationPlan } from './operation-plan.js';
import type { OperationRequest } from './operation-request.js';
import type { PlanContext } from './plan-run.js';

/**
 * What became of a comparison. `changed`: the data was changed between the two answers, and two new ones agree. `failed`: the
 * executor gave an error or no answer, for instance because the database was overloaded by then.
 */
export type ShadowResult = 'same' | 'different' | 'changed' | 'failed';

interface PlanShadowOptions {
  schema: GraphQLSchema;
  /** The share of planned answers that are compared, from 0 to 1. */
  share: number;
  /** Told what became of each comparison. */
  observe: (result: ShadowResult) => void;
  /** Logs what an operator should look into. */
  warn: (details: object, message: string) => void;
  /** From 0 to 1. */
  random?: () => number;
}

/** An answer that a plan gave. */
interface PlannedAnswer<Context extends PlanContext> {
  plan: OperationPlan<Context, unknown>;
  /** The answer's data as JSON. */
  json: string;
  request: OperationRequest;
  /** The variables as fields take them. */
  coerced: Record<string, unknown>;
  /** Makes a context for the same caller that shares no loaded data and charges nobody. */
  uncharged: () => Context;
}

/**
 * Compares the plan's answers with those of GraphQL's executor, on a share of live traffic (ADR 20): tests cannot ask all that
 * clients do. A comparison begins when the answer is on its way, so that no client waits for it; and there is one at a
 * time, so that comparisons never take more of the gateway than one caller does.
 */
export class PlanShadow<Context extends PlanContext> {
  #isBusy = false;

  constructor(private readonly options: PlanShadowOptions) {}

  /** Compares the answer, if its turn has come. Answers of operations that write something are never compared. */
  consider(answer: PlannedAnswer<Context>): void {
    const { share, random = Math.random } = this.options;
    if (share === 0 || this.#isBusy || answer.plan.hasSideEffect || random() >= share) return;
    this.#isBusy = true;
    setImmediate(() => void withoutCharge(() => this.#compare(answer)).finally(() => (this.#isBusy = false)));
  }

  async #compare(answer: PlannedAnswer<Context>): Promise<void> {
    const { observe, warn } = this.options;
    const { operationName } = answer.request;
    try {
      const result = await this.#resultOf(answer);
      observe(result);
      if (result === 'different') warn({ operationName }, 'the plan of a query and the executor answer differently');
    } catch (error) {
      observe('failed');
      warn({ operationName, err: error }, 'the answer of a plan could not be compared');
    }
  }

  async #resultOf(answer: PlannedAnswer<Context>): Promise<ShadowResult> {
    const executed = await this.#executed(answer);
    if (executed === undefined) return 'failed';
    if (executed === answer.json) return 'same';
    const { plan, coerced, uncharged } = answer;
    const [planned, again] = await Promise.all([plan.answer(uncharged(), coerced), this.#executed(answer)]);
    if (planned === undefined || again === undefined) return 'failed';
    return planned === again ? 'changed' : 'different';
  }

  /** What the executor answers, as JSON; absent when it gives an error. */
  async #executed({ request, uncharged }: PlannedAnswer<Context>): Promise<string | undefined> {
    const { document, operationName, variables } = request;
    const { data, errors } = await execute({
      schema: this.options.schema,
      document,
      operationName,
      variableValues: variables,
      contextValue: uncharged(),
    });
    return errors === undefined ? stringifyRaw(data) : undefined;
  }
}
