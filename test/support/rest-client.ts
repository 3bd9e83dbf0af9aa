import { type Login, basic } from './graphql-client.js';
import { send } from './http-client.js';
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
  const body = form === undefined ? request.body : `${new URLSearchParams(form)}`;
  const answer = await send(`${url}${mount}${path}`, {
    method,
    headers: {
      ...(login && { authorization: basic(login) }),
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded;charset=UTF-8' }),
      ...(form === undefined && typeof body === 'string' && { 'content-type': 'text/plain;charset=UTF-8' }),
      ...headers,
    },
    ...(body !== undefined && { body }),
  });
  assertDescribed(request, answer);
  return answer;
}
