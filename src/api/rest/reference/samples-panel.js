import { requestOf } from './request.js';
import { placeholder, samples } from './samples.js';

/** The language that was chosen last, for all operations. */
let language = Object.keys(samples)[0];

/** A plugin of Swagger UI that shows, above the answers of each operation, how programs send the request that the form above describes. */
export function samplesPanel(system) {
  const { createElement: h, useEffect, useId, useReducer } = system.React;

  function Panel({ path, method }) {
    const [, render] = useReducer((count) => count + 1, 0);
    const id = useId();
    useEffect(() => system.getStore().subscribe(render), []);
    const { missing, ...request } = requestOf(system.getSystem(), path, method);
    const sample = samples[language](request);
    const choose = (name) => {
      language = name;
      render();
    };
    return h(
      'section',
      { className: 'samples', 'aria-labelledby': id },
      h('h4', { id }, 'Samples'),
      h(
        'div',
        { role: 'group', 'aria-label': 'Language' },
        Object.keys(samples).map((name) =>
          h('button', { key: name, type: 'button', 'aria-pressed': name === language, onClick: () => choose(name) }, name),
        ),
        navigator.clipboard &&
          h('button', { type: 'button', className: 'copy', onClick: () => navigator.clipboard.writeText(sample) }, 'Copy'),
      ),
      h('pre', { tabIndex: 0, 'aria-label': `Sample for ${language}` }, h('code', null, sample)),
      h(
        'p',
        null,
        `Put your own credentials in place of ${placeholder.user} and ${placeholder.secret}. `,
        missing.length > 0
          ? `Still to fill in: ${missing.join(', ')}. The sample has examples there.`
          : '“Execute” sends this request, with the credentials of “Authorize”.',
      ),
    );
  }

  return {
    wrapComponents: {
      responses: (Responses) => (props) => h('div', null, h(Panel, { path: props.path, method: props.method }), h(Responses, props)),
    },
    // The panel has shown it already.
    components: { curl: () => null },
  };
}
