import Negotiator from 'negotiator';

/** What of a client's `Accept` decides: its media types and how much it wants each. All other parameters are ignored (SPEC §3, §4). */
export function acceptWithoutParameters(accept: string): string {
  // A quoted value may hold what separates media types.
  const ranges = accept.replace(/"(?:[^"\\]|\\.)*"/g, '').split(',');
  const plain = ranges.map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return [type, ...parameters.filter((parameter) => /^q=/i.test(parameter))].join(';');
  });
  return plain.join(', ');
}

/** The one of the offered media types that the client wants most, the first for whoever does not say; nothing when it takes none of them. */
export function preferredMediaType(accept: string | undefined, offered: readonly string[]): string | undefined {
  if (!accept?.trim()) return offered[0];
  return new Negotiator({ headers: { accept: acceptWithoutParameters(accept) } }).mediaType([...offered]);
}
