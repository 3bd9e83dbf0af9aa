import { performance } from 'node:perf_hooks';

/** One step of a long command, as whoever waits for it sees it. */
export interface ProgressStep {
  /** Tells how much is done. */
  update(done: number): void;
  end(): void;
}

const barWidth = 24;

/**
 * Shows on stderr how far a step is: on a terminal by a bar that is drawn anew ten times a second at most, else by a line for each tenth.
 * @param total how much there is; undefined where that is not known
 */
export function startStep(
  title: string,
  total: number | undefined,
  unit: 'bytes' | 'rows',
  stream: NodeJS.WriteStream = process.stderr,
): ProgressStep {
  const began = performance.now();
  const tenth = total === undefined ? 100_000 : Math.max(1, Math.ceil(total / 10));
  let drawn = -Infinity;
  let told = 0;
  let latest = 0;
  const amount = (done: number): string =>
    `${inUnit(done, unit)}${total === undefined ? '' : ` of ${inUnit(total, unit)}`} ${unit === 'rows' ? 'rows' : 'MB'}`;
  const draw = (done: number): void => {
    const share = total === undefined || total === 0 ? 0 : Math.min(1, done / total);
    const bar = '#'.repeat(Math.round(share * barWidth)).padEnd(barWidth, '.');
    const seconds = (performance.now() - began) / 1000;
    const left = share > 0.02 && share < 1 ? `, ${Math.ceil((seconds / share) * (1 - share))} s left` : '';
    stream.write(`\r\u001b[K${title} ${total === undefined ? '' : `[${bar}] `}${amount(done)}${left}`);
  };
  return {
    update(done) {
      latest = done;
      if (stream.isTTY) {
        if (performance.now() - drawn < 100) return;
        drawn = performance.now();
        draw(done);
      } else if (done - told >= tenth && done !== total) {
        told = done;
        stream.write(`${title}: ${amount(done)}\n`);
      }
    },
    end() {
      if (stream.isTTY) {
        draw(latest);
        stream.write('\n');
      } else stream.write(`${title}: ${amount(latest)}, done in ${((performance.now() - began) / 1000).toFixed(1)} s\n`);
    },
  };
}

function inUnit(amount: number, unit: 'bytes' | 'rows'): string {
  return unit === 'rows' ? amount.toLocaleString('en') : (amount / 1_000_000).toFixed(1);
}
