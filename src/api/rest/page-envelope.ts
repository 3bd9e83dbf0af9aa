import type { FastifyRequest } from 'fastify';
import type { NumberedPage } from '../../domain/page.js';
import { apiVersionPath } from '../../domain/subresource.js';
import { queryOf } from './parameters.js';
import type { PageEnvelope } from './representation.js';

/** The parameters that select a list other than the caller's own. The first one that is given counts. */
export const organizationFilters = ['OrganizationSid', 'DomainName'] as const;

/** All parameters that decide which accounts a list contains. */
export const accountFilters = [...organizationFilters, 'Status', 'FriendlyName', 'EmailAddress'] as const;

/** The position of a page in its list, with the URIs of its neighbours in the same format. */
export function pageEnvelope(
  request: FastifyRequest,
  filters: readonly string[],
  { number, size }: NumberedPage,
  total: number,
  found: number,
): PageEnvelope {
  const query = queryOf(request);
  const filter = filters.flatMap((name) => query.parsed(name, (value) => `${name}=${encodeURIComponent(value)}&`) ?? []).join('');
  const path = `${apiVersionPath}/Accounts${request.format === 'json' ? '.json' : ''}`;
  const uriOf = (page: number): string => `${path}?${filter}Page=${page}&PageSize=${size}`;

  const numPages = Math.ceil(total / size);
  const lastPage = Math.max(0, numPages - 1);
  const start = number * size;
  return {
    page: number,
    numPages,
    pageSize: size,
    total,
    start,
    end: start + Math.max(0, found - 1),
    uri: uriOf(number),
    firstPageUri: uriOf(0),
    previousPageUri: number === 0 ? null : uriOf(Math.min(number - 1, lastPage)),
    nextPageUri: number < lastPage ? uriOf(number + 1) : null,
    lastPageUri: uriOf(lastPage),
  };
}
