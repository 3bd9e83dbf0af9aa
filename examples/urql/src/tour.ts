// The same as the typed client, shorter, with urql: npm start
import { randomBytes, randomUUID } from 'node:crypto';
import type { AnyVariables, OperationResult } from '@urql/core';
import { client, isRefusal } from './gateway.js';
import type { AccountFieldsFragment, CreateAccountInput, DescendantsQuery } from './gql/graphql.js';
import { AccountBySid, AccountEvents, CloseAccount, CreateAccount, Descendants, FirstEvent, UpdateAccount, Viewer } from './operations.js';

const say = (sentence: string): void => console.log(sentence);

/** The data, or the failure thrown. */
function dataOf<Data>({ data, error }: OperationResult<Data, AnyVariables>): Data {
  if (error !== undefined) throw error;
  return data!;
}

async function create(input: CreateAccountInput): Promise<AccountFieldsFragment> {
  return dataOf(await client.mutation(CreateAccount, { input: { idempotencyKey: randomUUID(), ...input } })).createAccount.account;
}

/** Everything below the account, in the order of the tree. */
async function descendantsOf(sid: string): Promise<AccountFieldsFragment[]> {
  const accounts: AccountFieldsFragment[] = [];
  for (let after: string | null = null; ;) {
    const page: DescendantsQuery = dataOf(await client.query(Descendants, { sid, after }));
    const { nodes, pageInfo } = page.account!.descendants!;
    accounts.push(...nodes);
    if (!pageInfo.hasNextPage) return accounts;
    after = pageInfo.endCursor;
  }
}

/** Renames an account unless it has changed since it was read. Returns the account as it is now. */
async function rename({ sid, version }: AccountFieldsFragment, friendlyName: string): Promise<AccountFieldsFragment> {
  const result = await client.mutation(UpdateAccount, { input: { sid, version, friendlyName, idempotencyKey: randomUUID() } });
  if (!isRefusal(result.error, 'VERSION_CONFLICT')) return dataOf(result).updateAccount.account;
  // From the gateway: the cache has what was seen.
  return dataOf(await client.query(AccountBySid, { sid }, { requestPolicy: 'network-only' })).account!;
}

/** Tells what happens to the account and everything below it, until it is closed. */
async function follow(sid: string): Promise<void> {
  // Behind its first event, so that the stream has a place to go on from even before it told anything.
  const after = dataOf(await client.query(FirstEvent, { sid })).events!.pageInfo.endCursor;
  await new Promise<void>((resolve, reject) => {
    const { unsubscribe } = client.subscription(AccountEvents, { sid, after }).subscribe(({ data, error }) => {
      if (error !== undefined) return reject(error);
      const { id, type } = data!.accountEvents;
      say(`  Event ${id}: ${type}`);
      if (type !== 'ACCOUNT_CLOSED') return;
      unsubscribe();
      resolve();
    });
  });
}

async function tour(): Promise<void> {
  say(`Signed in as ${dataOf(await client.query(Viewer, {})).viewer.emailAddress}.`);

  // Different addresses each time, so that the tour can be taken again.
  const run = randomBytes(4).toString('hex');
  const emailAddress = `reseller-${run}@example.com`;
  const wanted = { emailAddress, password: `the password of ${run}`, role: 'ADMINISTRATOR', idempotencyKey: randomUUID() } as const;
  const { sid } = await create(wanted);
  // As when the first answer got lost.
  if ((await create(wanted)).sid !== sid) throw new Error('The same idempotency key made two accounts.');
  say(`Created ${emailAddress} as ${sid}. The same request again, with the same idempotency key, made no second account.`);

  const closing = follow(sid);
  // Should a step fail before the stream is waited for, it is that step's failure that is told.
  closing.catch(() => {});
  for (const name of ['anna', 'bert', 'carl']) {
    await create({ parentSid: sid, emailAddress: `${name}-${run}@example.com`, friendlyName: name, role: 'DEVELOPER' });
  }
  const below = await descendantsOf(sid);
  say(`Below it, read in pages of two: ${below.map(({ friendlyName }) => friendlyName).join(', ')}.`);

  const [seen] = below;
  const name = `${seen!.friendlyName} & Co.`;
  await client.mutation(UpdateAccount, { input: { sid: seen!.sid, type: 'TRIAL' } });
  const now = await rename(seen!, name);
  if (now.friendlyName === name) throw new Error('A change that was made meanwhile went unnoticed.');
  say(`A colleague changed ${seen!.friendlyName} meanwhile: it was not renamed.`);
  say(`With the version that it has now, it is ${(await rename(now, name)).friendlyName}`);

  const { error } = await client.mutation(CreateAccount, { input: { emailAddress, role: 'DEVELOPER' } });
  if (!isRefusal(error, 'EMAIL_IN_USE')) throw new Error('Two accounts have the same e-mail address.');
  say(`A second account with ${emailAddress} is refused: EMAIL_IN_USE.`);

  const { reachedCount } = dataOf(await client.mutation(CloseAccount, { input: { sid, idempotencyKey: randomUUID() } })).closeAccount;
  await closing;
  say(`All ${reachedCount} accounts are closed, as the stream has told.`);
}

try {
  await tour();
} catch (error) {
  console.error(`It did not work: ${(error as Error).message}`);
  process.exit(1);
}
