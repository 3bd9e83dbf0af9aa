import { type TestGateway, type TestGatewayOptions, startTestGateway } from './gateway.js';
import { type Login, basic } from './graphql-client.js';
import { mount } from './rest-client.js';

/** What a test asks of an upstream, by the gateway. */
export type Ask = (login: Login, path: string, init?: RequestInit) => Promise<Response>;

/** Starts a gateway with upstreams: the value of `SUBRESOURCE_UPSTREAMS`. */
export async function startWithUpstreams(
  upstreams: Record<string, object>,
  options: TestGatewayOptions = {},
): Promise<TestGateway & { ask: Ask }> {
  const environment = { SUBRESOURCE_UPSTREAMS: JSON.stringify(upstreams), ...options.environment };
  const gateway = await startTestGateway({ ...options, environment });
  return { ...gateway, ask: asking(gateway.url) };
}

/** Sends requests to the documented API of the gateway, as they are: no redirect is followed. */
export function asking(url: string): Ask {
  return (login, path, init = {}) =>
    fetch(`${url}${mount}${path}`, {
      redirect: 'manual',
      ...init,
      headers: { authorization: basic(login), ...(init.headers as Record<string, string> | undefined) },
    });
}

/** The code of a refusal in JSON. */
export async function codeOf(response: Response): Promise<string> {
  return ((await response.json()) as { error: string }).error;
}
