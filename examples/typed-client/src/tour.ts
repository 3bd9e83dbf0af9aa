// What a program does with the gateway, step by step: npm start
import { randomBytes, randomUUID } from 'node:crypto';
import { type ApolloClient, InMemoryCache } from '@apollo/client';
import { relayStylePagination } from '@apollo/client/utilities';
import { lastValueFrom, map, takeWhile, tap, timeout } from 'rxjs';
import { adviceOn, refusalIn, sentenceFor } from './errors.js';
import { connect, gatewayOfEnvironment } from './gateway.js';
import type { AccountFieldsFragment, CreateAccountInput } from './gql/graphql.js';
import { readList } from './lists.js';
import { AccountEvents, CloseAccount, CreateAccount, FirstEvent, SubAccounts, UpdateAccount, Viewer } from './operations.js';
import { rename } from './rename.js';

const say = (sentence: string): void => console.log(sentence);

async function tour(): Promise<void> {
  const gateway = gatewayOfEnvironment();
  const client = connect(gateway);
  const { data } = await client.query({ query: Viewer });
  say(`Signed in as ${data!.viewer.emailAddress}.`);

  // Different addresses each time, so that the tour can be taken again.
  const run = randomBytes(4).toString('hex');
  const reseller = await createOnce(client, {
    emailAddress: `reseller-${run}@example.com`,
    password: `the password of ${run}`,
    role: 'ADMINISTRATOR',
  });

  const closing = follow(client, reseller);
  // Should a step fail before the stream is waited for, it is that step's failure that is told.
  closing.catch(() => {});
  for (const friendlyName of ['Dora', 'Anna', 'Carl', 'Bert', 'Emil']) {
    await create(client, {
      parentSid: reseller.sid,
      emailAddress: `${friendlyName}-${run}@example.com`,
      friendlyName,
      // Without a password, an account is not active.
      password: friendlyName < 'D' ? `the password of ${run}` : null,
      role: 'DEVELOPER',
    });
  }

  await compareLists(client, reseller);
  await mixListsUp(connect(gateway, carelessCache()), reseller);
  await changeWithVersions(client, connect(gateway), reseller);
  await beRefused(client, reseller);

  const input = { sid: reseller.sid };
  const rehearsal = await client.mutate({ mutation: CloseAccount, variables: { input: { ...input, dryRun: true } } });
  say(`Closing ${reseller.friendlyName} would reach ${rehearsal.data!.closeAccount.reachedCount} accounts.`);
  await client.mutate({ mutation: CloseAccount, variables: { input: { ...input, idempotencyKey: randomUUID() } } });
  await closing;
  say('All of them are closed, as the stream has told.');
}

async function create(client: ApolloClient, input: CreateAccountInput): Promise<AccountFieldsFragment> {
  const { data } = await client.mutate({ mutation: CreateAccount, variables: { input: { idempotencyKey: randomUUID(), ...input } } });
  return data!.createAccount.account;
}

/** Sends the same request twice, as when the first answer got lost. */
async function createOnce(client: ApolloClient, wanted: CreateAccountInput): Promise<AccountFieldsFragment> {
  const input = { ...wanted, idempotencyKey: randomUUID() };
  const account = await create(client, input);
  const again = await create(client, input);
  if (again.sid !== account.sid) throw new Error('The same idempotency key made two accounts.');
  say(`Created ${account.friendlyName} as ${account.sid}. The same request again, with the same idempotency key, made no second account.`);
  return account;
}

/** Tells what happens to the account and everything below it, until it is closed. */
async function follow(client: ApolloClient, { sid }: AccountFieldsFragment): Promise<void> {
  // Behind its first event, so that the stream has a place to go on from even before it told anything.
  const { data } = await client.query({ query: FirstEvent, variables: { sid } });
  const events = client.subscribe({ query: AccountEvents, variables: { sid, after: data!.events!.pageInfo.endCursor } }).pipe(
    map(({ data, error }) => {
      if (error !== undefined) throw error;
      return data!.accountEvents;
    }),
    tap(({ id, type, data }) => say(`  Event ${id}: ${type}, ${(data.reached ?? [data.account?.sid]).join(' ')}`)),
    takeWhile(({ type }) => type !== 'ACCOUNT_CLOSED', true),
    timeout({ each: 60_000 }),
  );
  await lastValueFrom(events);
}

const namesIn = (accounts: AccountFieldsFragment[]): string => accounts.map(({ friendlyName }) => friendlyName).join(', ');

/** Three lists of the same accounts. They all stay in the cache, page after page, because its `keyArgs` tell them apart. */
async function compareLists(client: ApolloClient, { sid }: AccountFieldsFragment): Promise<void> {
  const byName = { sid, first: 2, orderBy: { field: 'FRIENDLY_NAME' } } as const;
  say(`By name, read in pages of two: ${namesIn(await readList(client, byName))}.`);
  say(`Only those that are active: ${namesIn(await readList(client, { ...byName, filter: { status: 'ACTIVE' } }))}.`);
  say(`By age: ${namesIn(await readList(client, { sid, first: 2 }))}.`);
  say(`The first list again, from the cache: ${namesIn(await readList(client, byName))}.`);
}

/** A cache that takes all lists of the same account for one. */
const carelessCache = (): InMemoryCache =>
  new InMemoryCache({ typePolicies: { Account: { fields: { subAccounts: relayStylePagination() } } } });

/** What wrong `keyArgs` do: the second list is taken for the first, from the cache, and goes on with pages of its own. */
async function mixListsUp(careless: ApolloClient, { sid }: AccountFieldsFragment): Promise<void> {
  await careless.query({ query: SubAccounts, variables: { sid, first: 2, filter: { status: 'ACTIVE' } } });
  const waiting = await readList(careless, { sid, first: 2, filter: { status: 'UNINITIALIZED' } });
  const shown = waiting.map(({ friendlyName, status }) => `${friendlyName} (${status})`);
  say(`A cache without keyArgs mixes lists up. Asked for those that are not initialized, it shows ${shown.join(', ')}.`);
}

/** A colleague changes the same account meanwhile. The version that was read keeps us from undoing what we have not seen. */
async function changeWithVersions(client: ApolloClient, colleague: ApolloClient, { sid }: AccountFieldsFragment): Promise<void> {
  const [seen] = await readList(client, { sid, first: 2, orderBy: { field: 'FRIENDLY_NAME' } });
  const change = (input: { type?: 'TRIAL'; friendlyName?: string }) =>
    colleague.mutate({ mutation: UpdateAccount, variables: { input: { sid: seen!.sid, ...input } } });

  await change({ type: 'TRIAL' });
  const renamed = await rename(client, seen!, 'Anna Maria');
  say(
    `A colleague changed the type of ${seen!.friendlyName} meanwhile. Renamed to ${renamed.account.friendlyName} at attempt ${renamed.attempts}.`,
  );

  await change({ friendlyName: 'Annabel' });
  const refused = await rename(client, renamed.account, 'Anne');
  say(
    `Then the colleague renamed it, too. Not renamed to Anne, because of a ${refused.outcome}: it is ${refused.account.friendlyName} now.`,
  );
}

/** What is refused has a code, which the type `ErrorCode` knows. */
async function beRefused(client: ApolloClient, { emailAddress }: AccountFieldsFragment): Promise<void> {
  try {
    await create(client, { emailAddress, role: 'DEVELOPER' });
  } catch (error) {
    const refusal = refusalIn(error);
    if (refusal?.code !== 'EMAIL_IN_USE') throw error;
    say(`A second account with ${emailAddress} is refused with ${refusal.code}, because of ${refusal.field}: ${adviceOn(refusal)}`);
    return;
  }
  throw new Error('Two accounts have the same e-mail address.');
}

try {
  await tour();
} catch (error) {
  console.error(sentenceFor(error));
  process.exit(1);
}
