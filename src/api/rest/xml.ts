/** The content of an element: text, or child elements by name, in order. Undefined children are left out. */
export type XmlContent = string | { readonly [name: string]: XmlContent | undefined };

export function element(name: string, content: XmlContent): string {
  return `<${name}>${inside(content)}</${name}>`;
}

/** The content of an element, without its tags. */
export function inside(content: XmlContent): string {
  if (typeof content === 'string') return escaped(content);
  return Object.entries(content)
    .map(([name, inner]) => (inner === undefined ? '' : element(name, inner)))
    .join('');
}

const references: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** Characters that XML 1.0 cannot contain, even as references: most control characters, two non-characters, lone surrogates. */
// eslint-disable-next-line no-control-regex
const impossible = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** Printable ASCII without special characters, which is most of the text. */
const plain = /^[ !#$%(-;=?-~]*$/;

/** Text, escaped for an element or an attribute. Line breaks become references, since parsers would normalize them. */
export function escaped(text: string): string {
  if (plain.test(text)) return text;
  return text
    .replace(impossible, '\ufffd')
    .replace(/[&<>"']/g, (character) => references[character]!)
    .replace(/[\t\n\r]/g, (character) => `&#${character.charCodeAt(0)};`);
}
