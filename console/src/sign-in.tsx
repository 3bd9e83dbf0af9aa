import { useEffect, useRef, useState } from 'preact/hooks';
import { Api } from './api.js';
import { asFailure } from './context.js';
import { Logo } from './logo.js';
import type { Viewer } from './operations.js';

/** Asks who is there. The inputs have no names: even if the script failed, nothing could be submitted or end in the address. */
export function SignIn({ message, enter }: { message: string | undefined; enter: (api: Api, viewer: Viewer) => void }) {
  const user = useRef<HTMLInputElement>(null);
  const secret = useRef<HTMLInputElement>(null);
  const [failure, setFailure] = useState(message);
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Console · Account gateway';
    user.current!.focus();
  }, []);

  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (isBusy) return;
    setFailure(undefined);
    setBusy(true);
    const api = new Api(user.current!.value.trim(), secret.current!.value);
    try {
      enter(api, await api.signIn());
    } catch (error) {
      setFailure(asFailure(error).message);
      setBusy(false);
      secret.current!.focus();
      secret.current!.select();
    }
  };
  return (
    <main class="sign-in">
      <form method="post" noValidate onSubmit={(event) => void submit(event)}>
        <h1>
          <Logo />
          Account gateway
        </h1>
        <p class="muted">Sign in to see the accounts that you may see.</p>
        <div class="field">
          <label for="user">SID or e-mail address</label>
          <input id="user" ref={user} required autocomplete="username" autocapitalize="none" spellcheck={false} />
        </div>
        <div class="field">
          <label for="secret">Password or AuthToken</label>
          <input id="secret" ref={secret} type="password" required autocomplete="current-password" />
        </div>
        <p role="alert" class={failure === undefined ? 'unseen' : 'alert'}>
          {failure}
        </p>
        <button class="primary" aria-disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p class="note">What you enter stays in this page's memory, and goes with it.</p>
      </form>
    </main>
  );
}
