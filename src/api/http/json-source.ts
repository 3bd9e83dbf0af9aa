const sources = new WeakMap<object, string>();

/** Parses JSON, and keeps its text for whoever needs a part of it to the letter. @throws SyntaxError */
export function parseKeepingSource(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null) sources.set(parsed, text);
  return parsed;
}

/**
 * The texts of some objects inside of what was parsed: numbers in JavaScript lose digits, and an object forgets how it was
 * written. One pass over the text, side by side with what came of it. Nothing for what was not parsed here.
 */
export function textsIn(parsed: unknown, wanted: ReadonlySet<object>): Map<object, string> {
  const texts = new Map<object, string>();
  const json = typeof parsed === 'object' && parsed !== null ? sources.get(parsed) : undefined;
  if (json === undefined || wanted.size === 0) return texts;
  /** What is open: what came of it, where it began, and at which of its names or places the text is. */
  const open: { value: unknown; start: number; isList: boolean; at: string | number; isName: boolean }[] = [];
  for (let index = 0; index < json.length; index++) {
    const inside = open.at(-1);
    switch (json[index]) {
      case '"': {
        const start = index;
        index = endOfString(json, index);
        if (inside?.isName) inside.at = JSON.parse(json.slice(start, index + 1)) as string;
        break;
      }
      case '{':
      case '[': {
        const isList = json[index] === '[';
        open.push({ value: inside === undefined ? parsed : partOf(inside), start: index, isList, at: 0, isName: !isList });
        break;
      }
      case '}':
      case ']': {
        const { value, start } = open.pop()!;
        // Of a name that comes twice the last one counts, as it does for the parser.
        if (wanted.has(value as object)) texts.set(value as object, json.slice(start, index + 1));
        break;
      }
      case ':':
        inside!.isName = false;
        break;
      case ',':
        if (inside!.isList) inside!.at = Number(inside!.at) + 1;
        else inside!.isName = true;
    }
  }
  return texts;
}

/** Where a string of JSON ends that begins at the index. */
function endOfString(json: string, start: number): number {
  let index = start + 1;
  while (json[index] !== '"') index += json[index] === '\\' ? 2 : 1;
  return index;
}

/** Nothing for a part that another one of the same name has taken the place of. */
function partOf({ value, isList, at }: { value: unknown; isList: boolean; at: string | number }): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== isList || !Object.hasOwn(value, at)) return undefined;
  return (value as Record<string | number, unknown>)[at];
}
