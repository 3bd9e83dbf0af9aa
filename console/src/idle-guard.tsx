import { useEffect, useRef, useState } from 'preact/hooks';
import { Dialog } from './dialog.js';
import { IdleClock, idleTimes, uses } from './idle.js';
import { count } from './words.js';

/** Signs out whoever does not use the page for five minutes, and warns before that. */
export function IdleGuard({ signOut }: { signOut: () => void }) {
  const [left, setLeft] = useState<number>();
  const clock = useRef(new IdleClock());
  const latest = useRef(signOut);
  latest.current = signOut;
  useEffect(() => {
    const use = (): void => {
      clock.current.use();
      setLeft(undefined);
    };
    const look = (): void => {
      const remaining = idleTimes.limit - clock.current.idle;
      if (remaining <= 0) latest.current();
      else setLeft(remaining <= idleTimes.warning ? Math.ceil(remaining / 1000) : undefined);
    };
    for (const name of uses) addEventListener(name, use, { passive: true, capture: true });
    const timer = setInterval(look, 1000);
    // A page that comes back into sight may have had its timers held.
    document.addEventListener('visibilitychange', look);
    return () => {
      for (const name of uses) removeEventListener(name, use, { capture: true });
      clearInterval(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, []);
  if (left === undefined) return null;
  const stay = (): void => {
    clock.current.use();
    setLeft(undefined);
  };
  return (
    <Dialog title="Are you still there?" close={stay}>
      <p role="timer">You will be signed out in {count(left, 'second')}, because nobody used the console for a while.</p>
      <footer>
        <button type="button" onClick={() => latest.current()}>
          Sign out
        </button>
        <button type="button" class="primary" onClick={stay}>
          Stay signed in
        </button>
      </footer>
    </Dialog>
  );
}
