import type { ApolloClient } from '@apollo/client';
import type { AccountFieldsFragment, SubAccountsQueryVariables } from './gql/graphql.js';
import { SubAccounts } from './operations.js';

/** Reads a whole list of sub-accounts, page by page. What `useQuery` gives to a view has the same `fetchMore`. */
export async function readList(client: ApolloClient, variables: SubAccountsQueryVariables): Promise<AccountFieldsFragment[]> {
  const list = client.watchQuery({ query: SubAccounts, variables });
  await client.query({ query: SubAccounts, variables });
  for (;;) {
    // All pages that came so far: the cache has joined them.
    const { account } = client.readQuery({ query: SubAccounts, variables })!;
    if (!account?.subAccounts) throw new Error(`There is no list of accounts below ${variables.sid}.`);
    const { edges, pageInfo } = account.subAccounts;
    if (!pageInfo.hasNextPage) return edges.map(({ node }) => node);
    await list.fetchMore({ variables: { after: pageInfo.endCursor } });
  }
}
