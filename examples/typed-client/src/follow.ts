// Tells what happens to an account and everything below it, from its creation on or behind an event that you have: npm run follow -- SID [ID]
import { sentenceFor } from './errors.js';
import { connect, gatewayOfEnvironment } from './gateway.js';
import { AccountEvents, FirstEvent } from './operations.js';

async function follow(sid: string, lastId: string | undefined): Promise<void> {
  const client = connect(gatewayOfEnvironment());
  const { data } = await client.query({ query: FirstEvent, variables: { sid } });
  if (!data?.events) throw new Error(`There is no account ${sid} below this one.`);
  const variables = { sid, after: lastId ?? data.events.pageInfo.endCursor };
  console.log(`Following ${sid} behind ${variables.after}. Ctrl-C ends it.`);
  await client.subscribe({ query: AccountEvents, variables }).forEach(({ data, error }) => {
    if (error !== undefined) throw error;
    const { id, timestamp, type, data: what } = data!.accountEvents;
    console.log(timestamp, id, type, ...(what.reached ?? [what.account?.sid]));
  });
}

const [sid, lastId] = process.argv.slice(2);
try {
  if (sid === undefined) throw new Error('Usage: npm run follow -- SID [ID]');
  await follow(sid, lastId);
} catch (error) {
  console.error(sentenceFor(error));
  process.exit(1);
}
