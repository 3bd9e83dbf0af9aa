/**
 * Lets the keyboard leave GraphiQL's editors, in which Tab indents: Esc and then Tab goes on to what follows, and Ctrl-M lets every Tab do so
 * (WCAG 2.1.2). And makes Ctrl-K, ⌘K on a Mac, search the documentation, as GraphiQL's field says; GraphiQL itself listens to ⌘K alone.
 *
 * @param {(tabLeaves: boolean) => void} announce called when Ctrl-M was pressed
 */
export function handleKeys(announce) {
  let escaped = false;
  let tabLeaves = false;
  addEventListener(
    'keydown',
    (event) => {
      swallowed = undefined;
      const isInEditor = Boolean(event.target.closest?.('.CodeMirror'));
      if (isPlain(event, 'k', isMac ? 'metaKey' : 'ctrlKey')) {
        swallow(event);
        searchDocumentation();
      } else if (isInEditor && isPlain(event, 'm', 'ctrlKey')) {
        swallow(event);
        tabLeaves = !tabLeaves;
        announce(tabLeaves);
      } else if (isInEditor && event.key === 'Tab' && (escaped || tabLeaves)) {
        event.stopImmediatePropagation(); // the editor does not see it, so the browser does as with any Tab
      }
      escaped = isInEditor && (event.key === 'Escape' || (escaped && event.key === 'Shift'));
    },
    true, // before the editor
  );
  // GraphiQL offers completions whenever a letter is let go.
  addEventListener('keyup', (event) => event.key === swallowed && event.stopImmediatePropagation(), true);
}

/** The key that was pressed last, if the editors were not told of it. */
let swallowed;

const isMac = /mac/i.test(navigator.platform);

function isPlain(event, key, modifier) {
  const pressed = ['ctrlKey', 'metaKey', 'altKey', 'shiftKey'].filter((name) => event[name]);
  return event.key.toLowerCase() === key && pressed.join() === modifier;
}

function swallow(event) {
  swallowed = event.key;
  event.preventDefault();
  event.stopImmediatePropagation();
}

/** Opens the documentation, unless it is open, and puts the cursor into its search. */
function searchDocumentation(tries = 50) {
  const input = document.querySelector('.graphiql-doc-explorer-search input');
  if (input) return input.focus();
  if (tries === 50) document.querySelector('[aria-label="Show Documentation Explorer"]')?.click();
  if (tries > 0) setTimeout(searchDocumentation, 20, tries - 1); // it has to read the schema first
}
