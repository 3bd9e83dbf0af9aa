import type { AccountType, Named, Operation, Organization, Role, Status } from './operations.js';
import type { Attempt } from './webhook-operations.js';

/** What a change of a tree reached or, in a dry run, would reach. */
export interface Reach {
  reached: { status: Status; count: number }[];
  reachedCount: number;
  account: Named & { status: Status; version: number; descendants?: { nodes: { friendlyName: string; status: Status }[] } };
}

interface TreeInput {
  sid: string;
  dryRun: boolean;
  version?: number;
}

const reachFragment = (type: string): string => `
  fragment Reach on ${type} {
    reached { status count } reachedCount
    account { sid friendlyName emailAddress status version ... @include(if: $dryRun) { descendants(first: 20) { nodes { friendlyName status } } } }
  }`;

const mutation = <Data, Variables extends object>(...texts: string[]): Operation<Data, Variables> => ({ text: texts.join('\n') });

export const setStatusMutation = mutation<{ result: Reach }, { input: TreeInput & { status: 'ACTIVE' | 'SUSPENDED' }; dryRun: boolean }>(
  'mutation SetStatus($input: SetAccountStatusInput!, $dryRun: Boolean!) { result: setAccountStatus(input: $input) { ...Reach } }',
  reachFragment('SetAccountStatusPayload'),
);

export const closeMutation = mutation<{ result: Reach }, { input: TreeInput; dryRun: boolean }>(
  'mutation Close($input: CloseAccountInput!, $dryRun: Boolean!) { result: closeAccount(input: $input) { ...Reach } }',
  reachFragment('CloseAccountPayload'),
);

export const migrateMutation = mutation<
  { result: Reach },
  { input: TreeInput & { organization: { domainName: string } | null }; dryRun: boolean }
>(
  'mutation Migrate($input: MigrateAccountInput!, $dryRun: Boolean!) { result: migrateAccount(input: $input) { ...Reach } }',
  reachFragment('MigrateAccountPayload'),
);

export interface CreateInput {
  parentSid: string;
  emailAddress: string;
  friendlyName?: string;
  password?: string;
  role: Role;
  type: AccountType;
  organization?: { domainName: string };
  idempotencyKey: string;
}

export const createMutation = mutation<{ createAccount: { account: Named & { status: Status } } }, { input: CreateInput }>(
  'mutation Create($input: CreateAccountInput!) { createAccount(input: $input) { account { sid friendlyName emailAddress status } } }',
);

export interface UpdateInput {
  sid: string;
  version: number;
  friendlyName?: string;
  emailAddress?: string;
  role?: Role;
  type?: AccountType;
}

export const updateMutation = mutation<{ updateAccount: { account: Named } }, { input: UpdateInput }>(
  'mutation Update($input: UpdateAccountInput!) { updateAccount(input: $input) { account { sid friendlyName emailAddress } } }',
);

export const createOrganizationMutation = mutation<
  { createOrganization: { organization: Organization } },
  { input: { domainName: string; idempotencyKey: string } }
>(
  `mutation CreateOrganization($input: CreateOrganizationInput!) {
    createOrganization(input: $input) { organization { sid domainName status dateCreated } }
  }`,
);

export const closeOrganizationMutation = mutation<{ closeOrganization: { organization: Organization } }, { input: { sid: string } }>(
  `mutation CloseOrganization($input: CloseOrganizationInput!) {
    closeOrganization(input: $input) { organization { sid domainName status dateCreated } }
  }`,
);

export const retryRemovalMutation = mutation<{ retryResourceRemoval: { account: { sid: string } } }, { input: { sid: string } }>(
  'mutation RetryRemoval($input: RetryResourceRemovalInput!) { retryResourceRemoval(input: $input) { account { sid } } }',
);

export const enableWebhookMutation = mutation<
  { updateWebhook: { webhook: { sid: string } } },
  { input: { sid: string; enabled: boolean } }
>('mutation EnableWebhook($input: UpdateWebhookInput!) { updateWebhook(input: $input) { webhook { sid } } }');

export const replayWebhookMutation = mutation<
  { replayWebhook: { webhook: { sid: string } } },
  { input: { sid: string; from: { eventId: string } | { date: string } } }
>('mutation ReplayWebhook($input: ReplayWebhookInput!) { replayWebhook(input: $input) { webhook { sid } } }');

export const skipEventMutation = mutation<{ skipWebhookEvent: { webhook: { sid: string } } }, { input: { sid: string; eventId: string } }>(
  'mutation SkipEvent($input: SkipWebhookEventInput!) { skipWebhookEvent(input: $input) { webhook { sid } } }',
);

export const testWebhookMutation = mutation<{ testWebhook: { attempt: Attempt } }, { input: { sid: string } }>(
  `mutation TestWebhook($input: TestWebhookInput!) {
    testWebhook(input: $input) { attempt { eventId eventType date status milliseconds answer failure } }
  }`,
);

export const createWebhookMutation = mutation<
  { createWebhook: { webhook: { sid: string; url: string }; secret: string } },
  { input: { accountSid: string; url: string; description?: string; idempotencyKey: string } }
>('mutation CreateWebhook($input: CreateWebhookInput!) { createWebhook(input: $input) { webhook { sid url } secret } }');
