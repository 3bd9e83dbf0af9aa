import { expect } from 'vitest';
import { admin } from './gateway.js';
import { type GraphqlAnswer, type Login, postGraphql } from './graphql-client.js';
import { graphqlSurface } from './graphql-surface.js';
import { type Created, create } from './tree.js';

/** What tests of events ask of a gateway: as the Super Admin, unless said otherwise. What is refused fails the test, but for `send`. */
export function requestsTo(gateway: () => { url: string }) {
  const send = (query: string, variables: Record<string, unknown> = {}, login: Login = admin): Promise<GraphqlAnswer<any>> =>
    postGraphql<any>(gateway().url, login, query, variables);
  const ask = async (query: string, variables: Record<string, unknown> = {}, login?: Login): Promise<any> => {
    const { data, errors } = await send(query, variables, login);
    expect(errors).toBeUndefined();
    return data;
  };
  const change = (mutation: string, login?: Login): Promise<any> => ask(`mutation { ${mutation} }`, {}, login);
  return {
    send,
    ask,
    change,
    make: (account: Parameters<typeof create>[1] = {}): Promise<Created> => create(graphqlSurface(gateway().url), account),
    rename: (sid: string, name: string) => change(`updateAccount(input: { sid: "${sid}", friendlyName: "${name}" }) { account { sid } }`),
    setStatus: (sid: string, status: string, login?: Login) =>
      change(`setAccountStatus(input: { sid: "${sid}", status: ${status} }) { reachedCount }`, login),
  };
}
