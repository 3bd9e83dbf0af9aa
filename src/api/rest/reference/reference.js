/* global SwaggerUIBundle -- the script that the page loads before this one */

SwaggerUIBundle({
  url: 'openapi.yaml',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null, // nobody else is asked
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
});
