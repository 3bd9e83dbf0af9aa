import type { RefObject } from 'preact';
import { useEffect, useState } from 'preact/hooks';

/** How many lines are drawn above and below those in sight. */
const margin = 8;

/** Which lines of a long list are drawn: those in sight in what scrolls, and some around them. All lines have the same height. */
export function useWindow(scroller: RefObject<HTMLElement | null>, lineHeight: number): { first: number; last: number; inSight: number } {
  const [lines, setLines] = useState({ first: 0, last: 30, inSight: 10 });
  useEffect(() => {
    const element = scroller.current!;
    let frame: number | undefined;
    const measure = (): void => {
      frame = undefined;
      const inSight = Math.ceil(element.clientHeight / lineHeight);
      const top = Math.floor(element.scrollTop / lineHeight);
      // In steps, so that most frames of a scroll draw nothing anew.
      const first = Math.max(0, top - (top % margin) - margin);
      const last = first + inSight + 3 * margin;
      setLines((before) => (before.first === first && before.last === last ? before : { first, last, inSight }));
    };
    const soon = (): void => {
      frame ??= requestAnimationFrame(measure);
    };
    measure();
    element.addEventListener('scroll', soon, { passive: true });
    const resizes = new ResizeObserver(soon);
    resizes.observe(element);
    return () => {
      element.removeEventListener('scroll', soon);
      resizes.disconnect();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [lineHeight]);
  return lines;
}
