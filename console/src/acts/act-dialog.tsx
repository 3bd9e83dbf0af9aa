import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { Failure } from '../api.js';
import { asFailure, useSession } from '../context.js';
import { Dialog, useFocusOnFailure } from '../dialog.js';

/** What an act would do, told before it is done. */
export interface Plan {
  /** "This will suspend 14 accounts: Jane's shop and 13 below it." */
  sentence: string;
  details: readonly string[];
  /** What the button says that does it; undefined where there is nothing to do. */
  label: string | undefined;
  isDangerous?: boolean;
  /** Does it, and tells what was done. @throws Failure */
  perform(): Promise<ComponentChildren | void>;
  /** What was done, for whoever cannot see it. */
  done: string;
}

interface ActDialogProps {
  title: string;
  /** What is asked first; without it the plan is made at once. */
  form?: (failure: Failure | undefined) => ComponentChildren;
  /** The names, as the gateway spells them, of the inputs that the form has. */
  fields?: readonly string[];
  /** Asks the gateway what would happen, where it can tell. @throws Failure */
  plan: () => Promise<Plan> | Plan;
  close: () => void;
}

/** Every act of the console: it asks what it needs, tells what it would do, and does it only then. */
export function ActDialog({ title, form, fields = [], plan: makePlan, close }: ActDialogProps) {
  const { changed } = useSession();
  const [plan, setPlan] = useState<Plan>();
  const [failure, setFailure] = useState<Failure>();
  const [isBusy, setBusy] = useState(form === undefined);
  const [outcome, setOutcome] = useState<ComponentChildren>();
  const body = useRef<HTMLFormElement>(null);
  const planned = useRef<HTMLParagraphElement>(null);
  const isAtField = failure?.field !== undefined && fields.includes(failure.field);
  useFocusOnFailure(body, isAtField ? failure : undefined);

  const lookAhead = async (): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    setPlan(undefined);
    try {
      setPlan(await makePlan());
    } catch (error) {
      setFailure(asFailure(error));
    }
    setBusy(false);
  };
  const perform = async ({ perform: act, done }: Plan): Promise<void> => {
    setBusy(true);
    setFailure(undefined);
    try {
      const shown = await act();
      changed(done);
      if (shown == null) return close();
      setOutcome(shown);
    } catch (error) {
      const caught = asFailure(error);
      const isStale = caught.code === 'VERSION_CONFLICT';
      if (isStale) changed();
      setFailure(isStale ? new Failure('It was changed meanwhile. Look again before you go on.', caught.code) : caught);
      // Back to the input that is at fault, or to look again at what the act would do by now.
      if (form !== undefined && caught.field !== undefined && fields.includes(caught.field)) setPlan(undefined);
    }
    setBusy(false);
  };
  useEffect(() => {
    if (form === undefined) void lookAhead();
  }, []);
  useEffect(() => {
    if (plan !== undefined && form !== undefined) planned.current?.focus();
  }, [plan]);

  const isForm = plan === undefined && form !== undefined;
  const submit = (event: Event): void => {
    event.preventDefault();
    if (isBusy) return;
    if (outcome !== undefined) close();
    else if (plan === undefined) void lookAhead();
    else if (failure !== undefined && !isAtField) void lookAhead();
    else if (plan.label !== undefined) void perform(plan);
  };
  return (
    <Dialog title={title} close={close} isBusy={isBusy && plan !== undefined}>
      <form ref={body} method="post" noValidate onSubmit={submit}>
        {isForm && form(isAtField ? failure : undefined)}
        {!isForm && outcome === undefined && (
          <div class="plan" aria-live="polite">
            {plan === undefined ? (
              isBusy && <p>Looking at what this would do…</p>
            ) : (
              <>
                <p ref={planned} tabIndex={-1} class="plan-sentence">
                  {plan.sentence}
                </p>
                {plan.details.length > 0 && (
                  <ul>
                    {plan.details.map((detail) => (
                      <li key={detail}>{detail}</li>
                    ))}
                  </ul>
                )}
              </>
            )}
          </div>
        )}
        {outcome}
        {failure !== undefined && !isAtField && (
          <p class="alert" role="alert">
            {failure.message}
          </p>
        )}
        <footer>
          {outcome === undefined && (
            <button
              type="button"
              onClick={() => (plan !== undefined && form !== undefined && !isBusy ? setPlan(undefined) : close())}
              disabled={isBusy && plan !== undefined}
            >
              {plan !== undefined && form !== undefined ? 'Back' : 'Cancel'}
            </button>
          )}
          <Confirm {...{ plan, isForm, isBusy, isDone: outcome !== undefined, isStuck: failure !== undefined && !isAtField }} />
        </footer>
      </form>
    </Dialog>
  );
}

function Confirm({
  plan,
  isForm,
  isBusy,
  isDone,
  isStuck,
}: {
  plan: Plan | undefined;
  isForm: boolean;
  isBusy: boolean;
  isDone: boolean;
  isStuck: boolean;
}) {
  if (isDone) return <button class="primary">Done</button>;
  if (isForm)
    return (
      <button class="primary" aria-disabled={isBusy}>
        {isBusy ? 'Looking…' : 'Continue'}
      </button>
    );
  if (isStuck) return <button class="primary">Look again</button>;
  if (plan?.label === undefined) return null;
  return (
    <button class={plan.isDangerous === true ? 'primary danger' : 'primary'} aria-disabled={isBusy}>
      {isBusy ? 'Working…' : plan.label}
    </button>
  );
}

/** @throws Failure at the field, if nothing was entered there */
export function assertFilled(value: string, field: string, message: string): void {
  if (value.trim() === '') throw new Failure(message, 'MISSING_PARAMETER', field);
}
