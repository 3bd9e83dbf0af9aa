import type { TreeRow } from './operations.js';

/** An account in the tree, with as many of its sub-accounts as were read. */
export interface TreeNode {
  account: TreeRow;
  /** 1 for the account at the top. */
  level: number;
  parent: TreeNode | null;
  isExpandable: boolean;
  isExpanded: boolean;
  /** In the order of their names. */
  children: TreeNode[];
  /** Where to read on; undefined before anything was read. */
  cursor: string | null | undefined;
  hasMore: boolean;
  isReading: boolean;
  /** Grows when its sub-accounts are read anew: an answer from before then is dropped. */
  round: number;
  failure: string | null;
  /** Whether something may have changed since it was read. */
  isStale: boolean;
}

/** A line of the tree as it is shown: an account, or the place behind the last one that was read. */
export type TreeLine = { kind: 'account'; node: TreeNode } | { kind: 'more'; node: TreeNode };

/** The part of the tree that was read, and the lines that it is shown as. It reads nothing itself. */
export class TreeModel {
  readonly root: TreeNode;
  readonly #nodes = new Map<string, TreeNode>();
  #lines: TreeLine[] | undefined;

  constructor(account: TreeRow) {
    this.root = this.#nodeOf(account, null);
    this.root.isExpandable = true;
    this.root.isExpanded = true;
  }

  get lines(): readonly TreeLine[] {
    return (this.#lines ??= collect(this.root, []));
  }

  find(sid: string): TreeNode | undefined {
    return this.#nodes.get(sid);
  }

  /** Says that nodes were changed in place. */
  touch(): void {
    this.#lines = undefined;
  }

  /** Opens an account, or closes it. What is below one that was closed is read anew when it is opened. */
  expand(node: TreeNode, isExpanded: boolean): void {
    node.isExpanded = isExpanded && node.isExpandable;
    if (!node.isExpanded) this.#forgetBelow(node);
    this.touch();
  }

  #forgetBelow(node: TreeNode): void {
    for (const child of node.children) {
      this.#forgetBelow(child);
      this.#nodes.delete(child.account.sid);
    }
    Object.assign(node, { children: [], cursor: undefined, hasMore: true, isReading: false, failure: null, round: node.round + 1 });
  }

  /** Adds a page of sub-accounts behind those that are there. */
  append(node: TreeNode, page: readonly TreeRow[], pageInfo: { hasNextPage: boolean; endCursor: string | null }): void {
    for (const account of page) if (!this.#nodes.has(account.sid)) node.children.push(this.#nodeOf(account, node));
    node.cursor = pageInfo.endCursor ?? node.cursor ?? null;
    node.hasMore = pageInfo.hasNextPage;
    node.isExpandable = node.children.length > 0 || node === this.root;
    this.touch();
  }

  /** Puts a new account where its name belongs, if that is among what was read. */
  insert(account: TreeRow, parentSid: string): void {
    const parent = this.#nodes.get(parentSid);
    if (parent === undefined || this.#nodes.has(account.sid)) return;
    parent.isExpandable = true;
    // Before anything was read, it comes with the first page; far behind, with its own.
    const key = account.friendlyName.toLowerCase();
    const index = parent.children.findIndex((child) => child.account.friendlyName.toLowerCase() > key);
    if (parent.cursor !== undefined && (index >= 0 || !parent.hasMore)) {
      parent.children.splice(index < 0 ? parent.children.length : index, 0, this.#nodeOf(account, parent));
    }
    this.touch();
  }

  /** Replaces what is known of an account. */
  update(account: TreeRow): void {
    const node = this.#nodes.get(account.sid);
    if (node === undefined) return;
    node.account = account;
    node.isExpandable ||= account.subAccounts.nodes.length > 0;
    node.isStale = false;
    this.touch();
  }

  /** Says that what was read may have changed. */
  age(): void {
    for (const node of this.#nodes.values()) node.isStale = true;
  }

  #nodeOf(account: TreeRow, parent: TreeNode | null): TreeNode {
    const node: TreeNode = {
      account,
      level: parent === null ? 1 : parent.level + 1,
      parent,
      isExpandable: account.subAccounts.nodes.length > 0,
      isExpanded: false,
      children: [],
      cursor: undefined,
      hasMore: true,
      isReading: false,
      round: 0,
      failure: null,
      isStale: false,
    };
    this.#nodes.set(account.sid, node);
    return node;
  }
}

function collect(node: TreeNode, lines: TreeLine[]): TreeLine[] {
  lines.push({ kind: 'account', node });
  if (!node.isExpanded) return lines;
  for (const child of node.children) collect(child, lines);
  if (node.hasMore) lines.push({ kind: 'more', node });
  return lines;
}
