import type { Entry } from './operations.js';
import { count, list } from './words.js';

/** A piece of a sentence: words, or an account that the words name and that the reader may go to. */
export type Piece = string | { sid: string; name: string };

/**
 * What happened, as a sentence without its date: "Jane's shop was suspended by administrator@company.com, 14 accounts".
 * @param seesAll whether nothing is above the reader, who is the Super Admin
 */
export function sentenceOf(entry: Entry, seesAll: boolean): Piece[] {
  const { account, subjectSid } = entry;
  const subject: Piece = account === null ? otherSubject(entry) : { sid: subjectSid, name: account.friendlyName };
  const [verb, detail] = (tellers[entry.operation] ?? unknown)(entry);
  return [subject, ` ${verb} `, ...author(entry, seesAll), detail === '' ? '' : `, ${detail}`].filter((piece) => piece !== '');
}

/** An organization or profile, which the history names by its SID alone unless it was just made. */
function otherSubject({ subjectSid, after }: Entry): string {
  const domainName = after?.['domainName'];
  if (typeof domainName === 'string') return `The organization ${domainName}`;
  return `${subjectSid.startsWith('OR') ? 'The organization' : 'The profile'} ${subjectSid}`;
}

/** Who did it, as far as the reader may know. */
function author({ actor, requestId, operation }: Entry, seesAll: boolean): Piece[] {
  if (actor !== null) return ['by ', { sid: actor.sid, name: actor.emailAddress }];
  if (requestId?.startsWith('command-line:')) return ['by the operator, at the command line'];
  if (requestId?.startsWith('import:')) return ['by an import'];
  // The one thing that the gateway does by itself, but for what it makes at its first start, which is told to the Super Admin alone.
  if (operation === 'PAUSE_WEBHOOK' || seesAll) return ['by the gateway itself'];
  return ['by an account above'];
}

/** What was done, and its details. */
type Teller = (entry: Entry) => [verb: string, detail: string];

const says =
  (verb: string): Teller =>
  () => [verb, ''];
const unknown: Teller = ({ operation }) => [`was changed (${operation.toLowerCase().replaceAll('_', ' ')})`, ''];
const ofWebhook =
  (verb: string): Teller =>
  ({ before, after }) => [verb, [after, before].map((values) => text(values, 'url')).find((url) => url !== '') ?? ''];

const tellers: Record<string, Teller> = {
  CREATE_ACCOUNT: ({ after }) => ['was created', `as ${article(text(after, 'role'))}, ${text(after, 'status')}`],
  UPDATE_ACCOUNT: updated,
  SET_ACCOUNT_STATUS: ({ after }) => [text(after, 'status') === 'active' ? 'was activated' : 'was suspended', reach(after)],
  CLOSE_ACCOUNT: ({ after }) => ['was closed', reach(after)],
  MIGRATE_ACCOUNT: ({ after }) => ['was moved to another organization', reach(after)],
  READ_AUTH_TOKEN: says('had its AuthToken shown'),
  LIST_AUTH_TOKENS: says('had the AuthTokens of its accounts listed'),
  ROTATE_AUTH_TOKEN: says('was given a new AuthToken'),
  CREATE_PASSWORD_RESET_TOKEN: says('was given a token to reset its password'),
  RESET_PASSWORD: () => ['had its password reset with a token', ''],
  EMAIL_CONFLICT: ({ after }) => ['was refused an e-mail address that is in use', text(after, 'emailAddress')],
  LINK_PROFILE: ({ after }) => ['was linked to a profile', text(after, 'profileSid')],
  UNLINK_PROFILE: ({ before }) => ['was unlinked from a profile', text(before, 'profileSid')],
  CREATE_PROFILE: says('was created'),
  UPDATE_PROFILE: says('was changed'),
  DELETE_PROFILE: says('was deleted'),
  CREATE_ORGANIZATION: says('was created'),
  CLOSE_ORGANIZATION: says('was closed'),
  CREATE_WEBHOOK: ofWebhook('was given a webhook'),
  UPDATE_WEBHOOK: ofWebhook('had a webhook changed'),
  DELETE_WEBHOOK: ofWebhook('had a webhook deleted'),
  ROTATE_WEBHOOK_SECRET: ofWebhook('had the secret of a webhook replaced'),
  REPLAY_WEBHOOK: ofWebhook('had events sent to a webhook again'),
  SKIP_WEBHOOK_EVENT: ({ after }) => ['had an event left out of a webhook', text(after, 'eventId')],
  PAUSE_WEBHOOK: ofWebhook('had a webhook paused'),
  RETRY_RESOURCE_REMOVAL: says('had the removal of its resources asked for again'),
};

function updated({ before, after }: Entry): ReturnType<Teller> {
  if (after?.['passwordSet'] === true) return ['was given a new password', text(after, 'status') === 'active' ? 'and is active' : ''];
  if (Object.keys(after ?? {}).join() === 'friendlyName')
    return ['was renamed', `from “${text(before, 'friendlyName')}” to “${text(after, 'friendlyName')}”`];
  const changes = Object.keys(after ?? {}).map((name) => `${fieldNames[name] ?? name} from ${text(before, name)} to ${text(after, name)}`);
  return ['was changed', list(changes)];
}

const fieldNames: Record<string, string> = {
  friendlyName: 'the name',
  emailAddress: 'the e-mail address',
  role: 'the role',
  type: 'the type',
};

function reach(after: Entry['after']): string {
  const reached = after?.['reached'];
  if (!Array.isArray(reached)) return '';
  return count(
    (reached as { count: number }[]).reduce((sum, part) => sum + part.count, 0),
    'account',
  );
}

function text(values: Entry['after'], name: string): string {
  const value = values?.[name];
  return typeof value === 'string' ? value : '';
}

function article(noun: string): string {
  return `${/^[AEIOU]/.test(noun) ? 'an' : 'a'} ${noun}`;
}

/** The sentence as mere words. */
export function textOf(pieces: readonly Piece[]): string {
  return pieces.map((piece) => (typeof piece === 'string' ? piece : piece.name)).join('');
}
