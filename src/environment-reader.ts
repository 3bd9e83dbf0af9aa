import { isIP } from 'node:net';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Reads single variables of the environment, and collects the mistakes in them. An empty variable counts as not set. */
export class EnvironmentReader {
  constructor(
    private readonly environment: Environment,
    /** One sentence for each mistake. */
    private readonly mistakes: string[],
  ) {}

  text(name: string): string | undefined {
    return this.environment[name] || undefined;
  }

  integer(name: string, fallback: number, min: number, max: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d+$/.test(text) ? Number(text) : NaN;
    if (value >= min && value <= max) return value;
    return this.#mistake(`${name} must be a whole number from ${min} to ${max}, not ${shown(text)}.`, fallback);
  }

  /** A part of a whole, from 0 to 1. */
  share(name: string, fallback: number): number {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
    if (value <= 1) return value;
    return this.#mistake(`${name} must be a number from 0 to 1 like 0.01, not ${shown(text)}.`, fallback);
  }

  boolean(name: string, fallback: boolean): boolean {
    return this.oneOf(name, String(fallback), ['true', 'false']) === 'true';
  }

  oneOf<Value extends string>(name: string, fallback: Value, values: readonly Value[]): Value {
    const text = this.text(name) ?? fallback;
    const value = values.find((known) => known === text);
    return value ?? this.#mistake(`${name} must be one of ${values.join(', ')}, not ${shown(text)}.`, fallback);
  }

  /** Entries separated by commas. */
  list(name: string): string[] {
    const entries = (this.text(name) ?? '').split(',').map((entry) => entry.trim());
    return entries.filter((entry) => entry !== '');
  }

  /** Origins, written as browsers send them. */
  origins(name: string): string[] {
    return this.list(name).filter((origin) => {
      if (isWebUrl(origin) && new URL(origin).origin === origin && !origin.includes('*')) return true;
      return this.#mistake(`${name} must be origins like https://console.company.com, separated by commas, not ${shown(origin)}.`, false);
    });
  }

  /** IP addresses and ranges in CIDR notation. A range of all addresses is refused: whatever they are trusted with, not everyone is meant. */
  addresses(name: string): string[] {
    return this.list(name).filter(
      (entry) =>
        isAddressRange(entry) ||
        this.#mistake(`${name} must be addresses or ranges like 10.0.0.0/8, separated by commas, not ${shown(entry)}.`, false),
    );
  }

  /** An IP address or a host name. IPv6 may have brackets, as in a URL. */
  host(name: string, fallback: string): string {
    const text = this.text(name);
    if (text === undefined) return fallback;
    const address = text.replace(/^\[(.*)\]$/, '$1');
    if (isIP(address) !== 0 && (address === text || isIP(address) === 6)) return address;
    // Digits and dots alone are a malformed address, not a name.
    if (!/^[\d.]+$/.test(text) && text.split('.').every((label) => /^[a-z\d_][a-z\d_-]{0,62}$/i.test(label))) return text;
    return this.#mistake(`${name} must be an IP address or a host name like 0.0.0.0, ::1 or localhost, not ${shown(text)}.`, fallback);
  }

  /** An http or https URL, returned without a slash at its end and encoded to ASCII, so that it fits into a header. */
  webUrl(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const url = isWebUrl(text) ? new URL(text) : undefined;
    const isPlain = url !== undefined && url.username === '' && url.password === '' && !/[?#\s]/.test(text);
    if (isPlain) return (url.origin + url.pathname).replace(/\/+$/, '');
    return this.#mistake(`${name} must be an http or https URL without user, query and fragment, not ${shown(text)}.`, undefined);
  }

  /** The URL of a database. A mistake does not repeat the value, since it holds a password. */
  databaseUrl(name: string): string | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const fault = /^postgres(?:ql)?:\/\/\S+$/.test(text) ? faultOfDatabaseUrl(text) : '';
    if (fault === undefined) return text;
    return this.#mistake(`${name} must be a URL like postgresql://user:password@host:5432/database${fault}.`, undefined);
  }

  /** A value that is checked by a rule, which throws an error with a sentence. */
  checked<Value>(name: string, rule: (text: string) => Value): Value | undefined {
    const text = this.text(name);
    try {
      return text === undefined ? undefined : rule(text);
    } catch (error) {
      return this.#mistake(`${name} is refused: ${(error as Error).message}`, undefined);
    }
  }

  /** Keys of 32 bytes each. */
  keys(name: string): Buffer[] | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const sentence = `${name} must be 32 bytes, as 64 hexadecimal digits or as base64; or several of them, separated by commas.`;
    const keys = parseKeys(text);
    if (keys === undefined) return this.#mistake(sentence, undefined);
    if (new Set(keys.map((key) => key.toString('hex'))).size === keys.length) return keys;
    return this.#mistake(`${name} lists a key twice.`, undefined);
  }

  #mistake<Value>(sentence: string, instead: Value): Value {
    this.mistakes.push(sentence);
    return instead;
  }
}

/** The values of sslmode that the driver knows. */
const tlsModes = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify'];

/** What is wrong with the URL of a database, without repeating any of it; undefined when the driver understands it all. */
function faultOfDatabaseUrl(text: string): string | undefined {
  try {
    decodeURIComponent(new URL(text).href);
  } catch {
    return '';
  }
  const { port, searchParams } = new URL(text);
  const ports = [port, ...searchParams.getAll('port')].filter((one) => one !== '');
  if (ports.some((one) => !/^\d+$/.test(one) || Number(one) < 1 || Number(one) > 65_535)) return ', with a port from 1 to 65535';
  if (searchParams.getAll('sslmode').some((mode) => !tlsModes.includes(mode))) return `, with an sslmode of ${tlsModes.join(', ')}`;
  return undefined;
}

/** A value, quoted on one line. What precedes the @ in a URL is left out: it may be a password. */
function shown(text: string): string {
  return JSON.stringify(text.replace(/\/\/.*@/s, '//…@'));
}

/** Whether the text is a URL of http or https. */
function isWebUrl(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether the text is an IP address, or a range such as 10.0.0.0/8. */
function isAddressRange(text: string): boolean {
  const [, address = '', prefix] = /^([^/%]*)(?:\/([1-9]\d{0,2}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && (prefix === undefined || Number(prefix) <= (version === 4 ? 32 : 128));
}

/** The keys in a text, separated by commas or line breaks; undefined when one of them is malformed. */
export function parseKeys(text: string): Buffer[] | undefined {
  const keys = text
    .trim()
    .split(/\s*[,\n]\s*/)
    .map(parseKey);
  return keys.every((key) => key !== undefined) ? keys : undefined;
}

/** A key of 32 bytes, from hexadecimal or base64. */
function parseKey(text: string): Buffer | undefined {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  return /^[A-Za-z0-9+/_-]{43}=?$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}
