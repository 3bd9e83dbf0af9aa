import { expect, it } from 'vitest';
import { admin, startTestGateway } from '../support/gateway.js';
import { basic, postGraphql } from '../support/graphql-client.js';
import { mount } from '../support/rest-client.js';

it('nothing that a request can cause makes code of a text, once the gateway has started', async () => {
  const gateway = await startTestGateway();
  const { Function: ofTexts, eval: evaluate } = globalThis;
  const made: string[] = [];
  const watched = new Proxy(ofTexts, {
    construct: (target, texts, newTarget) => (made.push(texts.join()), Reflect.construct(target, texts, newTarget)),
    apply: (target, self, texts) => (made.push(texts.join()), Reflect.apply(target, self, texts)),
  });
  Object.assign(globalThis, { Function: watched, eval: (text: string) => (made.push(text), evaluate(text)) });
  try {
    new globalThis.Function('return 1');
    expect(made.splice(0)).toEqual(['return 1']);
    // Not by the test's own client, which makes validators of the description.
    const rest = async (path: string, init: RequestInit = {}) =>
      (await fetch(gateway.url + mount + path, { ...init, headers: { authorization: basic(admin) } })).text();
    const nested = '{ viewer { sid subAccounts { totalCount nodes { sid parent { sid } } } } }';
    const create = 'mutation { createAccount(input: { emailAddress: "one@tests.test", role: DEVELOPER }) { account { sid } } }';
    for (const document of [nested, create, '{ nothing }', '{']) await postGraphql(gateway.url, admin, document);
    await postGraphql(gateway.url, undefined, nested);
    for (const path of ['/Accounts', '/Accounts.json', '/Accounts?Page=0', '/Profiles', '/Organizations.json', '/Accounts/nobody.json']) {
      await rest(path);
    }
    await rest('/Accounts.json', {
      method: 'POST',
      body: new URLSearchParams({ EmailAddress: 'two@tests.test', Password: 'a decent password' }),
    });
    for (const path of ['/graphiql', '/console', `${mount}/`, '/health/ready', '/nothing']) await (await fetch(gateway.url + path)).text();
    await (await fetch(`${gateway.metricsUrl}/metrics`)).text();
    expect(made).toEqual([]);
  } finally {
    Object.assign(globalThis, { Function: ofTexts, eval: evaluate });
    await gateway.stop();
  }
});
