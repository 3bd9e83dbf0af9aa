import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { asFailure, useSession } from './context.js';
import { type StatusRow, bySidQuery, searchQuery } from './operations.js';
import { StatusMark } from './parts.js';
import { addressOf } from './route.js';
import { count } from './words.js';

/** How long typing is waited for, in milliseconds. */
const pause = 200;
/** A shorter text is refused by the gateway. */
const shortest = 3;

interface Found {
  text: string;
  rows: StatusRow[];
  hasMore: boolean;
  failure?: string;
}

/** Finds accounts by a part of their name or e-mail address, or by their SID, while one types. */
export function Search() {
  const { api } = useSession();
  const [text, setText] = useState('');
  const [found, setFound] = useState<Found>();
  const [isOpen, setOpen] = useState(false);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const sought = text.trim();

  useEffect(() => {
    setChosen(-1);
    if (sought.length < shortest) return setFound(undefined);
    const ending = new AbortController();
    const find = async (): Promise<Found> => {
      if (/^AC[0-9a-f]{32}$/.test(sought)) {
        const { account } = await api.request(bySidQuery, { sid: sought }, ending.signal);
        return { text: sought, rows: account === null ? [] : [account], hasMore: false };
      }
      const { nodes, pageInfo } = (await api.request(searchQuery, { text: sought }, ending.signal)).viewer.descendants;
      return { text: sought, rows: nodes, hasMore: pageInfo.hasNextPage };
    };
    const timer = setTimeout(() => {
      find().then(setFound, (error: unknown) => {
        if (!ending.signal.aborted) setFound({ text: sought, rows: [], hasMore: false, failure: asFailure(error).message });
      });
    }, pause);
    // The answer to what is no longer asked for is dropped.
    return () => {
      clearTimeout(timer);
      ending.abort();
    };
  }, [api, sought]);

  const rows = found?.rows ?? [];
  const go = (row: StatusRow): void => {
    setOpen(false);
    setText('');
    location.hash = addressOf.account(row.sid);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1 };
    const step = steps[event.key];
    if (event.key === 'Escape' && isOpen) setOpen(false);
    else if (event.key === 'Enter' && (rows[chosen] ?? rows[0]) !== undefined && found?.text === sought) go(rows[chosen] ?? rows[0]!);
    else if (step !== undefined && rows.length > 0) {
      setOpen(true);
      setChosen((chosen + step + rows.length) % rows.length);
    } else return;
    event.preventDefault();
  };
  const isShown = isOpen && sought !== '';
  return (
    <search
      class="search"
      onFocusOut={({ currentTarget, relatedTarget }) => {
        if (!(relatedTarget instanceof Node && currentTarget.contains(relatedTarget))) setOpen(false);
      }}
    >
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <circle cx="7" cy="7" r="4.5" />
        <path d="M10.5 10.5L14 14" />
      </svg>
      <input
        ref={input}
        type="search"
        role="combobox"
        list={undefined}
        aria-label="Find an account"
        placeholder="Find by name, e-mail address or SID"
        aria-autocomplete="list"
        aria-expanded={isShown && rows.length > 0}
        aria-controls={`${id}-list`}
        aria-activedescendant={isShown && chosen >= 0 ? `${id}-${chosen}` : undefined}
        autocomplete="off"
        autocapitalize="none"
        spellcheck={false}
        value={text}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onKeyDown={onKeyDown}
      />
      <div class="found" hidden={!isShown}>
        <p role="status">{resultInWords(sought, found)}</p>
        <ul role="listbox" id={`${id}-list`} aria-label="Accounts found" hidden={rows.length === 0}>
          {rows.map((row, index) => (
            // The input keeps the focus, and chooses by its arrow keys.
            <li
              key={row.sid}
              id={`${id}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseDown={(event) => event.preventDefault()}
              onClick={() => go(row)}
            >
              <span class="two-lines">
                <bdi>{row.friendlyName}</bdi>
                <small>
                  <bdi>{row.emailAddress}</bdi>
                  {row.parent !== null && (
                    <>
                      {' · below '}
                      <bdi>{row.parent.friendlyName}</bdi>
                    </>
                  )}
                </small>
              </span>
              <StatusMark status={row.status} />
            </li>
          ))}
        </ul>
      </div>
    </search>
  );
}

function resultInWords(sought: string, found: Found | undefined): string {
  if (sought.length < shortest) return `Type at least ${shortest} characters.`;
  if (found === undefined || found.text !== sought) return 'Looking…';
  if (found.failure !== undefined) return found.failure;
  if (found.rows.length === 0) return `No account below yours has “${sought}” in its name or e-mail address.`;
  return found.hasMore ? `The first ${found.rows.length}. Type more to narrow them down.` : `${count(found.rows.length, 'account')} found.`;
}
