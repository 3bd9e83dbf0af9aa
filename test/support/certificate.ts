import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { isIPv4 } from 'node:net';

/** A certificate that nobody has signed but itself, and its key, both in PEM. Whoever trusts it as an authority trusts it. */
export interface TestCertificate {
  key: string;
  cert: string;
}

/**
 * Makes a certificate for host names and IPv4 addresses, by node:crypto alone: the tests need no openssl.
 * @param until the last year in which it is valid
 */
export function certificateFor(hosts: readonly string[], until = 2049): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const name = sequence(der(0x31, sequence(commonName, der(0x0c, Buffer.from('receiver of a test')))));
  const certificate = sequence(
    der(0xa0, der(0x02, Buffer.of(2))), // X.509 v3
    der(0x02, Buffer.of(1)),
    sequence(ecdsaWithSha256),
    name,
    sequence(utcTime(2020), utcTime(until)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(sequence(subjectAlternativeName, der(0x04, sequence(...hosts.map(generalName)))))),
  );
  return { key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(), cert: signed(certificate, privateKey) };
}

const commonName = Buffer.from('0603550403', 'hex');
const subjectAlternativeName = Buffer.from('0603551d11', 'hex');
const ecdsaWithSha256 = Buffer.from('06082a8648ce3d040302', 'hex');

function signed(certificate: Buffer, key: KeyObject): string {
  const signature = Buffer.concat([Buffer.of(0), sign('sha256', certificate, key)]);
  const whole = sequence(certificate, sequence(ecdsaWithSha256), der(0x03, signature));
  return `-----BEGIN CERTIFICATE-----\n${whole
    .toString('base64')
    .match(/.{1,64}/g)!
    .join('\n')}\n-----END CERTIFICATE-----\n`;
}

function generalName(host: string): Buffer {
  return isIPv4(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
}

function utcTime(year: number): Buffer {
  return der(0x17, Buffer.from(`${String(year).slice(2)}1231235959Z`));
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

/** A value of ASN.1, as X.509 writes it: what it is, its length in bytes, and its content. */
function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.of(tag, ...size), content]);
}
