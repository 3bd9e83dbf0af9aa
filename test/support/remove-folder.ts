import { rm } from 'node:fs/promises';

/** Removes a folder with all that is in it, even while a server that was left behind there comes to its end, and still writes. */
export function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
}
