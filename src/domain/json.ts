/** How deep and how large a JSON text is. */
interface JsonShape {
  /** The greatest number of brackets that are open at the same time. */
  depth: number;
  /** Roughly the number of values in its lists and objects. */
  values: number;
}

/**
 * The shape of a JSON text, found without parsing it. Parsing a megabyte of brackets takes seconds, a megabyte of names a tenth of
 * a second, and recursive code that walks the result can overflow its stack. So check the shape first.
 */
export function jsonShapeOf(json: string): JsonShape {
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

/** The value of a JSON text; undefined if it is not JSON. */
export function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
