/** How a JSON text is built. */
export interface JsonShape {
  /** How many brackets are open at once at most. */
  depth: number;
  /** About how many values there are in its lists and objects. */
  values: number;
}

/**
 * The shape of a JSON text, found without parsing it: the parser takes seconds for a megabyte of brackets and a tenth of one
 * for a megabyte of names, and programs that walk over what it makes go no deeper than their stack.
 */
export function shapeOf(json: string): JsonShape {
  let depth = 0;
  let values = 0;
  let open = 0;
  let inString = false;
  for (let index = 0; index < json.length; index++) {
    switch (json[index]) {
      case '"':
        inString = !inString;
        break;
      case '\\':
        if (inString) index += 1;
        break;
      case '{':
      case '[':
        if (!inString) depth = Math.max(depth, ++open);
        break;
      case '}':
      case ']':
        if (!inString) open -= 1;
        break;
      case ',':
        if (!inString) values += 1;
    }
  }
  return { depth, values };
}
