import { createContext } from 'preact';
import { useCallback, useContext, useEffect, useRef, useState } from 'preact/hooks';
import { Api, Failure } from './api.js';
import type { Operation, Viewer } from './operations.js';

/** What the parts of the console share while somebody is signed in. */
export interface Session {
  api: Api;
  viewer: Viewer;
  /** Whether the viewer may see and manage accounts below it. */
  manages: boolean;
  /** Grows whenever something may have changed: what is shown is read again. */
  generation: number;
  /** Says that something was changed, and in which words. */
  changed(what?: string): void;
  /** Tells a screen reader, and whoever looks. */
  announce(what: string): void;
  /** Called with the accounts that were created, here or by others. */
  onCreated(listener: (sid: string) => void): () => void;
  created(sid: string): void;
}

export const SessionContext = createContext<Session | null>(null);

export function useSession(): Session {
  return useContext(SessionContext)!;
}

export interface Read<Data> {
  data: Data | undefined;
  failure: Failure | undefined;
  isReading: boolean;
  reload(): void;
}

/**
 * Reads, and reads again when the variables or the generation change. What was read stays until then, unless it is about something else:
 * `about` names what the data is about. An answer that a later question has overtaken is dropped.
 */
export function useRead<Data, Variables extends object>(
  operation: Operation<Data, Variables>,
  variables: Variables | null,
  about = JSON.stringify(variables),
): Read<Data> {
  const { api, generation } = useSession();
  const [state, setState] = useState<{ about: string; data?: Data; failure?: Failure; isReading: boolean }>({ about, isReading: true });
  const [round, setRound] = useState(0);
  const key = JSON.stringify(variables);
  useEffect(() => {
    if (variables === null) return;
    const ending = new AbortController();
    setState((before) => ({ ...(before.about === about ? before : { about }), isReading: true }));
    api.request(operation, variables, ending.signal).then(
      (data) => setState({ about, data, isReading: false }),
      (error: unknown) => {
        if (ending.signal.aborted) return;
        setState((before) => ({ ...before, failure: asFailure(error), isReading: false }));
      },
    );
    return () => ending.abort();
  }, [api, operation, key, about, generation, round]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  const isSame = state.about === about;
  return {
    data: isSame ? state.data : undefined,
    failure: isSame ? state.failure : undefined,
    isReading: !isSame || state.isReading,
    reload,
  };
}

/** What the user should read of an error. */
export function asFailure(error: unknown): Failure {
  return error instanceof Failure ? error : new Failure('Something went wrong in the console. Please load the page again.');
}

/** Calls a function at an interval, as long as the page is in sight. */
export function useInterval(call: () => void, milliseconds: number | null): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (milliseconds === null) return;
    const timer = setInterval(() => {
      if (!document.hidden) latest.current();
    }, milliseconds);
    return () => clearInterval(timer);
  }, [milliseconds]);
}

/** Called when the time that is shown moves on: one timer for all. */
const listeners = new Set<(now: Date) => void>();
setInterval(() => {
  const now = new Date();
  for (const listener of listeners) listener(now);
}, 15_000);

/** The time by which what is shown is "12 minutes ago". */
export function useNow(): Date {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    listeners.add(setNow);
    return () => void listeners.delete(setNow);
  }, []);
  return now;
}
