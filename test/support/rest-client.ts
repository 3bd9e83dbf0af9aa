import { type Login, basic } from './graphql-client.js';
import { assertDescribed } from './openapi.js';

export { parseXml } from './parse-xml.js';

/** A request to the documented API; the path goes on from a mount. */
export interface RestRequest {
  method?: string;
  path: string;
  form?: Record<string, string>;
  body?: string | Uint8Array<ArrayBuffer>;
  headers?: Record<string, string>;
}

export interface RestAnswer {
  status: number;
  headers: Headers;
  text: string;
}

export const mount = '/restcomm/2012-04-24';

/** Sends one request to the documented API. @throws Error when the answer is not as openapi.yaml describes it */
export async function sendRest(url: string, login: Login | undefined, request: RestRequest): Promise<RestAnswer> {
  const { method = 'GET', path, form, headers = {} } = request;
  const body = form === undefined ? request.body : new URLSearchParams(form);
  const response = await fetch(`${url}${mount}${path}`, {
    method,
    redirect: 'manual',
    headers: { ...(login && { authorization: basic(login) }), ...headers },
    ...(body !== undefined && { body }),
  });
  const answer = { status: response.status, headers: response.headers, text: await response.text() };
  assertDescribed(request, answer);
  return answer;
}
