/**
 * What every answer tells a browser. The answers of an API are to be shown in no page, run nothing, are not guessed at and
 * not kept; a page of ours replaces what it has to, see static-page.ts.
 *
 * @param publicUrl where users reach the gateway: once by https, always by https
 */
export function securityHeaders(publicUrl: string | undefined): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    // Of this host only: others of the domain are not ours to decide on.
    ...(publicUrl?.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
  };
}
