import type { Account } from '../../domain/account.js';
import type { Organization } from '../../domain/organization.js';
import type { ProfileSummary } from '../../domain/profile.js';
import { accountUri, apiVersionPath, subresourcesOf } from '../../domain/subresource.js';
import type { Sid } from '../../domain/sid.js';
import { type ErrorBody, jsonOf } from '../http/error-body.js';
import type { Format } from './content-negotiation.js';
import { type XmlContent, element, escaped, inside } from './xml.js';

/** The columns of an account that are shown. */
export const shownColumns = [
  'sid',
  'organizationSid',
  'friendlyName',
  'emailAddress',
  'type',
  'status',
  'role',
  'dateCreated',
  'dateUpdated',
] as const satisfies readonly (keyof Account)[];

/** An account as it is shown to one caller. */
export interface AccountView {
  account: Pick<Account, (typeof shownColumns)[number]>;
  /** The parent account, or what the caller may see in its place. */
  ownerSid: Sid;
  /** Present if the caller may see it (SPEC §4). */
  authToken?: string | undefined;
}

/** The position of a page in its list (SPEC §4). URIs are relative to the API's mount, and null if there is no such page. */
export interface PageEnvelope {
  page: number;
  numPages: number;
  pageSize: number;
  total: number;
  /** Positions of the first and last entry in the whole list, counted from 0. */
  start: number;
  end: number;
  uri: string;
  firstPageUri: string;
  previousPageUri: string | null;
  nextPageUri: string | null;
  lastPageUri: string;
}

/** The names of lists in XML. */
export type ListName = 'Accounts' | 'Organizations' | 'Profiles';

/** The text before, between and after the entries of a list. */
interface ListFrame {
  head: string;
  between: string;
  tail: string;
}

/** How answers are written in one format: entries, and what surrounds them. */
interface Representation {
  mediaType: string;
  account(view: AccountView): string;
  organization(organization: Organization): string;
  error(body: ErrorBody): string;
  /** An answer that consists of one entry. */
  single(entry: string): string;
  list(name: ListName, page?: PageEnvelope): ListFrame;
}

/** The links of an account in JSON. */
const jsonLinks = textBySid((sid) =>
  JSON.stringify(Object.fromEntries(subresourcesOf(sid).map(({ name, uri }) => [snakeCase(name), `${uri}.json`]))),
);

/** The links of an account in XML. */
const xmlLinks = textBySid((sid) =>
  element('SubresourceUris', Object.fromEntries(subresourcesOf(sid).map(({ name, uri }): [string, XmlContent] => [name, uri]))),
);

/** JSON as in the sample of the specification's seed. */
const json: Representation = {
  mediaType: 'application/json',
  account({ account, ownerSid, authToken }) {
    const properties = JSON.stringify({
      sid: account.sid,
      organization: account.organizationSid,
      owner_account_sid: ownerSid,
      friendly_name: account.friendlyName,
      email_address: account.emailAddress,
      type: account.type,
      status: account.status,
      role: account.role,
      date_created: rfc2822(account.dateCreated),
      date_updated: rfc2822(account.dateUpdated),
      auth_token: authToken,
      uri: `${apiVersionPath}/Accounts.json/${account.sid}`,
    });
    return `${properties.slice(0, -1)},"subresource_uris":${jsonLinks(account.sid)}}`;
  },
  organization: (organization) =>
    JSON.stringify({
      sid: organization.sid,
      domain_name: organization.domainName,
      status: organization.status,
      date_created: rfc2822(organization.dateCreated),
      date_updated: rfc2822(organization.dateUpdated),
      uri: `${apiVersionPath}/Organizations.json/${organization.sid}`,
    }),
  error: (body) => JSON.stringify(jsonOf(body)),
  single: (entry) => entry,
  list(name, page) {
    if (page === undefined) return { head: '[', between: ',', tail: ']' };
    const envelope = JSON.stringify(Object.fromEntries(Object.entries(page).map(([key, value]) => [snakeCase(key), value])));
    return { head: `${envelope.slice(0, -1)},"${snakeCase(name)}":[`, between: ',', tail: ']}' };
  },
};

/** XML as in the sample of the seed, plus the properties that the sample leaves out. */
const xml: Representation = {
  mediaType: 'application/xml',
  account({ account, ownerSid, authToken }) {
    const properties = inside({
      Sid: account.sid,
      Organization: account.organizationSid,
      OwnerAccountSid: ownerSid,
      FriendlyName: account.friendlyName,
      EmailAddress: account.emailAddress,
      Status: account.status,
      Type: account.type,
      Role: account.role,
      DateCreated: account.dateCreated.toISOString(),
      DateUpdated: account.dateUpdated.toISOString(),
      AuthToken: authToken,
      Uri: accountUri(account.sid),
    });
    return `<Account>${properties}${xmlLinks(account.sid)}</Account>`;
  },
  organization: (organization) =>
    element('Organization', {
      Sid: organization.sid,
      DomainName: organization.domainName,
      Status: organization.status,
      DateCreated: organization.dateCreated.toISOString(),
      DateUpdated: organization.dateUpdated.toISOString(),
      Uri: `${apiVersionPath}/Organizations/${organization.sid}`,
    }),
  error: ({ code, error, message, status, moreInfo }) =>
    element('RestcommResponse', { Message: message, Code: String(code), Error: error, Status: String(status), MoreInfo: moreInfo }),
  single: (entry) => `<RestcommResponse>${entry}</RestcommResponse>`,
  list(name, page) {
    const attributes = Object.entries(page ?? {}).map(([key, value]) => ` ${key.toLowerCase()}="${escaped(String(value ?? ''))}"`);
    return { head: `<RestcommResponse><${name}${attributes.join('')}>`, between: '', tail: `</${name}></RestcommResponse>` };
  },
};

export const representations: Record<Format, Representation> = { json, xml };

/** A profile in the list of profiles, always in JSON (SPEC §4). */
export function profileEntry({ sid, dateCreated, dateUpdated }: ProfileSummary): string {
  return JSON.stringify({
    sid,
    date_created: rfc2822(dateCreated),
    date_updated: rfc2822(dateUpdated),
    uri: `${apiVersionPath}/Profiles/${sid}`,
  });
}

/** For a text that differs between accounts only by their SID: composes it once, since long lists need it often. */
function textBySid(compose: (sid: Sid) => string): (sid: Sid) => string {
  const placeholder = '{sid}';
  const parts = compose(placeholder).split(placeholder);
  return (sid) => parts.join(sid);
}

/** The date format of the seed's sample: `Wed, 4 Nov 2015 10:17:35 +0000`. */
function rfc2822(date: Date): string {
  return date.toUTCString().replace(', 0', ', ').replace('GMT', '+0000');
}

/** `AvailablePhoneNumbers` becomes `available_phone_numbers`, `SMSMessages` becomes `sms_messages`. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_').toLowerCase();
}
