import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/* nginx as a plain reverse proxy with connections that are kept, in front of the service: one process, as the others have. */

const folder = mkdtempSync(join(tmpdir(), 'gateway-bench-nginx-'));
const free = createServer().listen(0, '127.0.0.1');
await new Promise((resolve) => free.once('listening', resolve));
const { port } = free.address();
await new Promise((resolve) => free.close(resolve));

const { host } = new URL(process.env.SERVICE_URL);
writeFileSync(
  join(folder, 'nginx.conf'),
  `daemon off; master_process off; pid ${folder}/pid; error_log stderr;
events {}
http {
  access_log off; client_body_temp_path ${folder}/1; proxy_temp_path ${folder}/2;
  fastcgi_temp_path ${folder}/3; uwsgi_temp_path ${folder}/4; scgi_temp_path ${folder}/5;
  keepalive_requests 100000000;
  upstream service { server ${host}; keepalive 64; keepalive_requests 100000000; }
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }
  }
}`,
);
const nginx = spawn('/usr/sbin/nginx', ['-c', join(folder, 'nginx.conf'), '-p', folder], { stdio: 'inherit' });
process.once('SIGTERM', () => nginx.kill('SIGTERM'));
nginx.once('exit', (code) => {
  rmSync(folder, { recursive: true });
  process.exit(code ?? 0);
});
for (;;) {
  const isOpen = await new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1', () => resolve(true)).once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
  if (isOpen) break;
  await new Promise((resolve) => setTimeout(resolve, 5));
}
console.log(`ready at http://127.0.0.1:${port}`);
