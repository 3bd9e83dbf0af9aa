import { useEffect, useRef } from 'preact/hooks';
import { type Api, Failure } from './api.js';
import { type StreamedEvent, eventsSubscription } from './operations.js';

/** How long a burst of events is waited for before what is shown is read again, in milliseconds. */
const settling = 250;
/** How long the console waits before it comes back to a stream that was cut off, at most. */
const longestPause = 30_000;

/**
 * Follows what happens to an account and below it, from now on; null follows nothing. A stream that begins anew tells of nothing in particular,
 * since something may have happened between what was read before and its beginning.
 */
export function useEvents(api: Api, accountSid: string | null, told: (events: StreamedEvent[]) => void): void {
  const latest = useRef(told);
  latest.current = told;
  useEffect(() => {
    if (accountSid === null) return;
    const ending = new AbortController();
    void follow(api, accountSid, ending.signal, (events) => latest.current(events));
    return () => ending.abort();
  }, [api, accountSid]);
}

async function follow(api: Api, accountSid: string, signal: AbortSignal, told: (events: StreamedEvent[]) => void): Promise<void> {
  let after: string | undefined;
  let pause = 1000;
  let waiting: StreamedEvent[] | undefined;
  /** Tells soon, of all that happens until then. */
  const tell = (events: StreamedEvent[]): void => {
    pause = 1000;
    if (waiting !== undefined) return void waiting.push(...events);
    waiting = events;
    setTimeout(() => {
      if (!signal.aborted) told(waiting!);
      waiting = undefined;
    }, settling);
  };
  while (!signal.aborted) {
    try {
      const from = after === undefined ? {} : { after };
      await api.stream(eventsSubscription, { accountSid, ...from }, signal, {
        begun() {
          if (after === undefined) tell([]);
        },
        result({ accountEvents }) {
          after = accountEvents.id;
          tell([accountEvents]);
        },
      });
    } catch (error) {
      // The gateway said why it streams nothing. It would say the same again.
      if (error instanceof Failure && error.code !== undefined && error.code !== 'OVERLOADED') return;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, longestPause);
  }
}
