import Negotiator from 'negotiator';

/** `Accept` with only its media types and their `q` weights. All other parameters are ignored (SPEC §3, §4). */
function acceptWithoutParameters(accept: string): string {
  // A quoted value may contain the separators.
  const ranges = accept.replace(/"(?:[^"\\]|\\.)*"/g, '').split(',');
  const plain = ranges.map((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim());
    return [type, ...parameters.filter((parameter) => /^q=/i.test(parameter))].join(';');
  });
  return plain.join(', ');
}

/** The offered media type that the client prefers: the first one without `Accept`, undefined if it accepts none of them. */
export function preferredMediaType(accept: string | undefined, offered: readonly string[]): string | undefined {
  if (!accept?.trim()) return offered[0];
  // Most clients name one type.
  if (accept === '*/*') return offered[0];
  if (offered.includes(accept)) return accept;
  return new Negotiator({ headers: { accept: acceptWithoutParameters(accept) } }).mediaType([...offered]);
}
