import { AppError } from '../errors.js';
import { parseWord } from './input.js';
import { type Sid, isSid, parseSid } from './sid.js';

/** The states of an organization. A closed one accepts no accounts. */
export const OrganizationStatus = { ACTIVE: 'active', CLOSED: 'closed' } as const;
export type OrganizationStatus = (typeof OrganizationStatus)[keyof typeof OrganizationStatus];

/** A customer's organization. Whole trees of accounts belong to it (SPEC §2). */
export interface Organization {
  sid: Sid;
  /** In lower case; unique. */
  domainName: string;
  status: OrganizationStatus;
  dateCreated: Date;
  dateUpdated: Date;
}

/** How callers name an organization: by its SID, by its domain name, or by a text that may be `either` (SPEC §4). */
export type OrganizationReference = OrganizationKey | { either: string };

/** What an organization is looked up by: a well-formed SID, or a domain name as it is stored. */
export type OrganizationKey = { sid: Sid } | { domainName: string };

/**
 * The key that a reference stands for; undefined for a text that is neither.
 * @throws AppError BAD_USER_INPUT, INVALID_DOMAIN_NAME
 */
export function parseOrganizationReference(by: OrganizationReference, field?: string): OrganizationKey | undefined {
  if ('sid' in by) return { sid: parseSid('organization', by.sid, field ?? 'sid') };
  if ('domainName' in by) return { domainName: parseDomainName(by.domainName, field) };
  if (isSid('organization', by.either)) return { sid: by.either };
  return isDomainName(by.either) ? { domainName: by.either.toLowerCase() } : undefined;
}

/** There is no such organization. */
export function organizationNotFound(field: string): AppError {
  return new AppError('ORGANIZATION_NOT_FOUND', 'There is no such organization. Check its SID or domain name.', { field });
}

/** A status by its name, in any case (SPEC §4). @throws AppError INVALID_STATUS */
export function parseOrganizationStatus(text: string): OrganizationStatus {
  return parseWord(text, Object.values(OrganizationStatus), 'INVALID_STATUS', 'status');
}

const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?';
const domainNamePattern = new RegExp(`^${label}(?:\\.${label})*$`, 'i');

/** Whether the text is a domain name, in any case: labels joined by dots, at most 255 characters (SPEC §2). */
export function isDomainName(text: string): boolean {
  return text.length <= 255 && domainNamePattern.test(text);
}

/** The domain name as it is stored: in lower case. @throws AppError INVALID_DOMAIN_NAME */
export function parseDomainName(text: string, field = 'domainName'): string {
  // Wherever a SID or a domain name is accepted, a domain name that looks like a SID would be taken for one.
  if (isDomainName(text) && !/^or[0-9a-f]{32}$/i.test(text)) return text.toLowerCase();
  throw new AppError(
    'INVALID_DOMAIN_NAME',
    'A domain name consists of labels of letters, digits and hyphens, joined by dots, with at most 255 characters in all.',
    { field },
  );
}
