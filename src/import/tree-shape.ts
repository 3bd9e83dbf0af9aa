import { AccountStatus } from '../domain/account.js';
import { levelOf, pathBelow, topLevelSidOf } from '../domain/tree.js';
import type { Choices, Findings } from './rules.js';
import type { Draft } from './planned.js';

/**
 * Places the accounts in one tree, by the parents that their rows name, and returns them parents first. Rows of databases without
 * foreign keys may name parents that are not there, or lead in circles.
 */
export function buildTree(drafts: ReadonlyMap<string, Draft>, { maxLevels }: Choices, findings: Findings): Draft[] {
  const root = rootOf(drafts, findings);
  if (root === undefined) return [];
  const children = childrenOf(drafts, root, findings);
  const placed: Draft[] = [];
  const place = (draft: Draft, parent: Draft | undefined): void => {
    const { planned } = draft;
    if (draft.isLeftOut) return;
    planned.parentSid = parent?.planned.sid ?? null;
    planned.path = pathBelow(parent?.planned.path ?? null, planned.sid);
    planned.topLevelSid = topLevelSidOf(planned.path);
    if (levelOf(planned.path) > maxLevels) {
      const found = `level ${levelOf(planned.path)}`;
      if (findings.settle('too-deep', { kind: 'account', sid: draft.sourceSid, found }) === 'leave-out') return;
    }
    placed.push(draft);
  };
  place(root, undefined);
  // The list grows while it is walked: level by level.
  for (const parent of placed) for (const child of children.get(parent) ?? []) place(child, parent);
  return placed;
}

/** The oldest of the accounts without a parent, an open one if there is one. */
function rootOf(drafts: ReadonlyMap<string, Draft>, findings: Findings): Draft | undefined {
  const candidates = [...drafts.values()].filter(({ parentKey, isLeftOut }) => parentKey === null && !isLeftOut).toSorted(byOpennessAndAge);
  const root = candidates[0];
  if (root === undefined) findings.settle('no-root', { kind: 'source', sid: '', found: `${drafts.size} accounts, all with a parent` });
  return root;
}

/** The children of each account, in the order of their age. */
function childrenOf(drafts: ReadonlyMap<string, Draft>, root: Draft, findings: Findings): Map<Draft, Draft[]> {
  const parents = new Map<Draft, Draft>();
  const settle = (draft: Draft, rule: 'several-roots' | 'missing-parent' | 'cycle', found: string): void => {
    if (findings.settle(rule, { kind: 'account', sid: draft.sourceSid, found }) !== 'leave-out') parents.set(draft, root);
  };
  for (const draft of drafts.values()) {
    if (draft === root || draft.isLeftOut) continue;
    const parent = draft.parentKey === null ? undefined : drafts.get(draft.parentKey);
    if (parent !== undefined) parents.set(draft, parent);
    else if (draft.parentKey === null) settle(draft, 'several-roots', draft.planned.emailAddress);
    else settle(draft, 'missing-parent', draft.parentKey);
  }
  for (const cycle of cyclesOf(drafts.values(), parents)) {
    const oldest = cycle.toSorted(byOpennessAndAge)[0]!;
    parents.delete(oldest);
    settle(oldest, 'cycle', cycle.length === 1 ? 'its own parent' : `in a circle of ${cycle.length}`);
  }
  const children = new Map<Draft, Draft[]>();
  for (const [child, parent] of parents) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [child]);
    else siblings.push(child);
  }
  for (const siblings of children.values()) siblings.sort(byAge);
  return children;
}

/** The circles that parents lead in. */
function cyclesOf(drafts: Iterable<Draft>, parents: ReadonlyMap<Draft, Draft>): Draft[][] {
  const seen = new Set<Draft>();
  const cycles: Draft[][] = [];
  for (const draft of drafts) {
    const way: Draft[] = [];
    let next: Draft | undefined = draft;
    while (next !== undefined && !seen.has(next)) {
      seen.add(next);
      way.push(next);
      next = parents.get(next);
    }
    const start = next === undefined ? -1 : way.indexOf(next);
    if (start >= 0) cycles.push(way.slice(start));
  }
  return cycles;
}

/** The oldest first; those of one date in the order of their SIDs. */
export function byAge({ planned: one }: Draft, { planned: other }: Draft): number {
  return one.dateCreated.getTime() - other.dateCreated.getTime() || (one.sid < other.sid ? -1 : 1);
}

function byOpennessAndAge(one: Draft, other: Draft): number {
  const isClosed = ({ planned }: Draft): number => Number(planned.status === AccountStatus.CLOSED);
  return isClosed(one) - isClosed(other) || byAge(one, other);
}
