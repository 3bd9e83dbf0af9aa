import type { ComponentChildren, RefObject } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Failure } from './api.js';

/**
 * A modal dialog, the browser's own: it keeps the focus inside, and Escape closes it. When it goes, the focus returns to what had it, or to the
 * heading of the page if that is gone.
 */
export function Dialog({
  title,
  close,
  isBusy = false,
  children,
}: {
  title: string;
  close: () => void;
  isBusy?: boolean;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const opener = document.activeElement;
    dialog.current!.showModal();
    return () => {
      // Once the page is drawn anew, the button that opened it may be gone.
      setTimeout(() => {
        if (document.activeElement !== document.body && document.activeElement !== null) return;
        const target = opener instanceof HTMLElement && opener.isConnected ? opener : document.querySelector<HTMLElement>('h1');
        target?.focus();
      });
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        if (!isBusy) close();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

/** An input with its label, what helps, and what the gateway said against it. */
export function Field({
  label,
  help,
  failure,
  children,
}: {
  label: string;
  help?: string | undefined;
  failure?: string | undefined;
  children: (attributes: { id: string; 'aria-describedby': string; 'aria-invalid': boolean }) => ComponentChildren;
}) {
  const id = useId();
  const invalid = failure !== undefined;
  return (
    <div class={invalid ? 'field invalid' : 'field'}>
      <label for={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-note`, 'aria-invalid': invalid })}
      <p id={`${id}-note`} class="note">
        {failure ?? help ?? ''}
      </p>
    </div>
  );
}

interface TextFieldProps {
  label: string;
  help?: string;
  failure: string | undefined;
  value: string;
  set: (value: string) => void;
  /** Whether it takes an address, which has no capitals of its own and no spelling. */
  isAddress?: boolean;
  type?: 'email' | 'password' | 'url';
  autocomplete?: 'off' | 'new-password';
  required?: boolean;
  /** The ID of a list of values to choose from. */
  list?: string;
}

/** A field that something is typed into. */
export function TextField({ label, help, failure, value, set, isAddress = false, autocomplete = 'off', ...input }: TextFieldProps) {
  return (
    <Field label={label} help={help} failure={failure}>
      {(attributes) => (
        <input
          {...attributes}
          {
            ...(input as object) /* which attributes go together is known to whoever writes the form */
          }
          autocomplete={autocomplete}
          {...(isAddress && { autocapitalize: 'none', spellcheck: false })}
          value={value}
          onInput={({ currentTarget }) => set(currentTarget.value)}
        />
      )}
    </Field>
  );
}

/** What the gateway said against one of the fields; undefined if it is about another one, or about none. */
export function failureAt(failure: Failure | undefined, field: string): string | undefined {
  return failure?.field === field ? failure.message : undefined;
}

/** Moves the focus to the input that the gateway said something against. */
export function useFocusOnFailure(form: RefObject<HTMLElement | null>, failure: Failure | undefined): void {
  useEffect(() => {
    if (failure !== undefined) form.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [failure]);
}
