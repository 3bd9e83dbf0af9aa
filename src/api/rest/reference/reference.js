/* global SwaggerUIBundle -- the script that the page loads before this one */

/**
 * Leaves fields of forms empty until the reader fills them in. The page would write an example into each and send all of them: a password
 * of asterisks, a role, a status. Those are asked for without a media type; examples of whole bodies and answers are asked for with one.
 */
const emptyForms = {
  // A field without a value is as if it were not there; the page would tick "Send empty value" for each.
  components: { ParameterIncludeEmpty: () => null },
  afterLoad() {
    const { getSampleSchema } = this.fn;
    this.fn.getSampleSchema = (schema, mediaType, ...more) => (mediaType === false ? '' : getSampleSchema(schema, mediaType, ...more));
  },
};

/** Asks for the form that the page shows first, where it asks for none. */
function inTheFormShown(request) {
  const accept = Object.keys(request.headers).find((name) => name.toLowerCase() === 'accept') ?? 'Accept';
  if (!request.loadSpec && [undefined, '*/*'].includes(request.headers[accept])) request.headers[accept] = 'application/json';
  return request;
}

SwaggerUIBundle({
  url: 'openapi.yaml',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null, // nobody else is asked
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  plugins: [emptyForms],
  requestInterceptor: inTheFormShown,
});
