import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type TestGateway, admin } from '../support/gateway.js';
import { eventually } from '../support/patience.js';
import { mount } from '../support/rest-client.js';
import { type Ask, startWithUpstreams } from '../support/subresources.js';

const sound = Buffer.from(Array.from({ length: 300_000 }, (_, index) => (index * 7) % 251));

let gateway: TestGateway & { ask: Ask };
let stopNginx: () => Promise<void>;
let folder: string;
let sid: string;
const wav = (): string => `/Accounts/${sid}/Recordings/RE1.wav`;

/** nginx, as a media server: it serves files, with ranges and conditions. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gateway-nginx-'));
  const port = await freePort();
  await writeFile(
    join(folder, 'nginx.conf'),
    `daemon off; worker_processes 1; pid ${folder}/pid; error_log stderr;
${process.getuid?.() === 0 ? 'user root;' : ''}
events {}
http {
  access_log off; client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/a; uwsgi_temp_path ${folder}/b; scgi_temp_path ${folder}/c;
  types { audio/x-wav wav; application/json json; }
  server { listen 127.0.0.1:${port}; root ${folder}/files; gzip on; gzip_types application/json; gzip_min_length 1; server_tokens on; }
}`,
  );
  const nginx = spawn('/usr/sbin/nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'ignore' });
  const ended = once(nginx, 'exit');
  stopNginx = async () => {
    nginx.kill('SIGTERM');
    await ended;
  };
  const url = `http://127.0.0.1:${port}`;
  await eventually(() => fetch(url));
  gateway = await startWithUpstreams({ Recordings: { url } });
  [{ sid }] = (await gateway.database.query<{ sid: string }>('SELECT sid FROM account')) as [{ sid: string }];
  const files = join(folder, 'files/2012-04-24/Accounts', sid, 'Recordings');
  await mkdir(files, { recursive: true });
  await writeFile(join(files, 'RE1.wav'), sound);
  await writeFile(join(files, 'RE1.json'), JSON.stringify({ sid: 'RE1', text: 'x'.repeat(1000) }));
});
afterAll(async () => {
  await gateway.stop();
  await stopNginx();
  await rm(folder, { recursive: true, force: true });
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** Runs curl with the admin's credentials, and returns what it writes. */
async function curl(...options: string[]): Promise<Buffer> {
  const args = ['-s', '-u', `${admin.login}:${admin.secret}`, ...options];
  return (await promisify(execFile)('curl', args, { encoding: 'buffer', maxBuffer: 10_000_000 })).stdout;
}

it('curl downloads a file whole, in parts, and from where it broke off', async () => {
  const url = `${gateway.url}${mount}${wav()}`;
  expect((await curl(url)).equals(sound)).toBe(true);
  expect((await curl('-r', '1000-1999', url)).equals(sound.subarray(1000, 2000))).toBe(true);
  expect((await curl('-r', '-500', url)).equals(sound.subarray(-500))).toBe(true);
  const part = join(folder, 'part.wav');
  await writeFile(part, sound.subarray(0, 123_456));
  await curl('-C', '-', '-o', part, url);
  expect((await curl('--get', `file://${part}`)).equals(sound)).toBe(true);
});

it('parts, conditions and mistakes are answered as nginx answers them', async () => {
  const whole = await gateway.ask(admin, wav());
  const { etag, 'last-modified': modified, 'accept-ranges': ranges } = Object.fromEntries(whole.headers);
  expect([whole.headers.get('content-type'), ranges, Buffer.from(await whole.arrayBuffer()).length]).toEqual([
    'audio/x-wav',
    'bytes',
    sound.length,
  ]);
  expect(whole.headers.has('server')).toBe(false);
  const status = async (headers: Record<string, string>): Promise<number> => (await gateway.ask(admin, wav(), { headers })).status;
  expect(await status({ 'if-none-match': etag! })).toBe(304);
  expect(await status({ 'if-modified-since': modified! })).toBe(304);
  expect(await status({ 'if-match': '"another"' })).toBe(412);
  expect(await status({ range: 'bytes=0-9', 'if-range': etag! })).toBe(206);
  expect(await status({ range: 'bytes=0-9', 'if-range': '"another"' })).toBe(200);
  expect(await status({ range: 'bytes=999999-' })).toBe(416);
  const several = await gateway.ask(admin, wav(), { headers: { range: 'bytes=0-1,5-6' } });
  expect([several.status, several.headers.get('content-type')]).toEqual([206, expect.stringMatching(/^multipart\/byteranges/)]);
  expect((await gateway.ask(admin, wav().replace('RE1', 'RE2'))).status).toBe(404);
  expect((await gateway.ask(admin, wav(), { method: 'POST', body: 'x'.repeat(100_000) })).status).toBe(405);
});

it('what nginx compresses comes compressed', async () => {
  const answer = await gateway.ask(admin, wav().replace('.wav', '.json'), { headers: { 'accept-encoding': 'gzip' } });
  expect([answer.headers.get('content-encoding'), ((await answer.json()) as { sid: string }).sid]).toEqual(['gzip', 'RE1']);
});

it('nothing can be reached by a path around the folder', async () => {
  for (const path of ['Recordings/../../../../../../etc/passwd', 'Recordings/%2e%2e/%2e%2e/x', 'Recordings/..%2f..%2fx']) {
    const answer = (
      await curl('--path-as-is', '-o', '/dev/null', '-w', '%{http_code}', `${gateway.url}${mount}/Accounts/${sid}/${path}`)
    ).toString();
    expect(answer).toBe('404');
  }
});
