import type { ImportPlan } from '../import/planned.js';
import { type Finding, type RuleName, choosable, rules } from '../import/rules.js';
import { counted, printable } from './terminal.js';

/** What a dry run, or an import, tells of itself. */
export interface ImportReport {
  import: string;
  /** Why it cannot be done now; null if it can. */
  obstacle: string | null;
  takenOver: { accounts: number; organizations: number; profiles: number; links: number };
  accountsByStatus: Record<string, number>;
  root: { sid: string; emailAddress: string; status: string } | null;
  refused: number;
  findings: Finding[];
}

/** How many rows of each rule the table names; the JSON has all. */
const namedAtMost = 5;

export function reportOf(plan: ImportPlan, obstacle: string | undefined): ImportReport {
  const { accounts, organizations, profiles, links } = plan;
  const accountsByStatus: Record<string, number> = {};
  for (const { status } of accounts) accountsByStatus[status] = (accountsByStatus[status] ?? 0) + 1;
  const root = accounts[0];
  return {
    import: plan.id,
    obstacle: obstacle ?? null,
    takenOver: { accounts: accounts.length, organizations: organizations.length, profiles: profiles.length, links: links.length },
    accountsByStatus,
    root: root === undefined ? null : { sid: root.sid, emailAddress: root.emailAddress, status: root.status },
    refused: plan.refused,
    findings: plan.findings,
  };
}

/** The report as a table for people. */
export function tableOf({ takenOver, accountsByStatus, root, findings, refused, obstacle }: ImportReport): string {
  const number = (count: number): string => count.toLocaleString('en').padStart(11);
  const lines = ['Taken over', ...Object.entries(takenOver).map(([what, count]) => `  ${what.padEnd(14)}${number(count)}`)];
  lines.push('Accounts by status', ...Object.entries(accountsByStatus).map(([status, count]) => `  ${status.padEnd(14)}${number(count)}`));
  if (root !== null) lines.push(`Root: ${root.sid} ${root.emailAddress} (${root.status})`);
  lines.push(
    '',
    findings.length === 0
      ? 'Every row can be taken over as it is.'
      : `${counted(findings.length, 'row')} cannot be taken over as they are:`,
  );
  for (const [rule, found] of grouped(findings)) lines.push(...linesOf(rule, found));
  lines.push('');
  if (refused > 0)
    lines.push(`${counted(refused, 'row')} refused: say what to do with them, by the options above, or mend them in the source.`);
  if (obstacle !== null) lines.push(obstacle);
  if (refused === 0 && obstacle === null) lines.push('The import can be done.');
  return lines.join('\n');
}

function linesOf(rule: RuleName, found: readonly Finding[]): string[] {
  const lines = ['', `${rule}: ${rules[rule].problem}. ${counted(found.length, 'row')}.`];
  for (const { kind, sid, found: value, done } of found.slice(0, namedAtMost)) {
    lines.push(`  ${kind} ${shown(sid)}: ${shown(value)} → ${done ?? 'REFUSED'}`);
  }
  if (found.length > namedAtMost) lines.push(`  … and ${(found.length - namedAtMost).toLocaleString('en')} more: --json tells all`);
  if (found.some(({ done }) => done === null)) lines.push(...helpFor(rule, found));
  return lines;
}

/** What can be chosen. */
function helpFor(rule: RuleName, found: readonly Finding[]): string[] {
  const words = [...new Set(found.filter(({ done }) => done === null).map((each) => each.found))];
  const option = { 'unknown-role': 'role', 'unknown-status': 'status', 'unknown-type': 'type' }[rule as string];
  if (option !== undefined)
    return words.slice(0, namedAtMost).map((word) => `  --${option} '${shown(word)}=…' says what ${shown(word)} stands for`);
  if (rule === 'time-zone') return ['  --time-zone ZONE says which one the old server ran in: --time-zone Europe/Rome, --time-zone UTC'];
  const remedies = Object.entries(choosable().find((each) => each.rule === rule)?.remedies ?? {});
  return remedies.map(([remedy, says]) => `  --on-${rule}=${remedy}: ${says}`);
}

function grouped(findings: readonly Finding[]): Map<RuleName, Finding[]> {
  const groups = new Map<RuleName, Finding[]>();
  for (const finding of findings) {
    const group = groups.get(finding.rule);
    if (group === undefined) groups.set(finding.rule, [finding]);
    else group.push(finding);
  }
  return groups;
}

/** A value of the source, on one line and not longer than a line has room for. */
const shown = (text: string): string => (text === '' ? 'nothing' : printable(text.length > 80 ? `${text.slice(0, 80)}…` : text));
