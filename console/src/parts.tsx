import type { ComponentChildren } from 'preact';
import { type Failure } from './api.js';
import { useNow } from './context.js';
import type { Row, Status } from './operations.js';
import { addressOf } from './route.js';
import { ago, sentence, statusNames } from './words.js';

/** "12 minutes ago", and the exact time for whoever wants it. */
export function Time({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={at}>
      {ago(new Date(at), now)}
    </time>
  );
}

/** A status, told by a shape and a word as well as by a colour. */
export function StatusMark({ status }: { status: Status }) {
  return (
    <span class={`status status-${status.toLowerCase()}`}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        {status === 'ACTIVE' && <circle cx="6" cy="6" r="4" class="fill" />}
        {status === 'SUSPENDED' && <path d="M4 2.5v7M8 2.5v7" />}
        {status === 'UNINITIALIZED' && <circle cx="6" cy="6" r="3.5" />}
        {status === 'CLOSED' && <path d="M3 3l6 6M9 3l-6 6" />}
      </svg>
      {sentence(statusNames[status])}
    </span>
  );
}

/** Since when, and by whom, an account has its status. */
export function Since({
  account,
  links = true,
}: {
  account: Pick<Row, 'statusChangedAt' | 'statusChangedBy' | 'statusAuthor'>;
  links?: boolean;
}) {
  const { statusChangedAt, statusChangedBy, statusAuthor } = account;
  if (statusChangedAt === null) return <>since before this was recorded</>;
  return (
    <>
      <Time at={statusChangedAt} />
      {statusAuthor !== null ? (
        <>
          {' by '}
          {links ? <a href={addressOf.account(statusAuthor.sid)}>{statusAuthor.emailAddress}</a> : statusAuthor.emailAddress}
        </>
      ) : statusChangedBy === 'above' ? (
        ' by an account above'
      ) : (
        ' by the gateway or its operator'
      )}
    </>
  );
}

/** Something of the whole page or of a part of it went wrong. */
export function Alert({ failure, retry }: { failure: Failure; retry?: () => void }) {
  return (
    <div class="alert" role="alert">
      <p>{failure.message}</p>
      {retry !== undefined && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Card({
  title,
  actions,
  children,
  wide,
}: {
  title: string;
  actions?: ComponentChildren;
  children: ComponentChildren;
  wide?: boolean;
}) {
  const id = `card-${title.toLowerCase().replaceAll(/[^a-z]+/g, '-')}`;
  return (
    <section class={wide === true ? 'card wide' : 'card'} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {actions}
      </header>
      {children}
    </section>
  );
}

/** Nothing is there yet, and why that is so. */
export function Empty({ children }: { children: ComponentChildren }) {
  return <p class="empty">{children}</p>;
}

export function Reading({ what }: { what: string }) {
  return <p class="empty">Reading {what}…</p>;
}
