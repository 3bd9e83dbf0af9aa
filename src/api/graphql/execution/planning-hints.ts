import { Extensions } from 'type-graphql';

/** What a field of the schema tells the planner of a query about itself, by the extensions of the field. */
export interface PlanningHints {
  /** The only property of its object, besides the caller, that the field depends on. So it is resolved once for each value of it. */
  followsFrom?: string;
  /** From the arguments of a root field, what can be read along with the caller. The plan hands it on without looking into it. */
  prefetch?: (args: never) => unknown;
  /** What it costs to resolve the field once. */
  cost?: number;
  /** Whether resolving the field writes something, so that it must not be resolved only to compare. */
  hasSideEffect?: boolean;
}

/**
 * Tells that a field depends on one property of its object, and on nothing else of it. The compiler holds the resolver to that:
 * of its object it may take a `Pick` of that property alone.
 */
export function FollowsFrom<Property extends string>(property: Property) {
  return <Method extends Resolver>(
    target: object,
    name: string | symbol,
    descriptor: TypedPropertyDescriptor<Method> & Takes<Property, Parameters<Method>[0]>,
  ): void => {
    (Extensions({ followsFrom: property } satisfies PlanningHints) as MethodDecorator)(target, name, descriptor);
  };
}

type Resolver = (source: never, ...rest: never[]) => unknown;

/** Any type when the source has the property and no other, else one that no descriptor fits. */
type Takes<Property, Source> = [Property, keyof Source] extends [keyof Source, Property] ? unknown : { takesNothingBut: Property };
