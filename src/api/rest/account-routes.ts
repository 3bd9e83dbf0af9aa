import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type Account, type AccountReference, AccountStatus, parseRole, parseStatus } from '../../domain/account.js';
import { parseFilter } from '../../domain/account-list.js';
import type { Organization } from '../../domain/organization.js';
import { parseNumberedPage, restPageSize } from '../../domain/page.js';
import { ownerSeenBy } from '../../domain/permissions.js';
import { AppError } from '../../errors.js';
import type { AccountChanges, NewAccount } from '../../service/account-service.js';
import type { WithToken } from '../../service/account-queries.js';
import { costOfReading, assumedListLength } from '../http/cost-budget.js';
import { reportOf } from '../http/request-error.js';
import { callerOf } from './caller.js';
import { sendEntries, sendEntry, sendList } from './responses.js';
import { etagOf, isNotModified, acceptIdempotencyKeys, expectedVersion } from './preconditions.js';
import { profileLink } from './links.js';
import { accountFilters, organizationFilters, pageEnvelope } from './page-envelope.js';
import { Parameters, formBodies, queryOf } from './parameters.js';
import { representations, shownColumns } from './representation.js';
import type { RestOptions } from './rest-options.js';

interface OfAccount {
  /** A SID or an e-mail address. */
  Params: { account: string };
  Body: Parameters;
}

/** The headers that carry a version. */
const inputs = { version: 'If-Match', ifNoneMatch: 'If-None-Match' };
const config = { inputs };

/** A new account takes its organization from this parameter; a migration takes it from `Organization`. */
const configOfNew = { inputs: { ...inputs, organization: 'OrganizationSid' } };

/** Accounts (SPEC §4; seed, "Account Resource URI" and "Account List Resource"). */
export async function accountRoutes(scope: FastifyInstance, { services, publicUrl, authTokensInLists }: RestOptions): Promise<void> {
  const { accounts, accountQueries, accountStatus, migration, organizations, authTokens, profileQueries } = services;
  formBodies(scope);
  acceptIdempotencyKeys(scope);

  const send = (request: FastifyRequest, reply: FastifyReply, account: Account, authToken: string | null): FastifyReply => {
    const { actor, format } = request;
    const view = { account, ownerSid: ownerSeenBy(actor, account), authToken: authToken ?? undefined };
    return sendEntry(reply.header('etag', etagOf(account.version)), format, representations[format].account(view));
  };

  /** After a change, the answer leaves the AuthToken out if it cannot be read right now: a failure would look as if nothing had changed. */
  const sendChanged = async (request: FastifyRequest, reply: FastifyReply, account: Account): Promise<FastifyReply> =>
    send(request, reply, account, await authTokens.authTokenOf(callerOf(request), account).catch(ignoreExpected));

  scope.get<OfAccount>('/Accounts/:account', { config: { prefetch: accountInPath } }, async (request, reply) => {
    const account = await accountQueries.get(request.actor, accountInPath(request), request.prefetched);
    const profileSid = await profileQueries.effectiveSid(request.actor, account);
    const link = profileLink(request, publicUrl, profileSid);
    if (isNotModified(request, account.version))
      return reply
        .code(304)
        .headers({ link, etag: etagOf(account.version) })
        .send();
    const authToken = await authTokens.authTokenOf(callerOf(request), account);
    return send(request, reply.header('link', link), account, authToken);
  });

  scope.post<OfAccount>('/Accounts', { config: configOfNew }, async (request, reply) =>
    sendChanged(request, reply, await accounts.create(callerOf(request), newAccount(request.body))),
  );

  scope.post<OfAccount>('/Accounts/:account', { config: { ...configOfNew, switchesOff } }, async (request, reply) => {
    const { actor, body } = request;
    const [caller, target] = [callerOf(request), accountInPath(request)];
    const emailAddress = body.text('EmailAddress');
    const isForm =
      emailAddress === undefined || (!body.has('Password') && (await accountQueries.isOwnAddress(actor, target, emailAddress)));
    return sendChanged(
      request,
      reply,
      await (isForm ? accounts.update(caller, target, changes(request)) : accounts.create(caller, { ...newAccount(body), parent: target })),
    );
  });

  scope.put<OfAccount>('/Accounts/:account', { config: { ...config, switchesOff } }, async (request, reply) => {
    const changed = { ...changes(request), emailAddress: request.body.text('EmailAddress') };
    return sendChanged(request, reply, await accounts.update(callerOf(request), accountInPath(request), changed));
  });

  scope.delete<OfAccount>('/Accounts/:account', { config: { ...config, switchesOff: () => true } }, async (request, reply) => {
    const { account } = await accountStatus.close(callerOf(request), accountInPath(request), { version: expectedVersion(request) });
    return sendChanged(request, reply, account);
  });

  scope.post<OfAccount>('/Accounts/migrate/:account', { config }, async (request, reply) => {
    const destination = request.body.parsed('Organization', (either) => ({ either }));
    const { account } = await migration.migrate(callerOf(request), accountInPath(request), destination, {
      version: expectedVersion(request),
    });
    return sendChanged(request, reply, account);
  });

  /** Whether the list may show AuthTokens. That is recorded in the history first; if it cannot be, they are left out (SPEC §4). */
  const showsTokens = async (request: FastifyRequest, owner: Account | Organization): Promise<boolean> => {
    if (!authTokensInLists || request.method === 'HEAD') return false;
    return authTokens.recordTokenList(callerOf(request), owner).then(
      () => true,
      (error: unknown) => {
        if (!(error instanceof AppError)) reportOf(request)(error, 'a list is sent without AuthTokens');
        return false;
      },
    );
  };

  scope.get('/Accounts', async (request, reply) => {
    const { actor, format } = request;
    const query = queryOf(request);
    const named = organizationFilters.find((name) => query.has(name));
    const [listScope, owner] =
      named === undefined
        ? [{ kind: 'children' } as const, actor.account]
        : [{ kind: 'organization' } as const, await organizations.getManaged(actor, { either: query.required(named) }, named)];
    const filter = parseFilter({
      status: query.parsed('Status', parseStatus),
      friendlyName: query.text('FriendlyName'),
      emailAddress: query.text('EmailAddress'),
    });
    const isPaged = query.has('Page') || query.has('PageSize');
    const page = parseNumberedPage({ page: query.text('Page'), pageSize: query.text('PageSize') }, restPageSize);
    const list = async () => ({ scope: listScope, filter, columns: shownColumns, authTokens: await showsTokens(request, owner) });
    const write = (account: WithToken<typeof shownColumns>): string =>
      representations[format].account({ account, ownerSid: ownerSeenBy(actor, account), authToken: account.authToken });
    if (!isPaged) return sendList(reply, format, 'Accounts', await accountQueries.all(actor, owner, await list()), write);
    request.cost.reserve({ cost: costOfReading(assumedListLength) + costOfReading(page.number * page.size), of: 'This page' });
    try {
      const { accounts: found, total } = await accountQueries.numberedPage(actor, owner, await list(), page);
      return sendEntries(reply, format, 'Accounts', found.map(write), pageEnvelope(request, accountFilters, page, total, found.length));
    } finally {
      request.cost.release();
    }
  });
}

/** The account that the path names. */
function accountInPath({ params }: FastifyRequest): AccountReference {
  return { either: (params as OfAccount['Params']).account };
}

/** Whether the form suspends or closes, and sets no password, which would be slow to hash. */
function switchesOff({ body }: FastifyRequest): boolean {
  const form = (body ?? new Parameters()) as Parameters;
  const status = form.text('Status')?.toLowerCase();
  return (status === AccountStatus.SUSPENDED || status === AccountStatus.CLOSED) && !form.has('Password');
}

/** Ignores expected errors: the database is out of reach, or the caller was suspended or closed meanwhile. */
function ignoreExpected(error: unknown): null {
  if (error instanceof AppError) return null;
  throw error;
}

/** The new account in a form. Unlike in GraphQL, two of its parameters are required (SPEC §2). */
function newAccount(body: Parameters): NewAccount {
  return {
    emailAddress: body.required('EmailAddress'),
    password: body.required('Password'),
    friendlyName: body.text('FriendlyName'),
    status: body.parsed('Status', parseStatus),
    role: body.parsed('Role', parseRole),
    organization: body.parsed('OrganizationSid', (sid) => ({ sid })),
  };
}

function changes(request: FastifyRequest<OfAccount>): AccountChanges {
  const { body } = request;
  return {
    version: expectedVersion(request),
    friendlyName: body.text('FriendlyName'),
    password: body.text('Password'),
    status: body.parsed('Status', parseStatus),
    role: body.parsed('Role', parseRole),
  };
}
