import { useEffect, useState } from 'preact/hooks';
import { AccountCards } from './account-cards.js';
import { CreateAccountDialog } from './acts/create-account.js';
import { EditAccountDialog } from './acts/edit-account.js';
import { MigrateAccountDialog } from './acts/migrate-account.js';
import { TreeActDialog } from './acts/tree-acts.js';
import { useInterval, useRead, useSession } from './context.js';
import { HistoryCard } from './history.js';
import { type Account, accountQuery, isTopLevel } from './operations.js';
import { Alert, Reading, Since, StatusMark } from './parts.js';
import { addressOf } from './route.js';
import { WebhooksCard } from './webhooks.js';
import { roleNames } from './words.js';

/** How often what is being removed is looked at, in milliseconds. */
const often = 5000;

type Act = 'create' | 'edit' | 'suspend' | 'activate' | 'close' | 'migrate';

const labels: Record<Act, string> = {
  create: 'New account below',
  edit: 'Edit',
  suspend: 'Suspend',
  activate: 'Activate',
  migrate: 'Move',
  close: 'Close',
};

/** The page of an account. */
export function AccountPage({ sid }: { sid: string }) {
  const { manages } = useSession();
  const { data, failure, reload } = useRead(accountQuery, { sid, manages });
  const [act, setAct] = useState<Act>();
  // No event tells of what other services remove.
  useInterval(reload, data?.account?.resourceRemoval?.some(({ state }) => state === 'PENDING') === true ? often : null);
  const account = data?.account;
  // The button that had the focus may be gone with the status that offered it.
  useEffect(() => {
    if (document.activeElement === document.body) document.querySelector<HTMLElement>('h1')?.focus();
  }, [account?.status]);
  if (account == null) {
    return (
      <>
        <h1 tabIndex={-1}>{account === null ? 'No such account' : 'Account'}</h1>
        {failure !== undefined && <Alert failure={failure} retry={reload} />}
        {account === null ? (
          <p class="muted">There is no account with this SID, or you may not see it.</p>
        ) : (
          failure === undefined && <Reading what="the account" />
        )}
      </>
    );
  }
  const close = (): void => setAct(undefined);
  return (
    <>
      <Ancestors account={account} />
      <header class="headline">
        <h1 tabIndex={-1}>
          <bdi>{account.friendlyName}</bdi>
        </h1>
        <p class="muted">
          <StatusMark status={account.status} /> <Since account={account} /> ·{' '}
          {account.isSuperAdmin ? 'Super Admin' : roleNames[account.role]}
        </p>
        <div class="acts">
          {actsOn(account).map((possible) => (
            <button key={possible} type="button" class={possible === 'close' ? 'danger' : undefined} onClick={() => setAct(possible)}>
              {labels[possible]}
            </button>
          ))}
        </div>
      </header>
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      <div class="cards">
        <AccountCards account={account} />
        {manages && <WebhooksCard account={account} />}
      </div>
      {manages && <HistoryCard key={sid} sid={sid} title="History" isOfRoot={account.isSuperAdmin} />}
      {act === 'create' && <CreateAccountDialog parent={account} isTopLevel={account.isSuperAdmin} close={close} />}
      {act === 'edit' && <EditAccountDialog account={account} close={close} />}
      {act === 'migrate' && <MigrateAccountDialog account={account} close={close} />}
      {(act === 'suspend' || act === 'activate' || act === 'close') && <TreeActDialog act={act} account={account} close={close} />}
    </>
  );
}

/** What the viewer may do, and what the status of the account does not rule out. */
function actsOn(account: Account): Act[] {
  const { status, viewerCan } = account;
  if (status === 'CLOSED') return [];
  const possible: Record<Act, boolean> = {
    create: viewerCan.createSubAccount && status === 'ACTIVE',
    edit: viewerCan.update,
    suspend: viewerCan.setStatus && status === 'ACTIVE',
    activate: viewerCan.setStatus && status === 'SUSPENDED',
    migrate: viewerCan.migrate && isTopLevel(account),
    close: viewerCan.close,
  };
  return (Object.keys(possible) as Act[]).filter((act) => possible[act]);
}

function Ancestors({ account }: { account: Account }) {
  if (account.ancestors.length === 0) return null;
  return (
    <nav aria-label="Accounts above" class="ancestors">
      <ol>
        {account.ancestors.map(({ sid, friendlyName }) => (
          <li key={sid}>
            <a href={addressOf.account(sid)}>
              <bdi>{friendlyName}</bdi>
            </a>
          </li>
        ))}
      </ol>
    </nav>
  );
}
