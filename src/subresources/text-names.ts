import { type RedactionKind, messageTexts } from '../domain/subresource-request.js';

/** A name without case, accents, compatibility forms, punctuation, and characters that nobody sees. */
function folded(name: string): string {
  // Upper case first: that makes one letter of i, I, ı and İ, as Java's equalsIgnoreCase does.
  return name
    .normalize('NFKD')
    .toUpperCase()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
}

/** A name, without its prefix, and up to a control character, where strings end for some. */
function spellingsOf(name: string): string[] {
  const [beginning = ''] = name.split(/\p{Cc}/u, 1);
  return [name, beginning].flatMap((spelling) => [spelling, spelling.slice(spelling.lastIndexOf(':') + 1)]);
}

/** Names recur with every message. So many of them are remembered, if they are short. */
const remembered = { names: 500, length: 100 };

/**
 * The names under which texts stand. A name counts in every spelling that a lenient client could read as one of them: `body`, `BODY`,
 * `ns:Body`, `request-variables`, or with a zero-width space inside. One name too many costs a value; one too few, a secret.
 */
export class TextNames {
  private readonly elements: ReadonlyMap<string, string>;
  private readonly found = new Map<string, string | undefined>();

  constructor(kind: RedactionKind) {
    this.elements = new Map(messageTexts[kind].map((element) => [folded(element), element]));
  }

  /** The XML element that a name stands for; undefined if it is not the name of a text. */
  elementFor(name: string): string | undefined {
    if (this.found.has(name)) return this.found.get(name);
    const element = spellingsOf(name)
      .map((spelling) => this.elements.get(folded(spelling)))
      .find((one) => one !== undefined);
    if (this.found.size < remembered.names && name.length <= remembered.length) this.found.set(name, element);
    return element;
  }
}
