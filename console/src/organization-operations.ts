import { type Counted, type Organization, type Page, operation } from './operations.js';

/* What is read of organizations. */

export const organizationsQuery = operation<{ organizations: Page<Organization> }, { after: string | null; status: 'ACTIVE' | null }>(
  `query Organizations($after: String, $status: OrganizationStatus) {
    organizations(first: 100, after: $after, status: $status) {
      nodes { sid domainName status dateCreated } pageInfo { hasNextPage endCursor }
    }
  }`,
);

export const organizationAccountsQuery = operation<{ accounts: Counted }, { sid: string }>(
  'query OrganizationAccounts($sid: ID!) { accounts(first: 1, organization: { sid: $sid }) { totalCount } }',
);
