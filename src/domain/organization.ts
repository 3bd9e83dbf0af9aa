import { AppError } from '../errors.js';
import type { Sid } from './sid.js';

export const OrganizationStatus = { ACTIVE: 'active', CLOSED: 'closed' } as const;
export type OrganizationStatus = (typeof OrganizationStatus)[keyof typeof OrganizationStatus];

/** A customer's organization, worn by whole trees of accounts (SPEC §2). */
export interface Organization {
  sid: Sid;
  /** In lower case; unique. */
  domainName: string;
  status: OrganizationStatus;
  dateCreated: Date;
  dateUpdated: Date;
}

/** An organization as callers name it: by one of the two. */
export type OrganizationReference = { sid: Sid } | { domainName: string };

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const domainNamePattern = new RegExp(`^${label}(?:\\.${label})*$`, 'i');

/** Whether the text is a domain name, in any case: labels joined by dots, at most 255 characters (SPEC §2). */
export function isDomainName(text: string): boolean {
  return text.length <= 255 && domainNamePattern.test(text);
}

/** The domain name as it is stored: in lower case. @throws AppError INVALID_DOMAIN_NAME */
export function parseDomainName(text: string, field = 'domainName'): string {
  if (isDomainName(text)) return text.toLowerCase();
  throw new AppError(
    'INVALID_DOMAIN_NAME',
    'A domain name is labels of letters, digits and hyphens, joined by dots, at most 255 characters.',
    { field },
  );
}
