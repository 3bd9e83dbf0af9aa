import { Field, InputType } from 'type-graphql';

/** The input of every mutation that takes an idempotency key. `enforceIdempotency` acts on it. */
@InputType({ description: 'A change that can be repeated safely.' })
export abstract class IdempotentInput {
  @Field({
    nullable: true,
    description:
      'A key that the client chooses for this change, 1 to 255 printable characters. If the caller repeats the request with the same key within 24 hours, the change is made once and every request gets the same result. Errors: IDEMPOTENCY_IN_FLIGHT while the first request is running, IDEMPOTENCY_MISMATCH if the input differs.',
  })
  idempotencyKey?: string;
}
