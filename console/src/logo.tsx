/** The sign of the gateway: an account and those below it. */
export function Logo() {
  return (
    <svg class="logo" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M8 5v3M3.5 11V8h9v3" />
      <circle cx="8" cy="3" r="2" />
      <circle cx="3.5" cy="13" r="2" />
      <circle cx="12.5" cy="13" r="2" />
    </svg>
  );
}
