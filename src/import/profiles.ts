import { AccountStatus } from '../domain/account.js';
import { parsedOrUndefined } from '../domain/input.js';
import { type Organization, OrganizationStatus } from '../domain/organization.js';
import { type Profile, defaultProfileSid, parseDocument } from '../domain/profile.js';
import type { Sid } from '../domain/sid.js';
import type { Draft, ImportPlan } from './planned.js';
import type { Findings } from './rules.js';
import { type RowReader, keyOf } from './row-values.js';
import type { SourceRow } from './source.js';

/** The profiles of the rows, by the keys that links name them by. The default profile is this gateway's own. */
export function readProfiles(rows: readonly SourceRow[], reader: RowReader): Map<string, Profile> {
  const { findings } = reader;
  const profiles = new Map<string, Profile>();
  for (const row of rows) {
    const sourceSid = row.sid ?? '';
    const about = { kind: 'profile', sid: sourceSid } as const;
    const key = keyOf(sourceSid) ?? '';
    if (sourceSid === defaultProfileSid) {
      findings.note({ rule: 'default-profile', ...about, found: sourceSid, done: 'left out; DEFAULT_PROFILE_FILE sets the document here' });
      continue;
    }
    if (profiles.has(key)) {
      findings.settle('duplicate-sid', { ...about, found: sourceSid });
      continue;
    }
    const document = parsedOrUndefined(() => parseDocument(row.document ?? ''));
    if (document === undefined) {
      findings.settle('bad-profile', { ...about, found: `${(row.document ?? '').length} characters` });
      continue;
    }
    profiles.set(key, { sid: reader.sidOf('profile', sourceSid), document, ...reader.datesOf('profile', row) });
  }
  return profiles;
}

interface Linkable {
  accounts: readonly Draft[];
  organizations: ReadonlyMap<string, Organization>;
  profiles: ReadonlyMap<string, Profile>;
}

/** The links between accounts or organizations that are open and profiles that are there. */
export function readLinks(
  rows: readonly SourceRow[],
  { accounts, organizations, profiles }: Linkable,
  findings: Findings,
): ImportPlan['links'] {
  const owners = new Map<string, { ownerSid: Sid; treeSid: Sid | null }>();
  for (const { key, planned } of accounts) {
    if (planned.status !== AccountStatus.CLOSED) owners.set(key, { ownerSid: planned.sid, treeSid: planned.topLevelSid });
  }
  for (const [key, { sid, status }] of organizations) {
    if (status === OrganizationStatus.ACTIVE) owners.set(key, { ownerSid: sid, treeSid: null });
  }
  const links = new Map<Sid, ImportPlan['links'][number]>();
  for (const row of rows) {
    const owner = owners.get(keyOf(row.ownerSid) ?? '');
    const isDefault = row.profileSid === defaultProfileSid;
    const profileSid = isDefault ? defaultProfileSid : profiles.get(keyOf(row.profileSid) ?? '')?.sid;
    if (owner !== undefined && profileSid !== undefined && !links.has(owner.ownerSid)) links.set(owner.ownerSid, { ...owner, profileSid });
    else {
      const found = `${row.ownerSid ?? 'NULL'} to ${row.profileSid ?? 'NULL'}`;
      findings.note({ rule: 'dangling-link', kind: 'link', sid: row.ownerSid ?? '', found, done: 'left out' });
    }
  }
  return [...links.values()];
}
