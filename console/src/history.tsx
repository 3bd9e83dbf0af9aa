import { useEffect, useRef, useState } from 'preact/hooks';
import { asFailure, useRead, useSession } from './context.js';
import { type Entry, historyQuery } from './operations.js';
import { Alert, Card, Empty, Reading, Time } from './parts.js';
import { addressOf } from './route.js';
import { sentenceOf, textOf } from './sentences.js';

interface HistoryCardProps {
  sid: string;
  title: string;
  /** Whether it begins with what was done below the account, too. */
  below?: boolean;
  /** The chain of the root has what was done to itself, organizations and profiles; each tree has a chain of its own. */
  isOfRoot: boolean;
}

/** What was done to an account, the newest first, as sentences. It is read again whenever something happens. */
export function HistoryCard({ sid, title, below = false, isOfRoot }: HistoryCardProps) {
  const { api, viewer, announce } = useSession();
  const [isBelow, setBelow] = useState(below || isOfRoot);
  const { data, failure, reload } = useRead(historyQuery, { sid, below: isBelow, before: null });
  /** What was read behind the newest page. */
  const [older, setOlder] = useState<{ entries: Entry[]; cursor: string | null; hasMore: boolean }>();
  const [olderFailure, setOlderFailure] = useState<ReturnType<typeof asFailure>>();
  useEffect(() => setOlder(undefined), [sid, isBelow]);

  const newest = data?.account?.history;
  // What others did meanwhile is told to whoever does not see the list grow.
  const known = useRef<number | undefined>(undefined);
  useEffect(() => {
    const last = newest?.nodes.at(-1);
    if (last === undefined) return;
    const isNew = known.current !== undefined && last.position > known.current;
    if (isNew && last.actor?.sid !== viewer.sid) announce(`${textOf(sentenceOf(last, viewer.isSuperAdmin))}.`);
    known.current = last.position;
  }, [newest]);

  const cursor = older === undefined ? newest?.pageInfo.startCursor : older.cursor;
  const hasMore = older === undefined ? newest?.pageInfo.hasPreviousPage === true : older.hasMore;
  const readOlder = async (): Promise<void> => {
    try {
      const { account } = await api.request(historyQuery, { sid, below: isBelow, before: cursor ?? null });
      const { nodes, pageInfo } = account!.history;
      setOlder({ entries: [...nodes, ...(older?.entries ?? [])], cursor: pageInfo.startCursor, hasMore: pageInfo.hasPreviousPage });
      setOlderFailure(undefined);
    } catch (error) {
      setOlderFailure(asFailure(error));
    }
  };
  // What came since may have pushed entries out of the newest page: none is shown twice.
  const entries = [...new Map([...(older?.entries ?? []), ...(newest?.nodes ?? [])].map((entry) => [entry.position, entry])).values()];
  return (
    <Card
      title={title}
      wide
      actions={
        !isOfRoot && (
          <label class="check">
            <input type="checkbox" checked={isBelow} onChange={({ currentTarget }) => setBelow(currentTarget.checked)} />
            With everything below
          </label>
        )
      }
    >
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      {newest === undefined && failure === undefined && <Reading what="the history" />}
      {newest !== undefined && entries.length === 0 && <Empty>Nothing was recorded yet.</Empty>}
      {entries.length > 0 && (
        <ol class="history">
          {entries.toReversed().map((entry) => (
            <li key={entry.position}>
              <Sentence entry={entry} />
            </li>
          ))}
        </ol>
      )}
      {isOfRoot && <p class="note">Of the root itself, organizations and profiles. The page of each account has its own.</p>}
      {olderFailure !== undefined && <Alert failure={olderFailure} />}
      {hasMore && (
        <button type="button" class="more" onClick={() => void readOlder()}>
          Show older
        </button>
      )}
    </Card>
  );
}

function Sentence({ entry }: { entry: Entry }) {
  const { viewer } = useSession();
  return (
    <>
      {sentenceOf(entry, viewer.isSuperAdmin).map((piece) =>
        typeof piece === 'string' ? (
          piece
        ) : (
          <a href={addressOf.account(piece.sid)}>
            <bdi>{piece.name}</bdi>
          </a>
        ),
      )}
      {', '}
      <span class="when">
        <Time at={entry.date} />
      </span>
    </>
  );
}
