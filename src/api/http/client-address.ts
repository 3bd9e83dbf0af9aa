import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Makes sure that `request.ip` is an address and `request.protocol` is http or https, whatever `X-Forwarded-For` and
 * `X-Forwarded-Proto` contain (SPEC §5). Every limit and log by address relies on them, so the headers are corrected before any other hook.
 */
export function sanitizeForwardedHeaders(server: FastifyInstance): void {
  server.addHook('onRequest', ({ raw: { headers } }, _reply, done) => {
    const forwarded = headers['x-forwarded-for'];
    if (forwarded !== undefined) headers['x-forwarded-for'] = forwardedAddresses(String(forwarded));
    const protocol = String(headers['x-forwarded-proto'] ?? '')
      .split(',')
      .at(-1)!
      .trim();
    if (protocol !== 'http' && protocol !== 'https') delete headers['x-forwarded-proto'];
    done();
  });
}

/**
 * An `X-Forwarded-For` that contains only addresses. Each proxy appends the address that it forwards for, some with a port. The header
 * is read from its end, up to an entry that is not an address. The proxy that wrote that entry counts as the client.
 */
export function forwardedAddresses(header: string): string {
  const addresses: string[] = [];
  for (const entry of header.split(',').toReversed()) {
    const address = addressIn(entry.trim());
    if (address === undefined) break;
    addresses.unshift(address);
  }
  return addresses.join(', ');
}

/** The address of `192.0.2.7`, `192.0.2.7:1001`, `2001:db8::7`, `[2001:db8::7]` or `[2001:db8::7]:1001`. */
function addressIn(entry: string): string | undefined {
  const [, inBrackets, beforePort] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([^:]*):\d{1,5})$/.exec(entry) ?? [];
  const address = inBrackets ?? beforePort ?? entry;
  return isIP(address) === 0 ? undefined : address;
}
