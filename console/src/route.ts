/** Where in the console one is. It is in the address's fragment, which is sent to nobody and holds SIDs alone. */
export type Route =
  | { page: 'home' }
  | { page: 'account'; sid: string }
  | { page: 'webhook'; sid: string }
  | { page: 'organizations' }
  | { page: 'unknown' };

export function routeOf(fragment: string): Route {
  const [, page = '', sid = '', ...rest] = fragment.replace(/^#/, '').split('/');
  if (rest.length > 0) return { page: 'unknown' };
  if (page === '') return { page: 'home' };
  if (page === 'organizations' && sid === '') return { page: 'organizations' };
  if (page === 'accounts' && /^AC[0-9a-f]{32}$/.test(sid)) return { page: 'account', sid };
  if (page === 'webhooks' && /^WH[0-9a-f]{32}$/.test(sid)) return { page: 'webhook', sid };
  return { page: 'unknown' };
}

export const addressOf = {
  home: '#/',
  organizations: '#/organizations',
  account: (sid: string) => `#/accounts/${sid}`,
  webhook: (sid: string) => `#/webhooks/${sid}`,
};
