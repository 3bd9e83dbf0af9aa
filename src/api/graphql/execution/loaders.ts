import DataLoader from 'dataloader';
import { type Account, type AccountPlace, type AccountReference, parseAccountReference } from '../../../domain/account.js';
import type { AccountListing, AccountRow, AccountSelection, ListOwner } from '../../../domain/account-list.js';
import type { HistoryScope } from '../../../domain/history.js';
import type { Organization } from '../../../domain/organization.js';
import type { Page, PageOf } from '../../../domain/page.js';
import type { Actor } from '../../../domain/actor.js';
import { ifReadable } from '../../../domain/permissions.js';
import type { InEffect, Profile, ProfileOwner, ProfileSummary } from '../../../domain/profile.js';
import type { Sid } from '../../../domain/sid.js';
import type { PrefetchedAccount } from '../../../service/sign-in.js';
import type { HistoryOwner, VisibleEntry } from '../../../service/history-queries.js';
import type { ResourceRemoval } from '../../../domain/resource-removal.js';
import type { Webhook } from '../../../domain/webhook.js';
import type { Services } from '../../services.js';

/** One owner's list. A level of a query asks for many of them at once. */
interface ListKey<Selected extends AccountSelection> {
  listing: Selected;
  owner: ListOwner;
}

/** A profile, with its document only if the query asks for it. */
interface ProfileKey<Of> {
  of: Of;
  withDocument: boolean;
}

/** One owner's entries of the history. */
interface HistoryListKey {
  owner: HistoryOwner;
  scope: HistoryScope;
  page: Page;
}

/** A loader of lists, by their owners: those that are asked for alike are read together. */
type ListLoader<Selected extends AccountSelection, Result> = DataLoader<ListKey<Selected>, Result, string>;

/** The loaders that there are. */
interface EachLoader {
  accounts: DataLoader<Sid, Account | null>;
  accountsByReference: DataLoader<AccountReference, Account | null, string>;
  organizations: DataLoader<Sid, Organization | null>;
  profiles: DataLoader<ProfileKey<Sid>, Profile | null, string>;
  effectiveProfiles: DataLoader<ProfileKey<ProfileOwner>, InEffect<Profile>, string>;
  pages: ListLoader<AccountListing, PageOf<AccountRow>>;
  counts: ListLoader<AccountSelection, number>;
  history: DataLoader<HistoryListKey, PageOf<VisibleEntry>, string>;
  historyCounts: DataLoader<Omit<HistoryListKey, 'page'>, number, string>;
  webhooks: DataLoader<Sid, Webhook | null>;
  accountWebhooks: DataLoader<Account, Webhook[], Sid>;
  resourceRemovals: DataLoader<AccountPlace, ResourceRemoval[], Sid>;
  webhookWaiting: DataLoader<Sid, { trees: number; entries: number }>;
}

/** Called with the number of keys of each batch. */
export type ObserveBatch = (loader: keyof EachLoader, size: number) => void;

/** The services that loaders ask. */
type AskedServices = Pick<Services, 'accountQueries' | 'organizations' | 'profileQueries' | 'history' | 'webhookQueries' | 'removals'>;

/**
 * The loaders of one request and one caller. They ask the services, so no resolver gets anything that the caller may not see. A
 * level of a query becomes one batch, and one statement, however wide it is. Each is made when it is first asked for, since a query
 * needs few of them.
 */
export class Loaders implements EachLoader {
  readonly #made: Partial<EachLoader> = {};

  constructor(
    private readonly services: AskedServices,
    private readonly actor: Actor,
    private readonly prefetched: PrefetchedAccount | undefined,
    private readonly observe: ObserveBatch,
  ) {}

  /** One account for each call; primed with the prefetched one. */
  get accountsByReference() {
    return (this.#made.accountsByReference ??= this.#accountsByReference());
  }

  get accounts() {
    return (this.#made.accounts ??= new DataLoader((sids) => {
      this.observe('accounts', sids.length);
      return this.services.accountQueries.findMany(this.actor, sids);
    }));
  }

  get organizations() {
    return (this.#made.organizations ??= new DataLoader((sids) => {
      this.observe('organizations', sids.length);
      return this.services.organizations.findMany(this.actor, sids);
    }));
  }

  get profiles() {
    return (this.#made.profiles ??= this.#profilesBy<Sid, Profile | null>(
      'profiles',
      (sid) => sid,
      (sids, wanted) => this.services.profileQueries.findMany(this.actor, sids, wanted),
    ));
  }

  /** The profile in effect for each account or organization. */
  get effectiveProfiles() {
    return (this.#made.effectiveProfiles ??= this.#profilesBy<ProfileOwner, InEffect<Profile>>(
      'effectiveProfiles',
      ({ sid }) => sid,
      (owners, wanted) => this.services.profileQueries.effective(this.actor, owners, wanted),
    ));
  }

  get pages() {
    return (this.#made.pages ??= this.#lists('pages', (listing: AccountListing, owners) =>
      this.services.accountQueries.pages(this.actor, listing, owners),
    ));
  }

  get counts() {
    return (this.#made.counts ??= this.#lists('counts', (listing: AccountSelection, owners) =>
      this.services.accountQueries.counts(this.actor, listing, owners),
    ));
  }

  get history() {
    return (this.#made.history ??= this.#historyBy('history', (owners, { scope, page }: HistoryListKey) =>
      this.services.history.pages(this.actor, owners, scope, page),
    ));
  }

  get historyCounts() {
    return (this.#made.historyCounts ??= this.#historyBy('historyCounts', (owners, { scope }: Omit<HistoryListKey, 'page'>) =>
      this.services.history.counts(this.actor, owners, scope),
    ));
  }

  get webhooks() {
    return (this.#made.webhooks ??= new DataLoader((sids) => {
      this.observe('webhooks', sids.length);
      return this.services.webhookQueries.findMany(this.actor, sids);
    }));
  }

  /** All webhooks of each account. */
  get accountWebhooks() {
    return (this.#made.accountWebhooks ??= new DataLoader(
      (accounts) => {
        this.observe('accountWebhooks', accounts.length);
        return this.services.webhookQueries.ofAccounts(this.actor, accounts);
      },
      { cacheKeyFn: ({ sid }) => sid },
    ));
  }

  get resourceRemovals() {
    return (this.#made.resourceRemovals ??= new DataLoader(
      (accounts) => {
        this.observe('resourceRemovals', accounts.length);
        return this.services.removals.ofAccounts(this.actor, accounts);
      },
      { cacheKeyFn: ({ sid }) => sid },
    ));
  }

  /** What waits for each webhook: in how many trees, and how many entries of their histories. */
  get webhookWaiting() {
    return (this.#made.webhookWaiting ??= new DataLoader((sids) => {
      this.observe('webhookWaiting', sids.length);
      return this.services.webhookQueries.waiting(this.actor, sids);
    }));
  }

  #accountsByReference(): EachLoader['accountsByReference'] {
    const { services, actor, prefetched } = this;
    const loader = new DataLoader<AccountReference, Account | null, string>(
      async ([by]) => [await services.accountQueries.find(actor, by!)],
      { batch: false, cacheKeyFn: (by) => JSON.stringify(parseAccountReference(by)) },
    );
    if (prefetched !== undefined) loader.prime(prefetched.key, ifReadable(actor, prefetched.account));
    return loader;
  }

  #lists<Selected extends AccountSelection, Result>(
    name: 'pages' | 'counts',
    read: (listing: Selected, owners: ListOwner[]) => Promise<Result[]>,
  ): ListLoader<Selected, Result> {
    return new DataLoader<ListKey<Selected>, Result, string>(
      (keys) => {
        this.observe(name, keys.length);
        const owners = (group: ListKey<Selected>[]): ListOwner[] => group.map(({ owner }) => owner);
        return inGroups(
          keys,
          ({ listing }) => JSON.stringify(listing),
          (group) => read(group[0]!.listing, owners(group)),
        );
      },
      { cacheKeyFn: ({ listing, owner }) => owner.sid + JSON.stringify(listing) },
    );
  }

  #profilesBy<Of, Result extends Profile | null>(
    name: 'profiles' | 'effectiveProfiles',
    sidOf: (of: Of) => Sid,
    read: (of: Of[], wanted: { withDocument: boolean }) => Promise<(ProfileSummary | null)[]>,
  ): DataLoader<ProfileKey<Of>, Result, string> {
    return new DataLoader<ProfileKey<Of>, Result, string>(
      (keys) => {
        this.observe(name, keys.length);
        return inGroups(
          keys,
          ({ withDocument }) => String(withDocument),
          // Without documents they are not whole profiles, but nobody asks these for more.
          (group) =>
            read(
              group.map((key) => key.of),
              group[0]!,
            ) as Promise<Result[]>,
        );
      },
      { cacheKeyFn: ({ of, withDocument }) => `${sidOf(of)} ${withDocument}` },
    );
  }

  #historyBy<Key extends { owner: HistoryOwner }, Result>(
    name: 'history' | 'historyCounts',
    read: (owners: HistoryOwner[], wanted: Key) => Promise<Result[]>,
  ): DataLoader<Key, Result, string> {
    const wanted = ({ owner: _, ...rest }: Key): string => JSON.stringify(rest);
    return new DataLoader<Key, Result, string>(
      (keys) => {
        this.observe(name, keys.length);
        return inGroups(keys, wanted, (group) =>
          read(
            group.map(({ owner }) => owner),
            group[0]!,
          ),
        );
      },
      { cacheKeyFn: (key) => key.owner.sid + wanted(key) },
    );
  }
}

/** Does the work for each group of keys, and returns the results in the order of the keys. */
async function inGroups<Key, Result>(
  keys: readonly Key[],
  groupOf: (key: Key) => string,
  work: (group: Key[]) => Promise<Result[]>,
): Promise<Result[]> {
  const groups = new Map<string, Key[]>();
  for (const key of keys) {
    const name = groupOf(key);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [key]);
    else group.push(key);
  }
  const results = new Map<Key, Result>();
  // One after the other, so that one request with many different lists does not take every connection.
  for (const group of groups.values()) {
    const found = await work(group);
    group.forEach((key, index) => results.set(key, found[index]!));
  }
  return keys.map((key) => results.get(key)!);
}
