import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

/** The rules of axe that a page breaks: in what is ours, and in what a library made. */
export interface Violations {
  ours: string[];
  theirs: string[];
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/**
 * Looks for what shuts people out of a page.
 * @param theirs the selector of what a library made; within it, what `ours` selects is ours again
 */
export async function violationsOf(page: Page, theirs: string, ours = 'never'): Promise<Violations> {
  await page.evaluate(axe);
  return page.evaluate(
    async ([library, own]) => {
      const { axe: checker, document } = globalThis as any;
      // What is gone again is theirs: ours stays where it is.
      const isTheirs = (element: any): boolean => element === null || (element.closest(library) !== null && element.closest(own) === null);
      const found: { id: string; isTheirs: boolean }[] = (await checker.run(document)).violations.flatMap(({ id, nodes }: any) =>
        nodes.map(({ target }: any) => ({ id, isTheirs: isTheirs(document.querySelector(target[0])) })),
      );
      const ids = (chosen: boolean): string[] =>
        [...new Set(found.filter((one) => one.isTheirs === chosen).map(({ id }) => id))].toSorted();
      return { ours: ids(false), theirs: ids(true) };
    },
    [theirs, ours] as const,
  );
}
