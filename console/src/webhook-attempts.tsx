import type { Attempt, WebhookDetail } from './webhook-operations.js';
import { Time } from './parts.js';
import type { WebhookAct } from './acts/webhook-acts.js';
import { shortened, treeOf, typeName } from './webhook-parts.js';
import { number } from './words.js';

/** The attempts to deliver, the newest first, and what can be done with their events. */
export function Attempts({
  attempts,
  webhook,
  choose,
}: {
  attempts: Attempt[];
  webhook: WebhookDetail;
  choose: ((act: WebhookAct) => void) | undefined;
}) {
  return (
    <div class="scrolls" tabIndex={0} role="group" aria-label="Attempts">
      <table>
        <thead>
          <tr>
            <th scope="col">When</th>
            <th scope="col">Event</th>
            <th scope="col">Answer</th>
            <th scope="col">Took</th>
            <th scope="col">
              <span class="unseen">Acts</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {attempts.map((attempt) => {
            const { eventId, eventType, date, status, milliseconds, answer, failure } = attempt;
            const isTest = eventType === 'WEBHOOK_TEST';
            return (
              <tr key={eventId + date}>
                <td>
                  <Time at={date} />
                </td>
                <td>
                  <span class="two-lines">
                    <span>{typeName(eventType)}</span>
                    <small>
                      <code title={eventId}>{shortened(eventId)}</code>
                    </small>
                  </span>
                </td>
                <td>
                  <span class="two-lines">
                    <span class={failure === null ? 'tag on' : 'refused'}>{failure === null ? `accepted, ${status}` : failure}</span>
                    {answer !== '' && <small class="answer">{answer}</small>}
                  </span>
                </td>
                <td class="amount">{number(milliseconds)} ms</td>
                <td class="acts">
                  {choose !== undefined && !isTest && failure === null && (
                    <button type="button" aria-label={`Replay from ${eventId}`} onClick={() => choose({ kind: 'replay', attempt })}>
                      Replay
                    </button>
                  )}
                  {choose !== undefined && !isTest && isNext(attempt, attempts, webhook) && (
                    <button type="button" aria-label={`Skip ${eventId}`} onClick={() => choose({ kind: 'skip', attempt })}>
                      Skip
                    </button>
                  )}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}

/** Whether the event of a failed attempt is the one that its tree waits for: the last that was tried there. */
function isNext(attempt: Attempt, attempts: Attempt[], { waiting }: WebhookDetail): boolean {
  const tree = treeOf(attempt.eventId);
  const last = attempts.find(({ eventId, eventType }) => eventType !== 'WEBHOOK_TEST' && treeOf(eventId) === tree);
  return last === attempt && attempt.failure !== null && waiting.nodes.some((progress) => progress.tree === tree && progress.failures > 0);
}
