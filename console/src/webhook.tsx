import { useState } from 'preact/hooks';
import { type WebhookAct, WebhookActDialog } from './acts/webhook-acts.js';
import { asFailure, useInterval, useRead, useSession } from './context.js';
import { type WebhookDetail, webhookQuery } from './webhook-operations.js';
import { Alert, Card, Empty, Reading, Time } from './parts.js';
import { addressOf } from './route.js';
import { Attempts } from './webhook-attempts.js';
import { WebhookState, positionOf, typeName, waitingInWords } from './webhook-parts.js';
import { count, number } from './words.js';

/** How often attempts are read again, in milliseconds: no event tells of them. */
const often = 5000;

/** The page of a webhook: what was delivered, what waits, and why. */
export function WebhookPage({ sid }: { sid: string }) {
  const { api } = useSession();
  const { data, failure, reload } = useRead(webhookQuery, { sid, after: null });
  const [older, setOlder] = useState<WebhookDetail['attempts']>();
  const [olderFailure, setOlderFailure] = useState<ReturnType<typeof asFailure>>();
  const [act, setAct] = useState<WebhookAct>();
  useInterval(reload, often);
  const webhook = data?.webhook;
  if (webhook == null) {
    return (
      <>
        <h1 tabIndex={-1}>{webhook === null ? 'No such webhook' : 'Webhook'}</h1>
        {failure !== undefined && <Alert failure={failure} retry={reload} />}
        {webhook === null ? (
          <p class="muted">There is no webhook with this SID, or you may not see it.</p>
        ) : (
          failure === undefined && <Reading what="the webhook" />
        )}
      </>
    );
  }
  const { account, url, description, status, stateReason, stateChangedAt, types } = webhook;
  const pageInfo = (older ?? webhook.attempts).pageInfo;
  const attempts = [
    ...new Map([...webhook.attempts.nodes, ...(older?.nodes ?? [])].map((attempt) => [attempt.eventId + attempt.date, attempt])).values(),
  ];
  const readOlder = async (): Promise<void> => {
    try {
      const more = await api.request(webhookQuery, { sid, after: pageInfo.endCursor });
      if (more.webhook !== null)
        setOlder({ nodes: [...(older?.nodes ?? []), ...more.webhook.attempts.nodes], pageInfo: more.webhook.attempts.pageInfo });
      setOlderFailure(undefined);
    } catch (error) {
      setOlderFailure(asFailure(error));
    }
  };
  const mayChange = account.status !== 'CLOSED';
  return (
    <>
      <nav aria-label="The account of the webhook" class="ancestors">
        <ol>
          <li>
            <a href={addressOf.account(account.sid)}>
              <bdi>{account.friendlyName}</bdi>
            </a>
          </li>
        </ol>
      </nav>
      <header class="headline">
        <h1 tabIndex={-1}>{description === '' ? 'Webhook' : description}</h1>
        <p class="muted">
          <WebhookState webhook={webhook} /> <Time at={stateChangedAt} />
          {stateReason !== null && ` · ${stateReason}`}
        </p>
        {mayChange && (
          <div class="acts">
            {status === 'ACTIVE' ? (
              <>
                <button type="button" onClick={() => setAct({ kind: 'test' })}>
                  Test
                </button>
                <button type="button" onClick={() => setAct({ kind: 'disable' })}>
                  Switch off
                </button>
              </>
            ) : (
              (status === 'DISABLED' || status === 'PAUSED') && (
                <button type="button" onClick={() => setAct({ kind: 'enable' })}>
                  Switch on
                </button>
              )
            )}
          </div>
        )}
      </header>
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      <div class="cards">
        <Card title="Endpoint">
          <dl>
            <div>
              <dt>URL</dt>
              <dd>
                <code>{url}</code>
              </dd>
            </div>
            <div>
              <dt>SID</dt>
              <dd>
                <code>{sid}</code>
              </dd>
            </div>
            <div>
              <dt>Told of</dt>
              <dd>{types === null ? 'every type of event' : types.map(typeName).join(', ')}</dd>
            </div>
          </dl>
        </Card>
        <Card title="What waits">
          <p>Of the history, {waitingInWords(webhook)}.</p>
          {webhook.waiting.nodes.length > 0 && (
            <ul class="rows">
              {webhook.waiting.nodes.map(({ tree, deliveredId, latestPosition, failures, failingSince, nextAttemptAt }) => (
                <li key={tree}>
                  <span class="two-lines">
                    <span>
                      {deliveredId === null ? 'Nothing delivered' : `Delivered up to ${positionOf(deliveredId)}`} of{' '}
                      {number(latestPosition)}
                    </span>
                    <small>
                      <code>{tree}</code>
                    </small>
                  </span>
                  <small class="since">
                    {failingSince !== null && (
                      <>
                        failed {count(failures, 'time')}, since <Time at={failingSince} />
                      </>
                    )}
                    {nextAttemptAt !== null && (
                      <>
                        {', '}next try <Time at={nextAttemptAt} />
                      </>
                    )}
                  </small>
                </li>
              ))}
            </ul>
          )}
        </Card>
      </div>
      <Card title="Attempts" wide>
        {attempts.length === 0 && <Empty>Nothing was sent yet. “Test” sends an event at once.</Empty>}
        {attempts.length > 0 && <Attempts attempts={attempts} webhook={webhook} choose={mayChange ? setAct : undefined} />}
        {olderFailure !== undefined && <Alert failure={olderFailure} />}
        {pageInfo.hasNextPage && (
          <button type="button" class="more" onClick={() => void readOlder()}>
            Show older
          </button>
        )}
      </Card>
      {act !== undefined && <WebhookActDialog act={act} webhook={webhook} close={() => setAct(undefined)} reload={reload} />}
    </>
  );
}
