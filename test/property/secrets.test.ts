import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { type Login, basic, postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { assertAsyncProperty, steadySeed } from '../support/property.js';
import { mount } from '../support/rest-client.js';
import { type Created, create, password } from '../support/tree.js';

let gateway: TestGateway;
let account: Created;
/** All that signs the account in: its AuthToken, the one before, and its password. */
let secrets: string[];

beforeAll(async () => {
  gateway = await startTestGateway();
  account = await create(graphqlSurface(gateway.url));
  const rotate = async (overlapSeconds: number): Promise<string> => {
    const { data } = await postGraphql(
      gateway.url,
      admin,
      'mutation($input: RotateAuthTokenInput!) { rotateAuthToken(input: $input) { authToken } }',
      { input: { sid: account.sid, overlapSeconds } },
    );
    return data!.rotateAuthToken.authToken;
  };
  secrets = [await rotate(0), await rotate(3600), password];
});
afterAll(() => gateway.stop());

async function statusFor(login: Login): Promise<number> {
  const { status, body } = await fetch(`${gateway.url}${mount}/Accounts`, { headers: { authorization: basic(login) } });
  await body?.cancel();
  return status;
}

const blanks = [' ', '\t', '\n', '\u00a0', '\u200b', '\u0000'];

/** Everything that is nearly the text, and is not: what a comparison that is too kind would take for it. */
function near(text: string): string[] {
  const prefixes = Array.from(text, (_, length) => text.slice(0, length));
  const suffixes = Array.from(text, (_, start) => text.slice(start + 1));
  const padded = blanks.flatMap((blank) => [text + blank, blank + text, `${text.slice(0, 4)}${blank}${text.slice(4)}`]);
  const extended = [
    `${text}0`,
    `0${text}`,
    text + text,
    `${text}:`,
    `${text}%00`,
    `${text}\u0000${text}`,
    '*',
    '%',
    text.replace(/.$/, '%'),
  ];
  const otherCase = [text.toUpperCase(), text.replace(/[a-z]/, (letter) => letter.toUpperCase())];
  return [...prefixes, ...suffixes, ...padded, ...extended, ...otherCase].filter((changed) => changed !== text);
}

async function expectRefused(logins: Login[]): Promise<void> {
  const accepted: Login[] = [];
  for (let start = 0; start < logins.length; start += 20) {
    const some = logins.slice(start, start + 20);
    const statuses = await Promise.all(some.map(statusFor));
    accepted.push(...some.filter((_, index) => statuses[index] !== 401));
  }
  expect(accepted).toEqual([]);
}

describe('what is nearly right is wrong:', () => {
  it('prefixes, extensions, other case, blanks and NUL in a secret, by SID and by e-mail address', async () => {
    for (const login of [account.sid, account.emailAddress]) {
      for (const secret of secrets) {
        expect(await statusFor({ login, secret })).toBe(200);
        await expectRefused(near(secret).map((nearly) => ({ login, secret: nearly })));
      }
    }
  });

  it('prefixes, extensions, blanks and NUL in a SID or e-mail address, and another case of a SID', async () => {
    const [secret] = secrets;
    // An e-mail address is the same in any case (SPEC §2).
    const logins = [...near(account.sid), ...near(account.emailAddress)].filter((login) => login.toLowerCase() !== account.emailAddress);
    // What stands before the first colon is the login, so that a colon in it is one in the secret.
    await expectRefused(logins.map((login) => ({ login, secret: secret! })));
  });

  it('any other text put before, behind or in place of a part of it', async () => {
    const changes = fc.record({
      secret: fc.nat(2),
      from: fc.nat(40),
      length: fc.nat(40),
      instead: fc.string({ unit: 'binary', maxLength: 40 }),
      login: fc.constantFrom('sid' as const, 'emailAddress' as const),
    });
    await assertAsyncProperty(
      fc.asyncProperty(changes, async ({ secret, from, length, instead, login }) => {
        const right = secrets[secret]!;
        const changed = right.slice(0, from) + instead + right.slice(from + length);
        fc.pre(!secrets.includes(changed));
        expect(await statusFor({ login: account[login], secret: changed })).toBe(401);
      }),
      { numRuns: 200, seed: steadySeed },
    );
  });
});
