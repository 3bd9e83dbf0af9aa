/** The source cannot be read as it is. The message says what to do about it. */
export class SourceError extends Error {}

/** The gateway cannot take anything over as it is; nothing was changed. The message says why. */
export class ImportRefusedError extends Error {}
