import type { AccountStatus, AccountType, Role } from '../domain/account.js';

/** A kind of row that cannot be taken over as it is, and what can be done with it. */
interface Rule {
  /** What is wrong, as a reader of the report sees it. */
  readonly problem: string;
  /** By the word that chooses it: what is done. Where there is none, the row has to be mended in the source. */
  readonly remedies: Readonly<Record<string, string>>;
}

const leaveOut = 'left out, with everything below it';

/**
 * The rules of an import (SPEC §11): why a row cannot be as it is, and the remedies. Nothing is guessed: unless one was chosen, the row
 * is refused, and with it the import.
 */
export const rules = {
  'bad-sid': {
    problem: 'The SID is no SID: two letters and 32 lower-case hexadecimal digits',
    remedies: { new: 'gets a SID: its own in lower case if that is one, else one that is computed from it' },
  },
  'duplicate-sid': { problem: 'Another row has the SID', remedies: { 'keep-first': 'left out; the first row is kept' } },
  'no-root': { problem: 'No account is without a parent', remedies: {} },
  'several-roots': { problem: 'It has no parent, and is not the only one', remedies: { 'top-level': 'placed directly below the root' } },
  'root-not-active': {
    problem: 'The root is not active',
    remedies: { 'without-password': 'active, without a password: account-gateway reset-password gives it one' },
  },
  'missing-parent': {
    problem: 'There is no such parent',
    remedies: { 'top-level': 'placed directly below the root', 'leave-out': leaveOut },
  },
  cycle: { problem: 'It is below itself', remedies: { 'top-level': 'placed directly below the root', 'leave-out': leaveOut } },
  'too-deep': { problem: 'It is on more levels than ACCOUNT_TREE_MAX_LEVELS', remedies: { 'leave-out': leaveOut } },
  'not-closed-below': {
    problem: 'It is active below an account that is not, or open below a closed one',
    remedies: { follow: 'gets the status that it would have got from above' },
  },
  'diverging-organization': {
    problem: 'It is in another organization than its top-level account',
    remedies: { 'follow-top-level': 'in the organization of its top-level account' },
  },
  'unknown-organization': {
    problem: 'There is no such organization',
    remedies: { 'follow-parent': "in the organization of the account above it; the root in this gateway's own" },
  },
  'closed-organization': {
    problem: 'The organization is closed, and has accounts that are not',
    remedies: { reopen: 'the organization is taken over as active' },
  },
  'unknown-organization-status': { problem: 'The status is not known', remedies: { active: 'taken over as active' } },
  'bad-domain-name': {
    problem: 'It is no domain name, or another organization has it',
    remedies: { replace: 'gets a domain name made of its SID, under imported.invalid' },
  },
  'unknown-status': { problem: 'The status is not known', remedies: {} },
  'unknown-role': { problem: 'The role is not known', remedies: {} },
  'unknown-type': { problem: 'The type is not known', remedies: {} },
  'bad-email': {
    problem: 'It is no e-mail address as SIP logins can be',
    remedies: { replace: 'gets an address made of its SID, at imported.invalid', 'leave-out': leaveOut },
  },
  'duplicate-email': {
    problem: 'An older account that is not closed has the e-mail address, ignoring case',
    remedies: {
      'keep-oldest': 'the oldest keeps it; the others are closed, with everything below them',
      suffix: 'the oldest keeps it; the others get +2, +3 and so on before the @',
    },
  },
  'bad-name': {
    problem: 'The name is longer than 64 characters, blank or not printable',
    remedies: { repair: 'cut to 64 characters, without what cannot be printed; the e-mail address where nothing is left' },
  },
  'bad-date': { problem: 'A date is missing or no date', remedies: { repair: 'the other date of the row, else the oldest of the source' } },
  'bad-token': {
    problem: 'The AuthToken is not 32 lower-case hexadecimal digits',
    remedies: { without: 'without password and AuthToken: an administrator above it gives it a new password' },
  },
  'bad-profile': { problem: 'The document is no JSON object of at most 1 MiB', remedies: { 'leave-out': 'left out, with its links' } },
  'time-zone': { problem: 'Dates do not say in which time zone they are', remedies: {} },
  // What follows needs no choice.
  'suspended-status': { problem: 'The status has another name here', remedies: {} },
  'dangling-link': { problem: 'The link leads to or from nothing that is taken over and open', remedies: {} },
  'default-profile': { problem: 'This gateway has a default profile of its own', remedies: {} },
} as const satisfies Record<string, Rule>;

export type RuleName = keyof typeof rules;

/** The rules for which something can be chosen, with the choices. */
export function choosable(): { rule: RuleName; problem: string; remedies: Readonly<Record<string, string>> }[] {
  return (Object.keys(rules) as RuleName[])
    .map((rule) => ({ rule, problem: rules[rule].problem, remedies: rules[rule].remedies as Readonly<Record<string, string>> }))
    .filter(({ remedies }) => Object.keys(remedies).length > 0);
}

/** What was chosen for an import. */
export interface Choices {
  /** The remedy for each rule; where there is none, its rows are refused. */
  readonly remedies: Readonly<Partial<Record<RuleName, string>>>;
  /** What unknown words stand for, by the word in lower case. */
  readonly statuses: ReadonlyMap<string, AccountStatus>;
  readonly roles: ReadonlyMap<string, Role>;
  readonly types: ReadonlyMap<string, AccountType>;
  /** An IANA name; undefined where none was chosen. */
  readonly timeZone: string | undefined;
  readonly maxLevels: number;
}

/** One row that cannot be as it is. */
export interface Finding {
  rule: RuleName;
  kind: 'account' | 'organization' | 'profile' | 'link' | 'source';
  /** As the source has it. */
  sid: string;
  /** What was found there; never a secret. */
  found: string;
  /** What is done with it; null where nothing was chosen, so that the import is refused. */
  done: string | null;
}

/** What was found while an import was planned. */
export class Findings {
  readonly all: Finding[] = [];

  constructor(private readonly choices: Choices) {}

  /** Adds a row that breaks the rule, and returns the remedy that was chosen for it. */
  settle(rule: RuleName, { kind, sid, found }: Pick<Finding, 'kind' | 'sid' | 'found'>): string | undefined {
    const remedy = this.choices.remedies[rule];
    const { remedies } = rules[rule] as Rule;
    this.all.push({ rule, kind, sid, found, done: remedy === undefined ? null : (remedies[remedy] ?? null) });
    return remedy;
  }

  /** Adds a row with what is done with it in any case. */
  note(finding: Finding): void {
    this.all.push(finding);
  }

  /** How many of them keep the import from being done. */
  get refused(): number {
    return this.all.filter(({ done }) => done === null).length;
  }
}
