import { expect } from 'vitest';
import type { Running } from './gateway-folder.js';
import { type Login, postGraphql } from './graphql-client.js';

/** The password of the Super Admin, as a first start prints it. */
export const announced = /e-mail +(\S+)\n +password +(\S+)/;

/** Who has just signed in, and the AuthToken. */
export async function signIn({ url }: Running, login: Login) {
  const { sid, emailAddress } = (await postGraphql(url, login, '{ viewer { sid emailAddress } }')).data!.viewer as {
    sid: string;
    emailAddress: string;
  };
  const { data } = await postGraphql(url, login, 'query($sid: ID!) { authToken(sid: $sid) }', { sid });
  expect(data!.authToken).toMatch(/^[0-9a-f]{32}$/);
  return { sid, emailAddress, token: data!.authToken as string };
}
