import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { AccountPage } from './account.js';
import type { Api, Failure } from './api.js';
import { type Session, SessionContext, useInterval } from './context.js';
import { Home } from './home.js';
import { IdleGuard } from './idle-guard.js';
import { useEvents } from './live.js';
import { Logo } from './logo.js';
import { Organizations } from './organizations.js';
import type { StreamedEvent, Viewer } from './operations.js';
import { type Route, addressOf, routeOf } from './route.js';
import { Search } from './search.js';
import { SignIn } from './sign-in.js';
import { Tree } from './tree.js';
import { WebhookPage } from './webhook.js';
import { roleNames } from './words.js';

/** How often what is shown is read again, in milliseconds, for the Super Admin: no stream tells of all trees. */
const often = 30_000;

/** The console: whoever signs in sees what the gateway lets them see. */
export function App() {
  const [entered, setEntered] = useState<{ api: Api; viewer: Viewer }>();
  const [message, setMessage] = useState<string>();
  const signOut = useCallback((why?: string) => {
    setMessage(why);
    setEntered((before) => {
      before?.api.close();
      return undefined;
    });
  }, []);
  if (entered === undefined) {
    return (
      <SignIn
        message={message}
        enter={(api, viewer) => {
          api.onRefused = (failure: Failure) => signOut(`You were signed out: ${failure.message}`);
          setEntered({ api, viewer });
        }}
      />
    );
  }
  return <SignedIn {...entered} signOut={signOut} />;
}

function SignedIn({ api, viewer, signOut }: { api: Api; viewer: Viewer; signOut: (why?: string) => void }) {
  const route = useRoute();
  const [generation, setGeneration] = useState(0);
  const [announced, setAnnounced] = useState('');
  const listeners = useRef(new Set<(sid: string) => void>()).current;
  const manages = viewer.isSuperAdmin || viewer.role === 'ADMINISTRATOR';

  const session = useMemo((): Session => {
    const created = (sid: string): void => listeners.forEach((listener) => listener(sid));
    return {
      api,
      viewer,
      manages,
      generation,
      announce: setAnnounced,
      changed(what) {
        setGeneration((before) => before + 1);
        if (what !== undefined) setAnnounced(what);
      },
      onCreated(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
      created,
    };
  }, [api, viewer, generation]);

  const told = (events: StreamedEvent[]): void => {
    for (const { type, data } of events) if (type === 'ACCOUNT_CREATED' && data.account !== null) session.created(data.account.sid);
    session.changed();
  };
  useEvents(api, manages ? viewer.sid : null, told);
  // The Super Admin's own stream tells of itself, organizations and profiles; each tree has one of its own.
  useEvents(api, viewer.isSuperAdmin && route.page === 'account' && route.sid !== viewer.sid ? route.sid : null, told);

  useInterval(() => session.changed(), viewer.isSuperAdmin ? often : null);

  useEffect(() => {
    if (announced === '') return;
    const timer = setTimeout(() => setAnnounced(''), 8000);
    return () => clearTimeout(timer);
  }, [announced]);

  const selectedSid = route.page === 'account' ? route.sid : undefined;
  return (
    <SessionContext.Provider value={session}>
      <div class={`console at-${route.page} ${manages ? '' : 'alone'}`}>
        <Header viewer={viewer} manages={manages} route={route} signOut={() => signOut()} />
        {manages && (
          <nav class="tree-pane" aria-label="Accounts">
            <Tree selectedSid={selectedSid} />
          </nav>
        )}
        <main tabIndex={-1}>
          <Page route={route} viewer={viewer} manages={manages} />
        </main>
        <p class="notice" role="status">
          {announced}
        </p>
      </div>
      <IdleGuard signOut={() => signOut('You were signed out, because nobody used the console for five minutes.')} />
    </SessionContext.Provider>
  );
}

function Header({ viewer, manages, route, signOut }: { viewer: Viewer; manages: boolean; route: Route; signOut: () => void }) {
  return (
    <header class="bar">
      <a class="brand" href={addressOf.home} aria-label="Account gateway, first page">
        <Logo />
        <span>Account gateway</span>
      </a>
      {manages && <Search />}
      <div class="who">
        {viewer.isSuperAdmin && (
          <a href={addressOf.organizations} aria-current={route.page === 'organizations' ? 'page' : undefined}>
            Organizations
          </a>
        )}
        <a
          href={addressOf.account(viewer.sid)}
          class="two-lines viewer"
          aria-current={route.page === 'account' && route.sid === viewer.sid ? 'page' : undefined}
        >
          <span>{viewer.emailAddress}</span>
          <small>{viewer.isSuperAdmin ? 'Super Admin' : roleNames[viewer.role]}</small>
        </a>
        <button type="button" onClick={signOut}>
          Sign out
        </button>
      </div>
    </header>
  );
}

function Page({ route, viewer, manages }: { route: Route; viewer: Viewer; manages: boolean }) {
  useNewPage(route);
  if (route.page === 'organizations') return <Organizations />;
  if (route.page === 'webhook') return <WebhookPage key={route.sid} sid={route.sid} />;
  if (route.page === 'account') return <AccountPage key={route.sid} sid={route.sid} />;
  if (route.page === 'unknown') {
    return (
      <>
        <h1 tabIndex={-1}>No such page</h1>
        <p>
          <a href={addressOf.home}>Back to the first page</a>
        </p>
      </>
    );
  }
  return manages ? <Home /> : <AccountPage sid={viewer.sid} />;
}

function useRoute(): Route {
  const [route, setRoute] = useState(() => routeOf(location.hash));
  useEffect(() => {
    const follow = (): void => setRoute(routeOf(location.hash));
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

const titles: Record<Route['page'], string> = {
  home: 'Console',
  account: 'Account',
  webhook: 'Webhook',
  organizations: 'Organizations',
  unknown: 'No such page',
};

/** A page that one went to begins at its top, with its heading read. */
function useNewPage(route: Route): void {
  const isFirst = useRef(true);
  useEffect(() => {
    document.title = `${titles[route.page]} · Account gateway`;
    const main = document.querySelector('main')!;
    main.scrollTop = 0;
    scrollTo(0, 0);
    if (!isFirst.current || document.activeElement === document.body) {
      main.focus({ preventScroll: true });
      // On a telephone's first page it is no box of its own.
      if (document.activeElement !== main) document.querySelector('h1')?.focus({ preventScroll: true });
    }
    isFirst.current = false;
  }, [route.page, 'sid' in route ? route.sid : '']);
}
