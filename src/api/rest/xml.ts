/** What an element holds: text, or elements by their names, in that order. What is undefined is left out. */
export type XmlContent = string | { readonly [name: string]: XmlContent | undefined };

export function element(name: string, content: XmlContent): string {
  return `<${name}>${inside(content)}</${name}>`;
}

/** What stands between the tags of an element. */
export function inside(content: XmlContent): string {
  if (typeof content === 'string') return escaped(content);
  return Object.entries(content)
    .map(([name, inner]) => (inner === undefined ? '' : element(name, inner)))
    .join('');
}

const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Characters that XML 1.0 cannot hold, not even as references: most controls, two non-characters, half surrogate pairs. */
// eslint-disable-next-line no-control-regex
const impossible = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Printable ASCII that means nothing in XML: most of what is written. */
const plain = /^[ !#$%(-;=?-~]*$/;

/** Text as XML holds it in an element or an attribute; a carriage return by reference, since parsers drop it otherwise. */
export function escaped(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(impossible, '\ufffd')
    .replace(/[&<>"']/g, (character) => references[character]!)
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
