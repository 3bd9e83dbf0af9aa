import { useEffect, useState } from 'preact/hooks';
import type { Api } from './api.js';
import { asFailure, useSession } from './context.js';
import { type Status, type StatusRow, belowQuery, byStatusQuery } from './operations.js';
import { Alert, Card, Empty, Reading, Since } from './parts.js';
import { addressOf } from './route.js';
import { number, sentence, statusNames } from './words.js';

/** An account with a status, and how many below it have the same. */
interface Group {
  row: StatusRow;
  below: number;
}

/** What was read of the list, and where it goes on. */
interface Groups {
  groups: Group[];
  after: string | null;
  hasMore: boolean;
}

/** How many accounts are shown at first, and how many more each time. */
const step = 20;
/** How many pages are read at most to have so many. */
const mostPages = 10;

/** Reads on until there are as many groups as wanted, or none is left. @throws Failure */
async function readGroups(api: Api, status: Status, known: Groups, wanted: number, signal?: AbortSignal): Promise<Groups> {
  let { groups, after, hasMore } = known;
  for (let pages = 0; hasMore && groups.length < wanted && pages < mostPages; pages++) {
    const { nodes, pageInfo } = (await api.request(byStatusQuery, { status, after }, signal)).viewer.descendants;
    // Below an active account others are active as a matter of course: these are listed one by one.
    const tops = status === 'ACTIVE' ? nodes : nodes.filter(({ parent }) => parent?.status !== status);
    const ids = tops.map(({ sid }) => sid);
    const below = status === 'ACTIVE' || ids.length === 0 ? [] : (await api.request(belowQuery, { ids, status }, signal)).nodes;
    const bySid = new Map(below.flatMap((node) => (node === null ? [] : [[node.sid, node.descendants]])));
    groups = [...groups, ...tops.map((row) => ({ row, below: bySid.get(row.sid)?.totalCount ?? 0 }))];
    // The list goes on behind the tree of the last one, however far that is.
    after = bySid.get(ids.at(-1) ?? '')?.pageInfo.endCursor ?? pageInfo.endCursor;
    hasMore = pageInfo.hasNextPage;
  }
  return { groups, after, hasMore };
}

const nothing: Groups = { groups: [], after: null, hasMore: true };

const empty: Record<Status, string> = {
  SUSPENDED: 'Everyone who is not closed can work. An account that is suspended is listed here, with who did it and when.',
  UNINITIALIZED: 'No account waits for its first password.',
  CLOSED: 'No account was closed.',
  ACTIVE: 'No account below you is active.',
};

/** The accounts with a status. Of a tree that was switched off together, the account at its top stands for all. */
export function ByStatus({ status, total }: { status: Status; total: number | undefined }) {
  const { api, generation } = useSession();
  const [read, setRead] = useState<Groups>();
  const [failure, setFailure] = useState<ReturnType<typeof asFailure>>();
  const [isReading, setReading] = useState(true);
  const groups = read?.groups;

  const readOn = async (known: Groups, wanted: number, signal?: AbortSignal): Promise<void> => {
    setReading(true);
    try {
      setRead(await readGroups(api, status, known, wanted, signal));
      setFailure(undefined);
    } catch (error) {
      if (signal?.aborted) return;
      setFailure(asFailure(error));
    }
    setReading(false);
  };
  useEffect(() => {
    const ending = new AbortController();
    void readOn(nothing, Math.max(step, groups?.length ?? 0), ending.signal);
    return () => ending.abort();
  }, [api, status, generation, total]);

  return (
    <Card title={status === 'SUSPENDED' ? 'Switched off right now' : `${sentence(statusNames[status])} accounts`} wide>
      {failure !== undefined && <Alert failure={failure} retry={() => void readOn(nothing, step)} />}
      {groups === undefined && failure === undefined && <Reading what="accounts" />}
      {groups?.length === 0 && !read!.hasMore && <Empty>{empty[status]}</Empty>}
      {groups !== undefined && groups.length > 0 && (
        <ul class="rows">
          {groups.map(({ row, below }) => (
            <li key={row.sid}>
              <span class="two-lines">
                <a href={addressOf.account(row.sid)}>
                  <bdi>{row.friendlyName}</bdi>
                </a>
                <small>
                  {row.parent !== null && (
                    <>
                      below <bdi>{row.parent.friendlyName}</bdi>
                    </>
                  )}
                  {below > 0 && <> · with {number(below)} below it</>}
                </small>
              </span>
              <span class="since">
                <Since account={row} />
              </span>
            </li>
          ))}
        </ul>
      )}
      {read?.hasMore === true && (
        <button type="button" class="more" disabled={isReading} onClick={() => void readOn(read, read.groups.length + step)}>
          {isReading ? 'Reading…' : 'Show more'}
        </button>
      )}
    </Card>
  );
}
