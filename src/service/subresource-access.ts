import { type AccountReference, parseAccountReference } from '../domain/account.js';
import type { Actor } from '../domain/actor.js';
import { authorize, authorizeOn } from '../domain/permissions.js';
import { subresourceAt } from '../domain/subresource.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';

/** Access to the subresources of accounts, which other services serve (SPEC §6). */
export class SubresourceAccess {
  constructor(private readonly database: Database) {}

  /**
   * Holds that the caller may make the request. The path is that of a subresource, below the account's URI.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, NOT_FOUND; NOT_IMPLEMENTED if the caller may, as no upstream serves it
   */
  async request(actor: Actor, by: AccountReference, method: string, path: string): Promise<never> {
    authorize(actor, 'useSubresources');
    const subresource = subresourceAt(path);
    if (subresource === undefined) throw new AppError('NOT_FOUND', 'An account has no such subresource.');
    const key = parseAccountReference(by);
    const account = key && (await this.database.lookUp(actor.account, ({ accounts }) => accounts.findByKey(key)));
    authorizeOn(actor, 'useSubresources', account);
    if (method === 'DELETE' && subresource === 'Recordings') authorizeOn(actor, 'removeRecordings', account);
    throw new AppError(
      'NOT_IMPLEMENTED',
      `${subresource} is served by another service, and this gateway has no upstream configured for it.`,
    );
  }
}
