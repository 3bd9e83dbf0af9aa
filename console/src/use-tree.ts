import { useEffect, useMemo, useReducer, useRef } from 'preact/hooks';
import { asFailure, useSession } from './context.js';
import { childrenQuery, createdRowQuery, treeRowsQuery } from './operations.js';
import { TreeModel, type TreeNode } from './tree-model.js';

/** How far before its end a list of sub-accounts is read on, in lines. */
const ahead = 60;
/** The most accounts that are read again at once. */
const atOnce = 100;
/** How long scrolling has to rest before anything is read again, in milliseconds. */
const rest = 150;

/** The tree below the viewer: read by pages where it is looked at, and kept up to date. */
export function useTree() {
  const { api, viewer, generation, onCreated } = useSession();
  const model = useMemo(() => new TreeModel({ ...viewer, subAccounts: { nodes: [] } }), [viewer.sid]);
  const resting = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const [, redraw] = useReducer<number, void>((count) => count + 1, 0);

  const readOn = async (node: TreeNode): Promise<void> => {
    if (node.isReading) return;
    const { round } = node;
    node.isReading = true;
    node.failure = null;
    try {
      const { account } = await api.request(childrenQuery, { sid: node.account.sid, after: node.cursor ?? null });
      if (node.round !== round) return;
      model.append(node, account?.subAccounts.nodes ?? [], account?.subAccounts.pageInfo ?? { hasNextPage: false, endCursor: null });
    } catch (error) {
      if (node.round !== round) return;
      node.failure = asFailure(error).message;
    }
    node.isReading = false;
    redraw();
  };

  const readAgain = async (nodes: TreeNode[]): Promise<void> => {
    for (const node of nodes) node.isStale = false;
    const { nodes: rows } = await api.request(treeRowsQuery, { ids: nodes.map(({ account }) => account.sid) });
    for (const row of rows) if (row !== null) model.update(row);
    redraw();
  };

  useEffect(() => {
    model.age();
    redraw();
  }, [generation]);

  const readCreated = async (sid: string): Promise<void> => {
    const { account } = await api.request(createdRowQuery, { sid });
    if (account?.parent == null) return;
    model.insert(account, account.parent.sid);
    redraw();
  };
  // One that cannot be read now is there when the list is read again.
  useEffect(() => onCreated((sid) => void readCreated(sid).catch(() => {})), [model]);

  return {
    model,
    readOn,
    expand(node: TreeNode, isExpanded: boolean): void {
      model.expand(node, isExpanded);
      redraw();
    },
    /** Reads what the lines between need: the next pages, and what may have changed. */
    look(first: number, last: number): void {
      const lines = model.lines.slice(first, last + ahead);
      for (const { kind, node } of lines) if (kind === 'more' && node.failure === null) void readOn(node);
      const stale = lines.slice(0, last - first).flatMap(({ kind, node }) => (kind === 'account' && node.isStale ? [node] : []));
      clearTimeout(resting.current);
      if (stale.length === 0) return;
      // What cannot be read again now stays as it was.
      resting.current = setTimeout(() => void readAgain(stale.slice(0, atOnce)).catch(() => {}), rest);
    },
  };
}
