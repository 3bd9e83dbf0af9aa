const sources = new WeakMap<object, string>();

/** Parses JSON, and keeps its source for `textsIn`. @throws SyntaxError */
export function parseKeepingSource(text: string): unknown {
  const parsed: unknown = JSON.parse(text);
  if (typeof parsed === 'object' && parsed !== null) sources.set(parsed, text);
  return parsed;
}

/**
 * The exact source text of some objects in parsed JSON: JavaScript numbers lose digits, and an object does not know how it was
 * written. Walks the text once, in parallel with the parsed value. Returns nothing for values that were not parsed here.
 */
export function textsIn(parsed: unknown, wanted: ReadonlySet<object>): Map<object, string> {
  const texts = new Map<object, string>();
  const json = typeof parsed === 'object' && parsed !== null ? sources.get(parsed) : undefined;
  if (json === undefined || wanted.size === 0) return texts;
  /** The objects and lists that are open: the parsed value, where it starts, and the name or index that the text is at. */
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
        // If a name occurs twice, the last one counts, as for the parser.
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

/** The index at which the JSON string that starts at the given index ends. */
function endOfString(json: string, start: number): number {
  let index = start + 1;
  while (json[index] !== '"') index += json[index] === '\\' ? 2 : 1;
  return index;
}

/** The value that is being parsed; undefined if a later one of the same name has replaced it. */
function partOf({ value, isList, at }: { value: unknown; isList: boolean; at: string | number }): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== isList || !Object.hasOwn(value, at)) return undefined;
  return (value as Record<string | number, unknown>)[at];
}
