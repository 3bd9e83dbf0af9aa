import { AccountStatus } from '../domain/account.js';
import { parsedOrUndefined } from '../domain/input.js';
import { type Organization, OrganizationStatus, parseDomainName } from '../domain/organization.js';
import type { Sid } from '../domain/sid.js';
import type { Draft } from './planned.js';
import type { Findings } from './rules.js';
import { type RowReader, keyOf } from './row-values.js';
import type { SourceRow } from './source.js';

/** The organizations of the rows, by the keys that accounts name them by. */
export function readOrganizations(rows: readonly SourceRow[], reader: RowReader): Map<string, Organization> {
  const { findings } = reader;
  const organizations = new Map<string, Organization>();
  const names = new Set<string>();
  const sids = new Set<Sid>();
  for (const row of rows) {
    const sourceSid = row.sid ?? '';
    const about = { kind: 'organization', sid: sourceSid } as const;
    const key = keyOf(sourceSid) ?? '';
    const sid = reader.sidOf('organization', sourceSid);
    if (organizations.has(key) || sids.has(sid)) {
      findings.settle('duplicate-sid', { ...about, found: sourceSid });
      continue;
    }
    sids.add(sid);
    const status = Object.values(OrganizationStatus).find((known) => known === row.status?.toLowerCase());
    if (status === undefined) findings.settle('unknown-organization-status', { ...about, found: row.status ?? 'NULL' });
    const isOpen = status !== OrganizationStatus.CLOSED;
    let domainName = parsedOrUndefined(() => parseDomainName(row.domainName ?? ''));
    if (domainName === undefined || (isOpen && names.has(domainName))) {
      findings.settle('bad-domain-name', { ...about, found: row.domainName ?? 'NULL' });
      domainName = `${sid.toLowerCase()}.imported.invalid`;
    }
    if (isOpen) names.add(domainName);
    organizations.set(key, { sid, domainName, status: status ?? OrganizationStatus.ACTIVE, ...reader.datesOf('organization', row) });
  }
  return organizations;
}

/** Gives each account the organization of its tree, and opens organizations that are still in use. The accounts are given parents first. */
export function assignOrganizations(
  accounts: readonly Draft[],
  organizations: ReadonlyMap<string, Organization>,
  findings: Findings,
): void {
  const assigned = new Map<Sid, Sid | null>();
  const inUse = new Set<Sid>();
  for (const { planned, organizationKey, sourceSid } of accounts) {
    const about = { kind: 'account', sid: sourceSid, found: organizationKey } as const;
    const own = organizations.get(organizationKey);
    if (own === undefined) findings.settle('unknown-organization', about);
    const above = planned.parentSid === null ? null : assigned.get(planned.parentSid)!;
    const isBelowTopLevel = planned.topLevelSid !== planned.sid;
    if (own !== undefined && isBelowTopLevel && own.sid !== above) findings.settle('diverging-organization', about);
    planned.organizationSid = own === undefined || isBelowTopLevel ? above : own.sid;
    assigned.set(planned.sid, planned.organizationSid);
    if (planned.organizationSid !== null && planned.status !== AccountStatus.CLOSED) inUse.add(planned.organizationSid);
  }
  const names = new Set(
    [...organizations.values()].filter(({ status }) => status === OrganizationStatus.ACTIVE).map((each) => each.domainName),
  );
  for (const organization of organizations.values()) {
    if (organization.status !== OrganizationStatus.CLOSED || !inUse.has(organization.sid)) continue;
    findings.settle('closed-organization', { kind: 'organization', sid: organization.sid, found: organization.domainName });
    organization.status = OrganizationStatus.ACTIVE;
    if (names.has(organization.domainName)) organization.domainName = `${organization.sid.toLowerCase()}.imported.invalid`;
    names.add(organization.domainName);
  }
}
