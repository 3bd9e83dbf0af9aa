/** A mistake that whoever starts the program can fix; the message says how. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
}

/** The data folder cannot be used. */
export class DataFolderError extends EmbeddedPostgresError {}
