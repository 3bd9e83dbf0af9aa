import type { ErrorCode } from '../../../src/errors.js';

/*
 * Who may do what to whom, declared: written by hand from the prose and the table of SPEC §2 (with §5 for secrets and §9
 * for the codes), to be read beside them. It must never be derived from src/domain/permissions.ts, nor import it: a rule
 * that is wrong there has to meet another opinion here.
 */

/** How a request ends. `unchanged`: it succeeds, and there was nothing to change, or it was only asked what would change. */
export type Outcome = 'done' | 'unchanged' | 'null' | ErrorCode;

/** The surfaces that the tables hold for. What reads as null in GraphQL, REST refuses (SPEC §2). */
export type SurfaceName = 'GraphQL' | 'REST';

/** Where an account is in its life cycle. `prepared` is uninitialized too, but was given a password already (SPEC §2). */
export const states = ['uninitialized', 'prepared', 'active', 'suspended', 'closed'] as const;
export type State = (typeof states)[number];

/** Where the target stands, seen from the caller. */
export type Place =
  | 'self'
  | 'child'
  | 'grandchild'
  | 'child of a suspended child'
  | 'parent'
  | 'sibling'
  | 'stranger of the same organization'
  | 'stranger'
  | 'missing';

export interface Caller {
  name: string;
  /** Its part of the tables below. */
  column: 'Super Admin' | 'Administrator' | 'other role' | 'nobody';
  role: 'Administrator' | 'Developer' | 'ProvisioningAgent';
  /** Its level in the tree; nobody stands where the Administrator does, but does not sign in. */
  level: 1 | 2 | 3;
}

export const callers: Caller[] = [
  { name: 'the Super Admin', column: 'Super Admin', role: 'Administrator', level: 1 },
  { name: 'a top-level Administrator', column: 'Administrator', role: 'Administrator', level: 2 },
  { name: 'an Administrator', column: 'Administrator', role: 'Administrator', level: 3 },
  { name: 'a Developer', column: 'other role', role: 'Developer', level: 3 },
  { name: 'a ProvisioningAgent', column: 'other role', role: 'ProvisioningAgent', level: 3 },
  { name: 'nobody', column: 'nobody', role: 'Administrator', level: 3 },
];

/**
 * The operations about one account. `yes`: permitted, and the state of the target decides (next table). `unseen` is all
 * that is neither the caller nor below it, accounts that do not exist included: they answer alike to everyone but the
 * Super Admin. A Developer or ProvisioningAgent sees itself only, so that to them all others are unseen.
 */
const permission = table(`
                                  | Super Admin                               | Administrator                     | other role            | nobody
operation                         | itself        | below | missing           | itself    | below     | unseen    | itself    | unseen    | anyone
----------------------------------+---------------+-------+-------------------+-----------+-----------+-----------+-----------+-----------+----------------
account(by: sid)                  | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
account(by: emailAddress)         | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
node                              | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
nodes                             | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
authToken                         | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
statusChangedBy of it             | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
statusAuthor of it                | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
parent of it                      | null          | yes   | null              | null      | yes       | null      | null      | null      | UNAUTHENTICATED
subAccounts of it                 | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
descendants of it                 | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
descendantCount of it             | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
organization of it                | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
history of it                     | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
resourceRemoval of it             | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
retryResourceRemoval              | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
events of it                      | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
webhooks of it                    | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | null      | UNAUTHENTICATED
webhook of it                     | yes           | yes   | null              | yes       | yes       | null      | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
node of its webhook               | yes           | yes   | null              | yes       | yes       | null      | null      | null      | UNAUTHENTICATED
updateWebhook of it               | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
deleteWebhook of it               | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
rotateWebhookSecret of it         | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
testWebhook of it                 | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
replayWebhook of it               | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
skipWebhookEvent of it            | yes           | yes   | WEBHOOK_NOT_FOUND | yes       | yes       | WEBHOOK_NOT_FOUND | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
createWebhook of it               | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
profile of it                     | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
subresources of it                | yes           | yes   | null              | yes       | yes       | null      | yes       | null      | UNAUTHENTICATED
updateAccount(friendlyName)       | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | yes       | FORBIDDEN | UNAUTHENTICATED
updateAccount(password)           | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | yes       | FORBIDDEN | UNAUTHENTICATED
updateAccount(role)               | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
updateAccount(emailAddress)       | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
updateAccount(type)               | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
updateAccount(friendlyName, role) | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
updateAccount(a whole form)       | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | yes       | FORBIDDEN | UNAUTHENTICATED
setAccountStatus(SUSPENDED)       | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
setAccountStatus(ACTIVE)          | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
setAccountStatus(dryRun)          | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
form with Status=active           | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | yes       | FORBIDDEN | UNAUTHENTICATED
closeAccount                      | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
closeAccount(dryRun)              | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
createAccount below it            | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
migrateAccount                    | NOT_TOP_LEVEL | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
migrateAccount(dryRun)            | NOT_TOP_LEVEL | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
migrateAccount to where it is     | NOT_TOP_LEVEL | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
migrateAccount to nowhere         | yes           | yes   | yes               | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
migrateAccount to a closed one    | yes           | yes   | yes               | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
rotateAuthToken                   | yes           | yes   | ACCOUNT_NOT_FOUND | yes       | yes       | FORBIDDEN | yes       | FORBIDDEN | UNAUTHENTICATED
createPasswordResetToken          | FORBIDDEN     | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | yes       | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
resetPassword by its token        | yes           | yes   | yes               | yes       | yes       | yes       | yes       | yes       | yes
linkProfile to it                 | yes           | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
unlinkProfile from it             | yes           | yes   | ACCOUNT_NOT_FOUND | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | FORBIDDEN | UNAUTHENTICATED
`);

/**
 * What becomes of an operation that is permitted, by the state of the target (SPEC §2, "Life cycle" and "Migration"). A
 * row with `@` is for the target in that one place. Below an account that is not active, nothing is active (`-`).
 */
const precondition = table(`
                                  | target
operation                         | uninitialized           | prepared                | active                | suspended             | closed
----------------------------------+-------------------------+-------------------------+-----------------------+-----------------------+----------------------
account(by: sid)                  | done                    | done                    | done                  | done                  | done
account(by: emailAddress)         | done                    | done                    | done                  | done                  | null
node                              | done                    | done                    | done                  | done                  | done
nodes                             | done                    | done                    | done                  | done                  | done
authToken                         | null                    | done                    | done                  | done                  | null
statusChangedBy of it             | done                    | done                    | done                  | done                  | done
statusAuthor of it                | done                    | done                    | done                  | done                  | done
parent of it                      | done                    | done                    | done                  | done                  | done
subAccounts of it                 | done                    | done                    | done                  | done                  | done
descendants of it                 | done                    | done                    | done                  | done                  | done
descendantCount of it             | done                    | done                    | done                  | done                  | done
organization of it                | done                    | done                    | done                  | done                  | done
history of it                     | done                    | done                    | done                  | done                  | done
resourceRemoval of it             | done                    | done                    | done                  | done                  | done
retryResourceRemoval              | BAD_USER_INPUT          | BAD_USER_INPUT          | BAD_USER_INPUT        | BAD_USER_INPUT        | unchanged
events of it                      | done                    | done                    | done                  | done                  | done
webhooks of it                    | done                    | done                    | done                  | done                  | done
webhook of it                     | done                    | done                    | done                  | done                  | done
node of its webhook               | done                    | done                    | done                  | done                  | done
updateWebhook of it               | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
deleteWebhook of it               | done                    | done                    | done                  | done                  | done
rotateWebhookSecret of it         | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
testWebhook of it                 | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
replayWebhook of it               | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
skipWebhookEvent of it            | BAD_USER_INPUT          | BAD_USER_INPUT          | BAD_USER_INPUT        | BAD_USER_INPUT        | ACCOUNT_CLOSED
createWebhook of it               | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
profile of it                     | done                    | done                    | done                  | done                  | done
subresources of it                | done                    | done                    | done                  | done                  | NOT_FOUND
updateAccount(friendlyName)       | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
updateAccount(password)           | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
  @ child of a suspended child    | PARENT_NOT_ACTIVE       | PARENT_NOT_ACTIVE       | -                     | done                  | ACCOUNT_CLOSED
updateAccount(role)               | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
updateAccount(emailAddress)       | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
updateAccount(type)               | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
updateAccount(friendlyName, role) | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
updateAccount(a whole form)       | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
setAccountStatus(SUSPENDED)       | INVALID_STATUS          | INVALID_STATUS          | done                  | unchanged             | ACCOUNT_CLOSED
setAccountStatus(ACTIVE)          | PASSWORD_RESET_REQUIRED | PASSWORD_RESET_REQUIRED | unchanged             | done                  | ACCOUNT_CLOSED
  @ child of a suspended child    | PASSWORD_RESET_REQUIRED | PASSWORD_RESET_REQUIRED | -                     | PARENT_NOT_ACTIVE     | ACCOUNT_CLOSED
setAccountStatus(dryRun)          | INVALID_STATUS          | INVALID_STATUS          | unchanged             | unchanged             | ACCOUNT_CLOSED
form with Status=active           | PASSWORD_RESET_REQUIRED | PASSWORD_RESET_REQUIRED | unchanged             | done                  | ACCOUNT_CLOSED
  @ child of a suspended child    | PASSWORD_RESET_REQUIRED | PASSWORD_RESET_REQUIRED | -                     | PARENT_NOT_ACTIVE     | ACCOUNT_CLOSED
closeAccount                      | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
closeAccount(dryRun)              | unchanged               | unchanged               | unchanged             | unchanged             | ACCOUNT_CLOSED
createAccount below it            | PARENT_NOT_ACTIVE       | PARENT_NOT_ACTIVE       | done                  | PARENT_NOT_ACTIVE     | PARENT_NOT_ACTIVE
migrateAccount                    | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
  @ grandchild                    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | NOT_TOP_LEVEL         | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
  @ child of a suspended child    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | -                     | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
migrateAccount(dryRun)            | unchanged               | unchanged               | unchanged             | unchanged             | ACCOUNT_CLOSED
  @ grandchild                    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | NOT_TOP_LEVEL         | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
  @ child of a suspended child    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | -                     | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
migrateAccount to where it is     | SAME_ORGANIZATION       | SAME_ORGANIZATION       | SAME_ORGANIZATION     | SAME_ORGANIZATION     | ACCOUNT_CLOSED
  @ grandchild                    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | NOT_TOP_LEVEL         | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
  @ child of a suspended child    | NOT_TOP_LEVEL           | NOT_TOP_LEVEL           | -                     | NOT_TOP_LEVEL         | ACCOUNT_CLOSED
migrateAccount to nowhere         | ORGANIZATION_REQUIRED   | ORGANIZATION_REQUIRED   | ORGANIZATION_REQUIRED | ORGANIZATION_REQUIRED | ORGANIZATION_REQUIRED
migrateAccount to a closed one    | ORGANIZATION_REQUIRED   | ORGANIZATION_REQUIRED   | ORGANIZATION_REQUIRED | ORGANIZATION_REQUIRED | ORGANIZATION_REQUIRED
rotateAuthToken                   | PASSWORD_RESET_REQUIRED | done                    | done                  | done                  | ACCOUNT_CLOSED
createPasswordResetToken          | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
resetPassword by its token        | done                    | done                    | done                  | done                  | BAD_USER_INPUT
  @ child of a suspended child    | PARENT_NOT_ACTIVE       | PARENT_NOT_ACTIVE       | -                     | done                  | BAD_USER_INPUT
  @ missing                       | -                       | -                       | BAD_USER_INPUT        | -                     | -
linkProfile to it                 | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
unlinkProfile from it             | done                    | done                    | done                  | done                  | ACCOUNT_CLOSED
`);

/**
 * The operations that are about the caller itself, or about organizations. "Another" organization has accounts, none of
 * them the caller's; "an empty" one has none; "a missing" one is a SID or domain name that no organization has.
 */
const untargeted = table(`
                                         | Super Admin            | Administrator  | other role     | nobody
operation                                | outcome                | outcome        | outcome        | outcome
-----------------------------------------+------------------------+----------------+----------------+----------------
viewer                                   | done                   | done           | done           | UNAUTHENTICATED
viewer: parent                           | null                   | null           | null           | UNAUTHENTICATED
viewer: subAccounts                      | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
viewer: descendants                      | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
viewer: descendantCount                  | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
viewer: organization                     | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
accounts                                 | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
accounts(organization: its own)          | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
accounts(organization: its own, by name) | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
accounts(organization: another)          | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
accounts(organization: an empty one)     | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
accounts(organization: a missing one)    | ORGANIZATION_NOT_FOUND | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
organization(by: its own sid)            | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
organization(by: its own name)           | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
organization(by: another's sid)          | done                   | null           | FORBIDDEN      | UNAUTHENTICATED
organization(by: another's name)         | done                   | null           | FORBIDDEN      | UNAUTHENTICATED
organization(by: a missing sid)          | null                   | null           | FORBIDDEN      | UNAUTHENTICATED
organization(by: a missing name)         | null                   | null           | FORBIDDEN      | UNAUTHENTICATED
node(id: its own organization)           | done                   | done           | null           | UNAUTHENTICATED
node(id: another organization)           | done                   | null           | null           | UNAUTHENTICATED
node(id: a missing organization)         | null                   | null           | null           | UNAUTHENTICATED
organizations                            | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
createOrganization                       | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
createOrganization with a name in use    | DOMAIN_NAME_IN_USE     | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
closeOrganization: its own               | ORGANIZATION_NOT_EMPTY | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
closeOrganization: another               | ORGANIZATION_NOT_EMPTY | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
closeOrganization: an empty one          | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
closeOrganization: a closed one          | unchanged              | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
closeOrganization: a missing one         | ORGANIZATION_NOT_FOUND | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
createAccount                            | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
createAccount in its own organization    | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
createAccount in another organization    | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
createAccount in a closed organization   | ORGANIZATION_NOT_FOUND | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
resetPassword by an unknown token        | BAD_USER_INPUT         | BAD_USER_INPUT | BAD_USER_INPUT | BAD_USER_INPUT
profile: the one in effect               | done                   | done           | done           | UNAUTHENTICATED
profile: its organization's              | done                   | done           | null           | UNAUTHENTICATED
profile: one linked to nothing           | done                   | null           | null           | UNAUTHENTICATED
profile: a missing one                   | null                   | null           | null           | UNAUTHENTICATED
node(id: the profile in effect)          | done                   | done           | done           | UNAUTHENTICATED
node(id: a profile linked to nothing)    | done                   | null           | null           | UNAUTHENTICATED
history of its organization              | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
profile of its organization              | done                   | done           | FORBIDDEN      | UNAUTHENTICATED
profiles                                 | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
createProfile                            | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
updateProfile                            | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
updateProfile: the default one           | FORBIDDEN              | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
updateProfile: a missing one             | PROFILE_NOT_FOUND      | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
deleteProfile                            | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
deleteProfile: the default one           | FORBIDDEN              | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
deleteProfile: a missing one             | PROFILE_NOT_FOUND      | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
linkProfile to an empty organization     | done                   | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
linkProfile to a closed organization     | ORGANIZATION_NOT_FOUND | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
linkProfile to a missing organization    | ORGANIZATION_NOT_FOUND | FORBIDDEN      | FORBIDDEN      | UNAUTHENTICATED
`);

/** What a caller is told that is not active: all of the request is refused, whatever it asks for (SPEC §2, §4). */
const inactiveCaller: Record<Exclude<State, 'active'>, Outcome> = {
  uninitialized: 'UNAUTHENTICATED', // has no credentials yet
  prepared: 'ACCOUNT_NOT_ACTIVE',
  suspended: 'ACCOUNT_NOT_ACTIVE',
  closed: 'UNAUTHENTICATED', // its credentials are revoked
};

/** What an account that was active has to be below one in the given state: there, nothing is active (SPEC §2). */
export function stateBelow(state: State): State {
  if (state === 'active' || state === 'closed') return state;
  return 'suspended';
}

const placeColumns: Record<Place, 'itself' | 'below' | 'unseen' | 'missing'> = {
  self: 'itself',
  child: 'below',
  grandchild: 'below',
  'child of a suspended child': 'below',
  parent: 'unseen',
  sibling: 'unseen',
  'stranger of the same organization': 'unseen',
  stranger: 'unseen',
  missing: 'missing',
};

export const operationsOnAccounts = [...permission.keys()];
export const untargetedOperations = [...untargeted.keys()];

/** The places that an account in the state can have, seen from the caller. */
export function placesOf({ level }: Caller, state: State): Place[] {
  const places: Place[] = ['child', 'grandchild'];
  // The database itself holds the root active.
  if (level > 1 || state === 'active') places.push('self');
  if (level > 2 || (level === 2 && state === 'active')) places.push('parent');
  if (level > 1) places.push('sibling', 'stranger of the same organization', 'stranger');
  places.push(state === 'active' ? 'missing' : 'child of a suspended child');
  return places;
}

/** The state of the caller, when the target in the place has the given one. */
export function stateOfCaller(place: Place, state: State): State {
  if (place === 'self') return state;
  return place === 'parent' ? stateBelow(state) : 'active';
}

/** How the operation on the account in the place has to end, on the surface. */
export function expectedOn(surface: SurfaceName, operation: string, caller: Caller, place: Place, state: State): Outcome {
  return onSurface(surface, declaredOn(operation, caller, place, state), caller, 'ACCOUNT_NOT_FOUND');
}

/** Where GraphQL answers null, REST tells the Super Admin that there is none, and everyone else that it is forbidden. */
function onSurface(surface: SurfaceName, outcome: Outcome, { column }: Caller, notFound: ErrorCode): Outcome {
  if (surface === 'GraphQL' || outcome !== 'null') return outcome;
  return column === 'Super Admin' ? notFound : 'FORBIDDEN';
}

function declaredOn(operation: string, caller: Caller, place: Place, state: State): Outcome {
  const own = stateOfCaller(place, state);
  if (caller.column !== 'nobody' && own !== 'active') return inactiveCaller[own];
  const permitted = cell(permission, operation, `${caller.column}: ${placeColumn(caller, place)}`);
  if (permitted !== 'yes') return permitted as Outcome;
  const exception = `${operation} @ ${place}`;
  return cell(precondition, precondition.has(exception) ? exception : operation, `target: ${state}`) as Outcome;
}

function placeColumn({ column }: Caller, place: Place): string {
  const seen = placeColumns[place];
  if (column === 'nobody') return 'anyone';
  if (column === 'Super Admin') return seen;
  if (column === 'other role') return seen === 'itself' ? seen : 'unseen';
  return seen === 'missing' ? 'unseen' : seen;
}

/** How the operation about no account in particular has to end on the surface, when the caller is in the given state. */
export function expectedOf(surface: SurfaceName, operation: string, caller: Caller, own: State): Outcome {
  if (caller.column !== 'nobody' && own !== 'active') return inactiveCaller[own];
  const declared = cell(untargeted, operation, `${caller.column}: outcome`) as Outcome;
  return onSurface(surface, declared, caller, operation.startsWith('profile') ? 'PROFILE_NOT_FOUND' : 'ORGANIZATION_NOT_FOUND');
}

/** Whether the caller, if it is active, may learn anything of an account in the place. */
export function sees({ column }: Caller, place: Place): boolean {
  const seen = placeColumns[place];
  if (column === 'nobody') return false;
  return column === 'Super Admin' || seen === 'itself' || (column === 'Administrator' && seen === 'below');
}

/** Whether the caller, if it is active, may learn anything of its own organization, or of any other. */
export function seesOrganization({ column }: Caller, own: boolean): boolean {
  return column === 'Super Admin' || (column === 'Administrator' && own);
}

type Table = Map<string, Record<string, string>>;

/** Reads a table: two lines of headings, the upper one over many columns; a row that starts with `@` continues the one above. */
function table(text: string): Table {
  const [groupLine, nameLine, , ...lines] = text.split('\n').filter((line) => line.trim() !== '');
  const names = cellsOf(nameLine!).slice(1);
  const groups = columnGroups(groupLine!, nameLine!);
  const rows: Table = new Map();
  let operation = '';
  for (const line of lines) {
    const [title, ...values] = cellsOf(line);
    if (values.length !== names.length) throw new Error(`this row has ${values.length} cells, not ${names.length}: ${line}`);
    if (!title!.startsWith('@')) operation = title!;
    rows.set(
      title!.startsWith('@') ? `${operation} ${title}` : operation,
      Object.fromEntries(values.map((value, index) => [`${groups[index]}: ${names[index]}`, value])),
    );
  }
  return rows;
}

function cellsOf(line: string): string[] {
  return line.split('|').map((text) => text.trim());
}

/** The upper heading of each column: the last one that begins at or before it. */
function columnGroups(groupLine: string, nameLine: string): string[] {
  const bars = (line: string): number[] => [...line.matchAll(/\|/g)].map(({ index }) => index);
  const groups = cellsOf(groupLine).slice(1);
  const starts = bars(groupLine);
  return bars(nameLine).map((start) => groups[starts.findLastIndex((groupStart) => groupStart <= start)]!);
}

function cell(rows: Table, row: string, column: string): string {
  const value = rows.get(row)?.[column];
  if (value === undefined || value === '-') throw new Error(`the table declares nothing for ${row}, ${column}`);
  return value;
}
