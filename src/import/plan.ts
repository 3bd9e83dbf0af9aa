import { createHash } from 'node:crypto';
import { claimEmailAddresses } from './email-addresses.js';
import { assignOrganizations, readOrganizations } from './organizations.js';
import { readLinks, readProfiles } from './profiles.js';
import type { ImportPlan } from './planned.js';
import { type Choices, Findings } from './rules.js';
import { readAccounts, rowReader } from './row-values.js';
import type { SourceRows } from './source.js';
import { lowerStatuses } from './statuses.js';
import { buildTree } from './tree-shape.js';

/** Plans an import: a pure function of what the source holds and of what was chosen. */
export function planImport(rows: SourceRows, hasSecrets: boolean, choices: Choices): ImportPlan {
  const findings = new Findings(choices);
  const reader = rowReader(rows, choices, findings);
  const organizations = readOrganizations(rows.organizations, reader);
  const accounts = buildTree(readAccounts(rows.accounts, hasSecrets, reader), choices, findings);
  lowerStatuses(accounts, findings);
  claimEmailAddresses(accounts, findings);
  assignOrganizations(accounts, organizations, findings);
  const profiles = readProfiles(rows.profiles, reader);
  const links = readLinks(rows.links, { accounts, organizations, profiles }, findings);
  const planned = {
    organizations: [...organizations.values()],
    profiles: [...profiles.values()],
    accounts: accounts.map(({ planned }) => planned),
    links,
  };
  return { id: idOf(planned), ...planned, findings: findings.all, refused: findings.refused };
}

function idOf(planned: object): string {
  const hash = createHash('sha256');
  for (const rows of Object.values(planned) as object[][]) for (const row of rows) hash.update(`${JSON.stringify(row)}\n`);
  return hash.digest('hex').slice(0, 16);
}
