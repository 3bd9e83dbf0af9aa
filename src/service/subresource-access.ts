import { type Account, type AccountReference, assertSubresources, isSameKey, parseAccountReference } from '../domain/account.js';
import { type Actor, type SignedIn, revalidate } from '../domain/actor.js';
import { authorize, authorizeOn, may } from '../domain/permissions.js';
import { everyOther, segmentsOf, subresourceAt } from '../domain/subresource.js';
import { type RedactionKind, asksByMessageText, operationsOf } from '../domain/subresource-request.js';
import { AppError } from '../errors.js';
import type { Database } from '../persistence/connection/database.js';
import { redactionFor } from '../subresources/redaction.js';
import type { PrefetchedAccount } from './sign-in.js';

/** A request for a subresource, as it came. */
export interface AskedSubresource {
  by: AccountReference;
  method: string;
  /** The path below the account's URI, as it came. */
  path: string;
  /** The query string, as it came, without its question mark. */
  query: string;
}

/** A request for a subresource that is permitted. */
export interface PermittedSubresource {
  actor: SignedIn;
  account: Account;
  /** Its name, such as `SMS/Messages`. */
  subresource: string;
  /** The name of the upstream that serves it: the same, or `*`. */
  upstream: string;
  /** How the answer must be redacted, if the caller may not read the text of messages. */
  redaction: RedactionKind | undefined;
}

/** Access to the subresources of accounts, which other services serve (SPEC §6). */
export class SubresourceAccess {
  constructor(
    private readonly database: Database,
    /** The names of the configured upstreams. */
    readonly upstreams: ReadonlySet<string>,
  ) {}

  /**
   * Holds that the caller may make the request, and says who serves it.
   * @throws AppError FORBIDDEN, ACCOUNT_NOT_FOUND, NOT_FOUND, ACCOUNT_NOT_ACTIVE; NOT_IMPLEMENTED if the caller may, but no upstream
   * serves it
   */
  async permit(asking: Actor, asked: AskedSubresource, prefetched?: PrefetchedAccount): Promise<PermittedSubresource> {
    authorize(asking, 'readSubresources');
    const segments = segmentsOf(asked.path);
    const subresource = segments && subresourceAt(segments, this.upstreams);
    if (segments === undefined || subresource === undefined)
      throw new AppError('NOT_FOUND', 'An account has no such subresource. GraphQL lists them as Account.subresources.');
    const operations = operationsOf({ ...asked, segments });
    const isChange = operations[0] !== 'readSubresources';
    const { actor, account } = await (isChange ? this.#lookUpAgain(asking, asked.by) : this.#lookUp(asking, asked.by, prefetched));
    for (const operation of operations) authorizeOn(actor, operation, account);
    // The loop above has held that too, for at least one operation.
    authorizeOn(actor, 'readSubresources', account);
    const redaction = may(actor, 'readMessageText', account) ? undefined : redactionFor(segments.join('/'));
    if (redaction !== undefined && asksByMessageText(redaction, asked.query)) authorizeOn(actor, 'readMessageText', account);
    assertSubresources(account, isChange ? 'change' : 'read');
    const upstream = [subresource, everyOther].find((name) => this.upstreams.has(name));
    if (upstream !== undefined) return { actor, account, subresource, upstream, redaction };
    throw new AppError(
      'NOT_IMPLEMENTED',
      `No service for ${subresource} is connected to this gateway. Its operator can name one in SUBRESOURCE_UPSTREAMS.`,
    );
  }

  async #lookUp(
    actor: SignedIn,
    by: AccountReference,
    prefetched: PrefetchedAccount | undefined,
  ): Promise<{ actor: SignedIn; account: Account | undefined }> {
    const key = parseAccountReference(by);
    if (key === undefined) return { actor, account: undefined };
    if (prefetched !== undefined && isSameKey(prefetched.key, key)) return { actor, account: prefetched.account };
    return { actor, account: await this.database.lookUp(actor.account, ({ accounts }) => accounts.findByKey(key)) };
  }

  /**
   * Looks up the caller again, together with the account: a change must not go out with the standing that the caller had before
   * it waited for a hash or for its turn (SPEC §2, "Switched off means switched off").
   * @throws AppError ACCOUNT_NOT_ACTIVE, UNAUTHENTICATED
   */
  async #lookUpAgain(actor: SignedIn, by: AccountReference): Promise<{ actor: SignedIn; account: Account | undefined }> {
    const key = parseAccountReference(by);
    const { caller, account } = await this.database.lookUp(actor.account, ({ credentials }) =>
      credentials.findForChange(actor.account, key),
    );
    return { actor: revalidate(actor, caller), account };
  }
}
