import { randomUUID } from 'node:crypto';
import type { ApolloClient } from '@apollo/client';
import { refusalIn } from './errors.js';
import type { AccountFieldsFragment } from './gql/graphql.js';
import { AccountBySid, UpdateAccount } from './operations.js';

/**
 * Renames an account that somebody has read before, unless another one renamed it meanwhile. With the version that was read, the gateway
 * refuses the change once anything about the account is different. Then it is read again: if it still has the name that was seen, the change
 * is made on what it is now; if not, nothing is changed, and the caller has a person decide.
 */
export async function rename(
  client: ApolloClient,
  seen: AccountFieldsFragment,
  friendlyName: string,
): Promise<{ outcome: 'renamed' | 'conflict'; account: AccountFieldsFragment; attempts: number }> {
  let account = seen;
  for (let attempts = 1; ; attempts++) {
    const input = { sid: seen.sid, version: account.version, friendlyName, idempotencyKey: randomUUID() };
    try {
      const { data } = await client.mutate({ mutation: UpdateAccount, variables: { input } });
      return { outcome: 'renamed', account: data!.updateAccount.account, attempts };
    } catch (error) {
      if (refusalIn(error)?.code !== 'VERSION_CONFLICT') throw error;
    }
    // From the gateway: the cache has what was seen.
    const { data } = await client.query({ query: AccountBySid, variables: { sid: seen.sid }, fetchPolicy: 'network-only' });
    account = data!.account!;
    if (account.friendlyName !== seen.friendlyName) return { outcome: 'conflict', account, attempts };
  }
}
