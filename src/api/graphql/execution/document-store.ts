import type { DocumentNode } from 'graphql';

/** A parsed document takes about a hundred times its characters. */
const charactersAtMost = 262_144;

/**
 * The documents that were last found valid, so that clients which send the same ones again are not made to wait for parsing
 * and validation. Apollo's own store writes every document as JSON to learn how large it is, and holds too much of them.
 */
export class DocumentStore {
  readonly #documents = new Map<string, DocumentNode>();
  #characters = 0;

  async get(key: string): Promise<DocumentNode | undefined> {
    const document = this.#documents.get(key);
    if (document !== undefined) {
      // A map keeps the order in which its entries came: the first one is that which was not asked for longest.
      this.#documents.delete(key);
      this.#documents.set(key, document);
    }
    return document;
  }

  async set(key: string, document: DocumentNode): Promise<void> {
    await this.delete(key);
    this.#documents.set(key, document);
    this.#characters += lengthOf(document);
    for (const [oldest] of this.#documents) {
      if (this.#characters <= charactersAtMost) break;
      await this.delete(oldest);
    }
  }

  async delete(key: string): Promise<boolean> {
    const document = this.#documents.get(key);
    this.#characters -= document === undefined ? 0 : lengthOf(document);
    return this.#documents.delete(key);
  }
}

function lengthOf({ loc }: DocumentNode): number {
  return loc!.source.body.length;
}
