import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { documentedCode } from '../support/documented-code.js';
import { admin } from '../support/gateway.js';
import { startWithUpstreams } from '../support/subresources.js';
import { type SeenRequest, startUpstream } from '../support/upstream.js';

const secret = 'a secret that only the two know';

let folder: string;
/** What the gateway sent, and the same with another method. */
let requests: Pick<SeenRequest, 'method' | 'url' | 'headers'>[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-signature-'));
  const upstream = await startUpstream((_request, response) => void response.end());
  const gateway = await startWithUpstreams({ '*': { url: upstream.url, secret } });
  await gateway.ask(admin, `/Accounts/${admin.login}/Calls.json?Page=1&x=%2F`);
  await gateway.stop();
  await upstream.stop();
  const { method, url, headers } = upstream.seen[0]!;
  requests = [
    { method, url, headers },
    { method: 'DELETE', url, headers },
  ];
});
afterAll(() => rm(folder, { recursive: true }));

const has = (program: string): boolean => spawnSync(program, ['--help']).error === undefined;

/** Writes the files, and runs the program with the method, URL and headers of each request. What it writes is its verdict. */
async function verdicts(files: Record<string, string>, program: string, args: string[]): Promise<string[]> {
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  return requests.map(({ method, url, headers }) => {
    const given = Object.entries(headers).map(([name, value]) => `${name}=${String(value)}`);
    return execFileSync(program, [...args, secret, method, url, ...given], { cwd: folder, encoding: 'utf8' }).trim();
  });
}

describe('what the guide says accepts what the gateway sends, and nothing else', () => {
  it('in Python', async () => {
    const main = `
import sys
secret, method, url = sys.argv[1:4]
headers = dict(arg.split("=", 1) for arg in sys.argv[4:])
print(str(is_from_gateway(secret, method, url, headers)).lower())`;
    const python = process.env.PYTHON ?? 'python3';
    expect(await verdicts({ 'check.py': documentedCode('upstreams.md', 'python') + main }, python, ['check.py'])).toEqual([
      'true',
      'false',
    ]);
  });

  it.runIf(has('go'))('in Go', async () => {
    const main = `
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	r := &http.Request{Method: os.Args[2], RequestURI: os.Args[3], Header: http.Header{}}
	for _, arg := range os.Args[4:] {
		name, value, _ := strings.Cut(arg, "=")
		r.Header.Set(name, value)
	}
	fmt.Println(IsFromGateway(os.Args[1], r))
}`;
    const files = { 'main.go': main, 'gateway.go': documentedCode('upstreams.md', 'go').replace('package gateway', 'package main') };
    expect(await verdicts(files, 'go', ['run', 'main.go', 'gateway.go'])).toEqual(['true', 'false']);
  });

  it.runIf(has('java'))('in Java', async () => {
    const [imports, code] = documentedCode('upstreams.md', 'java').split('\nclass ');
    const main = `${imports}
class Main {
    public static void main(String[] args) throws Exception {
        Map<String, String> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
        for (String arg : Arrays.asList(args).subList(3, args.length)) headers.put(arg.split("=", 2)[0], arg.split("=", 2)[1]);
        System.out.println(GatewaySignature.isFromGateway(args[0], args[1], args[2], headers::get));
    }
}
class ${code}`;
    expect(await verdicts({ 'Main.java': main }, 'java', ['Main.java'])).toEqual(['true', 'false']);
  });
});
