import { AddressRules } from '../../src/events/address-rules.js';
import { WebhookSender } from '../../src/events/webhook-sender.js';
import { Database } from '../../src/persistence/connection/database.js';
import type { DeliveryLimits } from '../../src/persistence/repositories/delivery-claim.js';
import { AuditedTransactions } from '../../src/service/audited-transaction.js';
import { Secrets } from '../../src/service/secrets.js';
import { WebhookDeliverer } from '../../src/service/webhook-deliverer.js';
import { WebhookPausing } from '../../src/service/webhook-pausing.js';
import { Sending } from '../../src/service/webhook-sending.js';
import { type TestGateway, testKey } from './gateway.js';
import { patience } from './patience.js';

export interface TestDeliverer {
  /** Called with trees that have changed. */
  wake(treeSids: readonly string[]): void;
  stop(): Promise<void>;
}

/**
 * Starts a deliverer on the database of a gateway, which delivers nothing by itself. It may send to loopback addresses, and waits for answers
 * for as long as a test does.
 * @param beforeStep called before each use of the database: to claim, to read, to accept, to release, …
 * @param failed called with failures that are not the receiver's; without it, the test fails
 */
export function startDeliverer(
  gateway: TestGateway,
  {
    limits,
    beforeStep,
    failed = (error) => {
      throw error;
    },
  }: { limits?: DeliveryLimits; beforeStep?: () => Promise<void>; failed?: (error: unknown) => void } = {},
): TestDeliverer {
  const database = new Database(gateway.app.dataSource);
  const background = database.background.bind(database);
  database.background = async (work) => {
    await beforeStep?.();
    return background(work);
  };
  const secrets = new Secrets([testKey]);
  const sender = new WebhookSender(new AddressRules(['127.0.0.0/8']), { milliseconds: patience * 2 });
  const deliverer = new WebhookDeliverer(
    database,
    new Sending(sender, secrets),
    new WebhookPausing(new AuditedTransactions(database, secrets)),
    { accepted: () => {}, refused: () => {}, failed },
    limits,
  );
  deliverer.start();
  return {
    wake: (treeSids) => deliverer.wake(treeSids),
    async stop() {
      await deliverer.stop();
      await sender.close();
    },
  };
}
