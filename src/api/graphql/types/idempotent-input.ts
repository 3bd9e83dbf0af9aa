import { Field, InputType } from 'type-graphql';

/** The input of every mutation that may be repeated; the key takes effect by `enforceIdempotency`. */
@InputType({ description: 'A change that may be repeated.' })
export abstract class IdempotentInput {
  @Field({
    nullable: true,
    description:
      'A word of the client for this change: 1 to 255 printable characters. All requests of the caller with it within 24 hours have one effect and the same result. Errors: IDEMPOTENCY_IN_FLIGHT while the first is worked on, IDEMPOTENCY_MISMATCH with another input.',
  })
  idempotencyKey?: string;
}
