import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { useSession } from './context.js';
import { Since, StatusMark } from './parts.js';
import { addressOf } from './route.js';
import type { TreeLine, TreeNode } from './tree-model.js';
import { useTree } from './use-tree.js';
import { roleNames } from './words.js';
import { useWindow } from './windowing.js';

/** The height of a line, in pixels; `--line` in the style sheet. */
const lineHeight = 48;

/**
 * The accounts below the viewer, as a tree grid: of 100,000 lines only those in sight are in the page, beside the one with the focus, which
 * would lose it. Arrow keys move, open and close; Enter goes to the account.
 */
export function Tree({ selectedSid }: { selectedSid: string | undefined }) {
  const { viewer } = useSession();
  const { model, readOn, expand, look } = useTree();
  const scroller = useRef<HTMLDivElement>(null);
  const { first, last, inSight } = useWindow(scroller, lineHeight);
  const [active, setActive] = useState<TreeNode>(model.root);
  const isMoving = useRef(false);
  const { lines } = model;
  const activeIndex = Math.max(0, indexOf(lines, active));

  useEffect(() => look(first, last));
  // Right with the drawing that the move asked for: a later effect of an earlier one would focus what was active before.
  useLayoutEffect(() => {
    if (!isMoving.current) return;
    isMoving.current = false;
    scroller.current!.querySelector<HTMLElement>('[role="row"][tabindex="0"]')?.focus({ preventScroll: true });
  });

  const move = (index: number): void => {
    const next = nearestAccount(lines, index);
    setActive(next);
    isMoving.current = true;
    const top = indexOf(lines, next) * lineHeight;
    const { scrollTop, clientHeight } = scroller.current!;
    if (top < scrollTop) scroller.current!.scrollTop = top;
    if (top + lineHeight > scrollTop + clientHeight) scroller.current!.scrollTop = top + lineHeight - clientHeight;
  };
  const toggle = (node: TreeNode, isExpanded: boolean): void => {
    // What had the focus may be gone.
    if (!isExpanded) setActive(node);
    expand(node, isExpanded);
  };
  const keys: Record<string, () => void> = {
    ArrowDown: () => move(activeIndex + 1),
    ArrowUp: () => move(activeIndex - 1),
    PageDown: () => move(activeIndex + inSight - 1),
    PageUp: () => move(activeIndex - inSight + 1),
    Home: () => move(0),
    End: () => move(lines.length - 1),
    ArrowRight: () => (active.isExpanded ? move(activeIndex + 1) : toggle(active, true)),
    ArrowLeft: () => {
      if (active.isExpanded) toggle(active, false);
      else if (active.parent !== null) move(indexOf(lines, active.parent));
    },
    Enter: () => {
      location.hash = addressOf.account(active.account.sid);
    },
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const act = keys[event.key];
    if (act === undefined || event.altKey || event.ctrlKey || event.metaKey || event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    act();
  };

  const drawn = lines.slice(first, last).map((line, index) => ({ line, index: first + index }));
  if (activeIndex < first || activeIndex >= last) drawn.push({ line: lines[activeIndex]!, index: activeIndex });
  const isWhole = lines.every(({ kind }) => kind === 'account');
  return (
    <div class="tree" ref={scroller}>
      <div
        role="treegrid"
        aria-label="Accounts"
        aria-rowcount={isWhole ? lines.length : -1}
        aria-colcount={2}
        onKeyDown={onKeyDown}
        style={{ height: `${lines.length * lineHeight}px` }}
      >
        {drawn.map(({ line, index }) =>
          line.kind === 'more' ? (
            <More key={`more-${line.node.account.sid}`} node={line.node} index={index} retry={() => void readOn(line.node)} />
          ) : (
            <Line
              key={line.node.account.sid}
              node={line.node}
              index={index}
              isActive={index === activeIndex}
              isSelected={line.node.account.sid === selectedSid}
              isSuperAdmin={viewer.isSuperAdmin && line.node === model.root}
              activate={setActive}
              expand={toggle}
            />
          ),
        )}
      </div>
    </div>
  );
}

function indexOf(lines: readonly TreeLine[], account: TreeNode): number {
  return lines.findIndex(({ kind, node }) => kind === 'account' && node === account);
}

/** The account at a line or, where the line says that more is read, the one behind or before it. */
function nearestAccount(lines: readonly TreeLine[], index: number): TreeNode {
  const within = Math.min(Math.max(index, 0), lines.length - 1);
  const isAccount = ({ kind }: TreeLine): boolean => kind === 'account';
  return (lines.slice(within).find(isAccount) ?? lines.slice(0, within).findLast(isAccount)!).node;
}

const placeOf = (index: number, level: number) => ({ transform: `translateY(${index * lineHeight}px)`, '--level': String(level) });

interface LineProps {
  node: TreeNode;
  index: number;
  isActive: boolean;
  isSelected: boolean;
  isSuperAdmin: boolean;
  activate: (node: TreeNode) => void;
  expand: (node: TreeNode, isExpanded: boolean) => void;
}

function Line({ node, index, isActive, isSelected, isSuperAdmin, activate, expand }: LineProps) {
  const { account, isExpanded, isExpandable } = node;
  const { sid, friendlyName, emailAddress, status, role } = account;
  const isOff = status === 'SUSPENDED' || status === 'CLOSED';
  const secondLine = isSuperAdmin ? 'Super Admin' : emailAddress === friendlyName ? roleNames[role] : emailAddress;
  return (
    <div
      role="row"
      class={`line ${isOff ? 'off' : ''} ${isSelected ? 'selected' : ''}`}
      style={placeOf(index, node.level)}
      tabIndex={isActive ? 0 : -1}
      aria-rowindex={index + 1}
      aria-level={node.level}
      aria-expanded={isExpandable ? isExpanded : undefined}
      aria-selected={isSelected}
      onFocus={() => activate(node)}
      onClick={({ target }) => {
        if (target instanceof Element && target.closest('button, a') === null) location.hash = addressOf.account(sid);
      }}
    >
      <div role="gridcell" class="name">
        {isExpandable ? (
          <button
            type="button"
            class="chevron"
            tabIndex={-1}
            aria-label={`${isExpanded ? 'Collapse' : 'Expand'} ${friendlyName}`}
            onClick={() => expand(node, !isExpanded)}
          >
            <svg viewBox="0 0 12 12" aria-hidden="true">
              <path d="M4 2l4 4-4 4" />
            </svg>
          </button>
        ) : (
          <span class="chevron" />
        )}
        <span class="two-lines">
          <a href={addressOf.account(sid)} tabIndex={-1}>
            <bdi>{friendlyName}</bdi>
          </a>
          <small>{isOff ? <Since account={account} links={false} /> : <bdi>{secondLine}</bdi>}</small>
        </span>
      </div>
      <div role="gridcell">
        <StatusMark status={status} />
      </div>
    </div>
  );
}

function More({ node, index, retry }: { node: TreeNode; index: number; retry: () => void }) {
  return (
    <div role="row" class="line more" style={placeOf(index, node.level + 1)} aria-rowindex={index + 1} aria-level={node.level + 1}>
      <div role="gridcell" class="name">
        <span class="chevron" />
        {node.failure === null ? (
          'Reading…'
        ) : (
          <>
            <span>{node.failure}</span>
            <button type="button" onClick={retry}>
              Try again
            </button>
          </>
        )}
      </div>
    </div>
  );
}
