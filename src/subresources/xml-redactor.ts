import { SaxesParser } from 'saxes';
import { RedactionError } from './redaction-error.js';
import { type Redactor, maxDepth, maxTokenLength } from './redactor.js';
import type { TextNames } from './text-names.js';

/** What is kept or dropped as it comes, whatever is in it; and the character that its end begins with. */
const sections = {
  comment: { open: '<!--', close: '-->', endBegins: '-' },
  cdata: { open: '<![CDATA[', close: ']]>', endBegins: ']' },
} as const;
type Section = (typeof sections)[keyof typeof sections];

const declaration = /^<\?xml[ \t\r\n]/;

/**
 * XML, with an empty element for each one that has the name of a text.
 *
 * It finds where the next token ends (a tag, a comment, a stretch of characters), gives the parser just that, and keeps it only if
 * the parser saw the same: one start of an element, one end, both, or neither. So the parser has the last word on what is well-formed,
 * and nothing leaves before it had.
 *
 * The parser keeps comments and CDATA sections whole, and texts can be of any length. So it is given a long one as several in a row.
 */
export class XmlRedactor implements Redactor {
  private readonly decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  private readonly parser = new SaxesParser({ position: false });
  /** What came and was not parsed yet: less than a token. */
  private text = '';
  private leaving = '';
  /** The section that is open. */
  private section: Section | undefined;
  /** How far the search for a tag's end came, and the quotation mark that it is within, if any: it goes on with the next piece. */
  private searched = 0;
  private quote = 0;

  private depth = 0;
  /** The depth of the text that it is within; 0 if it is within none. */
  private textDepth = 0;
  /** What the parser saw in the last token. */
  private starts = 0;
  private ends = 0;

  constructor(private readonly names: TextNames) {
    this.parser.on('opentag', ({ name, attributes }) => this.startElement(name, Object.keys(attributes)));
    this.parser.on('closetag', () => {
      this.ends += 1;
    });
    this.parser.on('xmldecl', ({ version, encoding }) => {
      if (version !== '1.0') throw new RedactionError('The XML is not of version 1.0.');
      if (!/^utf-8$/i.test(encoding ?? 'utf-8')) throw new RedactionError('The XML declares an encoding that is not UTF-8.');
    });
  }

  write(piece: Uint8Array): Uint8Array {
    this.text += this.decoder.decode(piece, { stream: true });
    let from = 0;
    for (let to: number | undefined = 0; to !== undefined && from < this.text.length;) {
      to = this.section === undefined ? this.readToken(from) : this.readSection(this.section, from);
      from = to ?? from;
    }
    this.text = this.text.slice(from);
    return this.takeLeaving();
  }

  end(): Uint8Array {
    this.decoder.decode();
    if (this.text !== '' || this.section !== undefined) throw new RedactionError('The XML is incomplete.');
    this.parser.close();
    return this.takeLeaving();
  }

  /** Reads the token that begins at an index. Returns where it ends; undefined if it is incomplete. */
  private readToken(from: number): number | undefined {
    switch (this.text[from]) {
      case '<':
        break;
      case '&':
        return this.readReference(from);
      default:
        return this.readUpTo(this.nextMarkup(from), from);
    }
    switch (this.text[from + 1]) {
      case undefined:
        return undefined;
      case '!':
        return this.openSection(from);
      case '?':
        return this.readDeclaration(from);
      default:
        return this.readTag(from);
    }
  }

  private nextMarkup(from: number): number {
    const markup = /[<&]/g;
    markup.lastIndex = from;
    return markup.exec(this.text)?.index ?? this.text.length;
  }

  private readReference(from: number): number | undefined {
    const end = this.text.indexOf(';', from);
    this.assertLength((end === -1 ? this.text.length : end) - from);
    return this.readUpTo(end === -1 ? undefined : end + 1, from);
  }

  /** Reads something that is no tag, unless it is incomplete. */
  private readUpTo(end: number | undefined, from: number): number | undefined {
    if (end === undefined) return undefined;
    this.parse(this.text.slice(from, end));
    this.keep(from, end);
    return end;
  }

  private openSection(from: number): number | undefined {
    for (const section of Object.values(sections)) {
      const beginning = this.text.slice(from, from + section.open.length);
      if (beginning === section.open) {
        // Whether a section may stand here, an empty one shows.
        this.parse(section.open + section.close);
        this.keep(from, from + beginning.length);
        this.section = section;
        return from + beginning.length;
      }
      if (section.open.startsWith(beginning)) return undefined;
    }
    throw new RedactionError('The XML has a document type declaration.');
  }

  /** Reads a section up to its end, or up to what its end may begin in. */
  private readSection(section: Section, from: number): number | undefined {
    const { open, close, endBegins } = section;
    const end = this.text.indexOf(close, from);
    let to = end === -1 ? this.text.length : end;
    if (end === -1) while (to > from && this.text[to - 1] === endBegins && this.text.length - to < 2) to -= 1;
    if (to > from) this.parse(open + this.text.slice(from, to) + close);
    if (end !== -1) {
      this.section = undefined;
      to += close.length;
    }
    this.keep(from, to);
    return to === from ? undefined : to;
  }

  private readDeclaration(from: number): number | undefined {
    // Where it may stand, the parser knows.
    if (this.text.length - from < '<?xml '.length) return undefined;
    if (!declaration.test(this.text.slice(from, from + '<?xml '.length))) throw new RedactionError('The XML has a processing instruction.');
    const end = this.text.indexOf('?>', from);
    this.assertLength((end === -1 ? this.text.length : end) - from);
    return this.readUpTo(end === -1 ? undefined : end + 2, from);
  }

  private readTag(from: number): number | undefined {
    const end = this.endOfTag(from);
    this.assertLength((end ?? this.text.length) - from);
    if (end === undefined) return undefined;
    this.starts = this.ends = 0;
    this.parser.write(this.text.slice(from, end));
    if (this.starts > 1 || this.ends > 1 || this.starts + this.ends === 0) throw new RedactionError('The XML was not followed.');
    this.keep(from, end);
    if (this.ends === 1) this.endElement();
    return end;
  }

  /** Behind the `>` that ends the tag: not one within quotation marks. */
  private endOfTag(from: number): number | undefined {
    const { text } = this;
    let { quote } = this;
    for (let index = from + this.searched; index < text.length; index++) {
      const code = text.charCodeAt(index);
      if (quote !== 0) {
        if (code === quote) quote = 0;
      } else if (code === 0x22 || code === 0x27) quote = code;
      else if (code === 0x3e) {
        this.searched = this.quote = 0;
        return index + 1;
      }
    }
    this.searched = text.length - from;
    this.quote = quote;
    return undefined;
  }

  private startElement(name: string, attributes: string[]): void {
    this.starts += 1;
    this.depth += 1;
    if (this.depth > maxDepth) throw new RedactionError(`The XML is nested more than ${maxDepth} levels deep.`);
    if (this.textDepth > 0) return;
    const element = this.names.elementFor(name);
    if (element !== undefined) {
      this.leaving += `<${element}/>`;
      this.textDepth = this.depth;
    } else if (attributes.some((attribute) => this.names.elementFor(attribute) !== undefined)) {
      throw new RedactionError('The XML has a text in an attribute.');
    }
  }

  private endElement(): void {
    if (this.depth === this.textDepth) this.textDepth = 0;
    this.depth -= 1;
  }

  /** Has the parser read something that is no tag. */
  private parse(text: string): void {
    this.starts = this.ends = 0;
    this.parser.write(text);
    if (this.starts + this.ends > 0) throw new RedactionError('The XML was not followed.');
  }

  private keep(from: number, to: number): void {
    if (this.textDepth === 0) this.leaving += this.text.slice(from, to);
  }

  private assertLength(length: number): void {
    if (length > maxTokenLength) throw new RedactionError(`The XML has a tag or reference longer than ${maxTokenLength} characters.`);
  }

  private takeLeaving(): Uint8Array {
    const bytes = Buffer.from(this.leaving);
    this.leaving = '';
    return bytes;
  }
}
