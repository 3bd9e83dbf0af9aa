/**
 * Headers for browsers on every answer. Answers of the API are not shown in pages, run nothing, are not sniffed and not cached.
 * Our own pages replace some of these headers: see static-page.ts.
 *
 * @param publicUrl where users reach the gateway; if that is by https, browsers must always use https
 */
export function securityHeaders(publicUrl: string | undefined): Record<string, string> {
  return {
    'cache-control': 'no-store',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    // For this host only; other hosts of the domain are not ours to decide on.
    ...(publicUrl?.startsWith('https:') && { 'strict-transport-security': 'max-age=31536000' }),
  };
}
