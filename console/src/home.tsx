import { useState } from 'preact/hooks';
import { ByStatus } from './by-status.js';
import { useRead, useSession } from './context.js';
import { HistoryCard } from './history.js';
import { type Status, countsQuery } from './operations.js';
import { Alert, StatusMark } from './parts.js';
import { addressOf } from './route.js';
import { count, number } from './words.js';

const shown = ['SUSPENDED', 'UNINITIALIZED', 'CLOSED', 'ACTIVE'] as const satisfies Status[];

/** Who is switched off right now, since when and by whom. */
export function Home() {
  const { viewer } = useSession();
  const { data, failure, reload } = useRead(countsQuery, {});
  const [status, setStatus] = useState<Status>('SUSPENDED');
  const counts = data?.viewer;
  const countOf = (of: Status): number | undefined => counts?.[of.toLowerCase() as 'active'].totalCount;
  const suspended = countOf('SUSPENDED');
  const total = counts === undefined ? undefined : shown.reduce((sum, of) => sum + countOf(of)!, 0);
  const above = viewer.isSuperAdmin ? 'the root' : 'you';
  return (
    <>
      <header class="headline">
        <h1 tabIndex={-1}>{suspended === undefined ? 'Who is switched off' : headline(suspended)}</h1>
        <p class="muted">
          {total === undefined && ' '}
          {total === 0 && (
            <>
              No account is below {above} yet: create the first one on the page of{' '}
              <a href={addressOf.account(viewer.sid)}>your own account</a>.
            </>
          )}
          {total !== undefined && total > 0 && `Of ${count(total, 'account')} below ${above}.`}
        </p>
      </header>
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      <div class="tabs" role="group" aria-label="Accounts by status">
        {shown.map((of) => (
          <button key={of} type="button" aria-pressed={of === status} onClick={() => setStatus(of)}>
            <StatusMark status={of} />
            <b>{countOf(of) === undefined ? '–' : number(countOf(of)!)}</b>
          </button>
        ))}
      </div>
      <div class="first-page">
        <ByStatus key={status} status={status} total={countOf(status)} />
        <HistoryCard sid={viewer.sid} title="What happened" below isOfRoot={viewer.isSuperAdmin} />
      </div>
    </>
  );
}

function headline(suspended: number): string {
  if (suspended === 0) return 'Nobody is suspended';
  return `${count(suspended, 'account')} ${suspended === 1 ? 'is' : 'are'} suspended`;
}
