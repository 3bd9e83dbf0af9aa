/**
 * How many brackets of a JSON text are open at once at most, those in strings apart. Asked before the text is parsed: the
 * parser takes seconds for a megabyte of brackets, and programs that walk over what it makes go no deeper than their stack.
 */
export function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    const character = json[index];
    if (character === '"') inString = !inString;
    else if (inString) index += character === '\\' ? 1 : 0;
    else if (character === '{' || character === '[') deepest = Math.max(deepest, ++depth);
    else if (character === '}' || character === ']') depth--;
  }
  return deepest;
}
