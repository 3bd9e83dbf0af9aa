import { XMLParser, XMLValidator } from 'fast-xml-parser';

const xmlParser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  htmlEntities: true,
  isArray: (_name, path) => /^RestcommResponse\.(Accounts\.Account|Organizations\.Organization)$/.test(String(path)),
});

/** What a document says, by a parser that is not ours. @throws Error when it is not well-formed */
export function parseXml(text: string): any {
  const valid = XMLValidator.validate(text);
  if (valid !== true) throw new Error(`not well-formed: ${valid.err.msg} in ${text}`);
  return xmlParser.parse(text);
}
