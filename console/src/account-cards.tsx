import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { ActDialog } from './acts/act-dialog.js';
import { useRead, useSession } from './context.js';
import { retryRemovalMutation } from './mutations.js';
import { type Account, type Permissions, type Removal, isTopLevel, profileDocumentQuery } from './operations.js';
import { Alert, Card, Empty, Reading, Time } from './parts.js';
import { addressOf } from './route.js';
import { count, list, number, roleNames, sentence, typeNames } from './words.js';

/** What there is to know of an account, beside its webhooks and history. */
export function AccountCards({ account }: { account: Account }) {
  return (
    <>
      <Properties account={account} />
      <CanDo account={account} />
      <Profile account={account} />
      <Subresources account={account} />
      {(account.resourceRemoval?.length ?? 0) > 0 && <Removals account={account} removals={account.resourceRemoval!} />}
    </>
  );
}

function Properties({ account }: { account: Account }) {
  const { sid, emailAddress, friendlyName, type, role, organization, organizationSid, dateCreated, dateUpdated, version, descendantCount } =
    account;
  return (
    <Card title="Properties">
      <dl>
        <Property name="Name">
          <bdi>{friendlyName}</bdi>
        </Property>
        <Property name="E-mail address">{emailAddress}</Property>
        <Property name="SID">
          <code>{sid}</code>
        </Property>
        <Property name="Role">{roleNames[role]}</Property>
        <Property name="Type">{typeNames[type]}</Property>
        <Property name="Organization">{organization?.domainName ?? <code>{organizationSid}</code>}</Property>
        {descendantCount !== undefined && <Property name="Below it">{count(descendantCount, 'account')}</Property>}
        <Property name="Created">
          <Time at={dateCreated} />
        </Property>
        <Property name="Changed">
          <Time at={dateUpdated} />, version {number(version)}
        </Property>
      </dl>
    </Card>
  );
}

function Property({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

const permissionNames: Record<keyof Permissions, string> = {
  update: 'rename it',
  changeRole: 'change its role and type',
  changeEmailAddress: 'change its e-mail address',
  setStatus: 'suspend and activate it',
  close: 'close it',
  createSubAccount: 'create accounts below it',
  migrate: 'move it to another organization',
  useAuthToken: 'read and replace its AuthToken',
  createPasswordResetToken: 'create a token that resets its password',
};

function CanDo({ account }: { account: Account }) {
  const { capabilities } = account;
  return (
    <Card title="What it can do, and you to it">
      <ul class="marks">
        <Mark yes={capabilities.restApi}>Sign in</Mark>
        <Mark yes={capabilities.voiceAndSms}>Send and receive calls and SMS</Mark>
        <Mark yes={capabilities.clientRegistration}>Register SIP clients</Mark>
      </ul>
      <p>{permissionsInWords(account)}</p>
    </Card>
  );
}

function permissionsInWords(account: Account): string {
  if (account.status === 'CLOSED') return 'It is closed, so nothing of it can be changed any more.';
  const permitted = (Object.keys(permissionNames) as (keyof Permissions)[]).filter(
    (name) => account.viewerCan[name] && (name !== 'migrate' || isTopLevel(account)),
  );
  return permitted.length === 0 ? 'You may only look at it.' : `You may ${list(permitted.map((name) => permissionNames[name]))}.`;
}

function Mark({ yes, children }: { yes: boolean; children: ComponentChildren }) {
  return (
    <li class={yes ? 'yes' : 'no'}>
      <svg viewBox="0 0 12 12" aria-hidden="true">
        <path d={yes ? 'M2.5 6.5l2.5 2.5 4.5-6' : 'M3 3l6 6M9 3l-6 6'} />
      </svg>
      {children}
      <b>{yes ? 'Yes' : 'No'}</b>
    </li>
  );
}

function Profile({ account }: { account: Account }) {
  const { sid, profile, profileSource, ancestors, organization } = account;
  const [isOpen, setOpen] = useState(false);
  const { data, failure } = useRead(profileDocumentQuery, isOpen ? { sid } : null, sid);
  const source = ancestors.find((above) => above.sid === profileSource);
  return (
    <Card title="Profile in effect">
      <p>
        {profileSource === null && 'The default profile: neither the account, nor one above it, nor its organization is linked to another.'}
        {profileSource === sid && 'Its own: the account is linked to it.'}
        {profileSource === 'above' && 'It comes from an account above.'}
        {source !== undefined && (
          <>
            It comes from <a href={addressOf.account(source.sid)}>{source.friendlyName}</a>, above it.
          </>
        )}
        {profileSource?.startsWith('OR') && `It comes from the organization ${organization?.domainName ?? ''}.`}
      </p>
      <p>
        <code>{profile.sid}</code>
      </p>
      <details onToggle={({ currentTarget }) => setOpen(currentTarget.open)}>
        <summary>Document</summary>
        {failure !== undefined && <Alert failure={failure} />}
        {data === undefined && failure === undefined && <Reading what="the document" />}
        {data !== undefined && <pre tabIndex={0}>{JSON.stringify(data.account?.profile.document, null, 2)}</pre>}
      </details>
    </Card>
  );
}

function Subresources({ account: { subresources, uri } }: { account: Account }) {
  return (
    <Card title="Subresources">
      <p class="muted">
        In the REST API, below <code class="path">{uri}</code>
      </p>
      <ul class="columns">
        {subresources.map(({ name, uri: link, isServed }) => (
          <li key={name}>
            <code title={link}>{link.slice(uri.length)}</code>
            <span class={isServed ? 'tag on' : 'tag'}>{isServed ? 'served' : 'not served'}</span>
          </li>
        ))}
      </ul>
    </Card>
  );
}

const removalNames: Record<Removal['state'], string> = {
  PENDING: 'pending',
  DONE: 'removed',
  UNSUPPORTED: 'not supported by the service',
  FAILED: 'given up',
};

/** How the removal of what a closed account had stands. */
function Removals({ account, removals }: { account: Account; removals: Removal[] }) {
  const { api } = useSession();
  const [isOpen, setOpen] = useState(false);
  const failed = removals.filter(({ state }) => state === 'FAILED').map(({ subresource }) => subresource);
  return (
    <Card
      title="Removal of its resources"
      actions={
        failed.length > 0 &&
        account.viewerCan.setStatus && (
          <button type="button" onClick={() => setOpen(true)}>
            Try again
          </button>
        )
      }
    >
      {removals.length === 0 && <Empty>No service is asked to remove anything.</Empty>}
      <ul class="rows">
        {removals.map(({ subresource, state, since, failures, lastFailure }) => (
          <li key={subresource}>
            <span class="two-lines">
              <span>{subresource}</span>
              <small>
                asked for <Time at={since} />
                {failures > 0 && ` · failed ${count(failures, 'time')}`}
                {lastFailure !== null && ` · ${lastFailure}`}
              </small>
            </span>
            <span class={`tag ${state === 'FAILED' ? 'bad' : state === 'DONE' ? 'on' : ''}`}>{sentence(removalNames[state])}</span>
          </li>
        ))}
      </ul>
      {isOpen && (
        <ActDialog
          title="Try the removal again"
          plan={() => ({
            sentence: `This will ask for the removal of ${list(failed)} again.`,
            details: ['It counts for all accounts that were closed together with this one.'],
            label: 'Try again',
            perform: async () => void (await api.request(retryRemovalMutation, { input: { sid: account.sid } })),
            done: 'The removal is tried again.',
          })}
          close={() => setOpen(false)}
        />
      )}
    </Card>
  );
}
