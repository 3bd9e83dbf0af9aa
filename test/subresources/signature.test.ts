import { expect, it } from 'vitest';
import { admin } from '../support/gateway.js';
import { documentedCode } from '../support/documented-code.js';
import { startWithUpstreams } from '../support/subresources.js';
import { startUpstream } from '../support/upstream.js';

const secret = 'a secret that only the two know';

it('what the guide says in JavaScript accepts what the gateway sends, and nothing else', async () => {
  const code = `data:text/javascript,${encodeURIComponent(documentedCode('upstreams.md', 'js'))}`;
  const { isFromGateway } = (await import(/* @vite-ignore */ code)) as { isFromGateway: (...args: unknown[]) => boolean };
  const upstream = await startUpstream((_request, response) => void response.end());
  const gateway = await startWithUpstreams({ '*': { url: `${upstream.url}/restcomm`, secret } });
  try {
    for (const [method, path] of [
      ['GET', 'Calls.json?Page=1&x=%2F'],
      ['POST', 'Calls'],
      ['DELETE', 'Recordings/RE%201'],
    ] as const) {
      upstream.seen.length = 0;
      await gateway.ask(admin, `/Accounts/${admin.login}/${path}`, { method });
      const [seen] = upstream.seen;
      expect(isFromGateway(secret, seen)).toBe(true);
      const { headers } = seen!;
      const forged = [
        ...Object.keys(headers)
          .filter((name) => name.startsWith('x-'))
          .map((name) => ({ ...seen, headers: { ...headers, [name]: 'forged' } })),
        { ...seen, method: 'PUT' },
        { ...seen, url: `${seen!.url}x` },
        { ...seen, headers: { ...headers, 'x-gateway-signature': undefined } },
      ];
      expect(forged).toHaveLength(9);
      expect(forged.map((each) => isFromGateway(secret, each))).toEqual(forged.map(() => false));
      expect(isFromGateway(`${secret}!`, seen)).toBe(false);
      expect(isFromGateway(secret, seen, new Date().getTime() / 1000 + 1000)).toBe(false);
    }
  } finally {
    await gateway.stop();
    await upstream.stop();
  }
});
