/** Random numbers that a seed decides. */
export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 to 1; mulberry32. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let bits = this.#state;
    bits = Math.imul(bits ^ (bits >>> 15), bits | 1);
    bits ^= bits + Math.imul(bits ^ (bits >>> 7), bits | 61);
    return ((bits ^ (bits >>> 14)) >>> 0) / 4_294_967_296;
  }

  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }
}

/** Texts that programs stumble over. */
export const oddTexts: readonly string[] = [
  '',
  ' ',
  '\0',
  '\ud800',
  '\ufeff',
  '\u202e',
  '😀',
  'ß'.repeat(300),
  'x'.repeat(5000),
  "'; DROP TABLE account; --",
  '%00',
  '%',
  '%ff',
  '../../etc/passwd',
  '${7*7}',
  '__proto__',
  'constructor',
  '-1',
  '0',
  '1e999',
  '9'.repeat(400),
  'NaN',
  'null',
  'true',
  '\r\nX-Injected: 1',
];

const oddValues: readonly unknown[] = [
  null,
  true,
  0,
  -1,
  1.5,
  1e308,
  2_147_483_648,
  Number.MAX_SAFE_INTEGER + 2,
  [],
  {},
  [[[]]],
  { sid: { sid: {} } },
  JSON.parse('{"__proto__":{"a":1},"constructor":{"prototype":1}}'),
  Array.from({ length: 300 }, (_, index) => index),
];

/** What a text is made of, for mutations that keep most of its words whole. */
const tokens = /"(?:[^"\\]|\\.)*"|[A-Za-z_]\w*|\.\.\.|-?\d+(?:\.\d+)?|\s+|./gsu;

/** Characters that are repeated at most. Four hundred times as many are more than any limit allows; repeated once more, they could be more than a text can hold. */
const repeatedAtMost = 10_000;

/** The text with some of its words gone, doubled, swapped, or replaced by words of a vocabulary. */
export function mutateText(dice: Dice, text: string, vocabulary: readonly string[]): string {
  const words = text.match(tokens) ?? [];
  for (let times = 1 + dice.below(3); times > 0; times--) {
    const at = dice.below(words.length + 1);
    const other = dice.below(words.length + 1);
    const span = words.slice(Math.min(at, other), Math.max(at, other));
    switch (dice.below(10)) {
      case 0:
        words.splice(at, 1 + dice.below(4));
        break;
      case 1:
        words.splice(at, 0, dice.pick(vocabulary));
        break;
      case 2:
      case 3:
        words.splice(at, 1, dice.pick(vocabulary));
        break;
      case 4:
        [words[at], words[other]] = [words[other] ?? '', words[at] ?? ''];
        break;
      case 5:
        words.splice(at, 0, ...span.slice(0, 60));
        break;
      case 6: {
        const count = dice.pick([2, 10, 50, 400]);
        words.splice(at, 0, `${span.slice(0, 12).join('').slice(0, repeatedAtMost)} `.repeat(count));
        break;
      }
      case 7:
        words.splice(at, 0, dice.pick(oddTexts));
        break;
      case 8:
        if (dice.chance(0.2)) words.length = Math.min(words.length, at);
        break;
      default:
        words.splice(at, 1, (words[at] ?? '').slice(dice.below(4)));
    }
  }
  return words.join('');
}

/** The value with something inside replaced, missing, added, or nested. */
export function mutateValue(dice: Dice, value: unknown): unknown {
  if (dice.chance(0.25) || typeof value !== 'object' || value === null) {
    const odd = dice.chance(0.5) ? dice.pick(oddValues) : dice.pick(oddTexts);
    return dice.chance(0.1) ? nested(dice, odd) : odd;
  }
  if (Array.isArray(value)) return value.map((item: unknown) => (dice.chance(0.4) ? mutateValue(dice, item) : item));
  const entries = Object.entries(value);
  const changed = dice.below(entries.length + 1);
  if (changed === entries.length) return { ...value, [dice.pick(oddTexts)]: dice.pick(oddValues) };
  const [name, inner] = entries[changed]!;
  if (dice.chance(0.15)) return Object.fromEntries(entries.filter(([other]) => other !== name));
  return { ...value, [name]: mutateValue(dice, inner) };
}

function nested(dice: Dice, value: unknown): unknown {
  let outer = value;
  for (let depth = dice.pick([3, 40, 300]); depth > 0; depth--) outer = dice.chance(0.5) ? [outer] : { document: outer };
  return outer;
}
