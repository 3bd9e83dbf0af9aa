import { isIP } from 'node:net';
import type { FastifyInstance } from 'fastify';

/**
 * Makes `request.ip` an address, and `request.protocol` http or https, whatever `X-Forwarded-For` and `-Proto` say (SPEC §5). All that limits or logs by address reads that; so the
 * header is put right here, before any other hook.
 */
export function readClientAddresses(server: FastifyInstance): void {
  server.addHook('onRequest', async ({ raw: { headers } }) => {
    const forwarded = headers['x-forwarded-for'];
    if (forwarded !== undefined) headers['x-forwarded-for'] = forwardedAddresses(String(forwarded));
    const protocol = String(headers['x-forwarded-proto'] ?? '')
      .split(',')
      .at(-1)!
      .trim();
    if (protocol !== 'http' && protocol !== 'https') delete headers['x-forwarded-proto'];
  });
}

/**
 * An `X-Forwarded-For` of addresses alone. Each proxy adds whom it forwards for at the end, and some add the port. The header is
 * believed from its end on, and no further than an entry that is no address: that one counts as the address of the proxy that wrote it.
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
