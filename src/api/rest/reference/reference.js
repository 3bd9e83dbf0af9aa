/* global SwaggerUIBundle -- the script that the page loads before this one */

import { showNavigation } from './navigation.js';
import { samplesPanel } from './samples-panel.js';

/**
 * Leaves form fields empty until the reader fills them in. Swagger UI would put an example into each and send all of them: a
 * password of asterisks, a role, a status. It asks for those examples without a media type, and for examples of whole bodies with one.
 */
const emptyForms = {
  // The API treats empty fields as missing; Swagger UI would tick "Send empty value" for each.
  components: { ParameterIncludeEmpty: () => null },
  afterLoad() {
    const { getSampleSchema } = this.fn;
    this.fn.getSampleSchema = (schema, mediaType, ...more) => (mediaType === false ? '' : getSampleSchema(schema, mediaType, ...more));
  },
};

/** Each form is open at once, since the samples say what is in it. */
const openForms = { components: { TryItOutButton: () => null } };

/** Requests the format that the page shows first, unless another one is chosen. */
function acceptShownFormat(request) {
  const accept = Object.keys(request.headers).find((name) => name.toLowerCase() === 'accept') ?? 'Accept';
  if (!request.loadSpec && [undefined, '*/*'].includes(request.headers[accept])) request.headers[accept] = 'application/json';
  return request;
}

const dark = matchMedia('(prefers-color-scheme: dark)');
const followSystem = () => document.documentElement.classList.toggle('dark-mode', dark.matches);
dark.addEventListener('change', followSystem);
followSystem();

// An operation that is open before the description was read whole stays without the parameters of its path. So the link waits.
const { hash } = location;
history.replaceState(null, '', location.pathname);

const ui = SwaggerUIBundle({
  url: 'openapi.yaml',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null, // send nothing to a third party
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  tryItOutEnabled: true,
  plugins: [emptyForms, openForms, samplesPanel],
  requestInterceptor: acceptShownFormat,
  onComplete() {
    showNavigation(ui);
    if (hash) location.hash = hash;
  },
});
