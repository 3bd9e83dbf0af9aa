import { LRUCache } from 'lru-cache';
import type { DocumentNode } from 'graphql';

/** A parsed document takes about a hundred times its characters. */
const maxCharacters = 262_144;

/**
 * Keeps the valid documents that were used last, so that a client which sends the same one again does not wait for parsing and
 * validation. Apollo's own store writes every document as JSON to learn how large it is, and keeps too many of them.
 */
export class DocumentStore {
  readonly #documents = new LRUCache<string, DocumentNode>({
    maxSize: maxCharacters,
    sizeCalculation: ({ loc }) => loc!.source.body.length,
  });

  async get(key: string): Promise<DocumentNode | undefined> {
    return this.#documents.get(key);
  }

  async set(key: string, document: DocumentNode): Promise<void> {
    this.#documents.set(key, document);
  }

  async delete(key: string): Promise<boolean> {
    return this.#documents.delete(key);
  }
}
