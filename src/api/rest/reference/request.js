/**
 * The request that "Execute" would send now, made by the functions and from the values that Swagger UI itself uses for it; and the required
 * values that are still missing, in whose place the request has examples. Swagger UI does not send a request that misses any.
 *
 * @returns {{ method: string, url: string, headers: Record<string, string>, body?: string, missing: string[] }}
 */
export function requestOf({ fn, getConfigs, specSelectors, oas3Selectors }, path, method) {
  const operation = specSelectors.specJsonWithResolvedSubtrees().getIn(['paths', path, method])?.toJS() ?? {};
  const missing = [];
  const exampleOf = (name, { example, schema = {} }) => {
    missing.push(name);
    return example ?? schema.example ?? schema.examples?.[0] ?? schema.enum?.[0] ?? name;
  };

  const parameters = specSelectors.parameterValues([path, method]).toJS();
  for (const parameter of operation.parameters ?? []) {
    const key = `${parameter.in}.${parameter.name}`;
    if (parameter.required && isEmpty(parameters[key])) parameters[key] = exampleOf(parameter.name, parameter);
  }

  const requestContentType = oas3Selectors.requestContentType(path, method) ?? Object.keys(operation.requestBody?.content ?? {})[0];
  const { schema: bodySchema = {} } = operation.requestBody?.content?.[requestContentType] ?? {};
  const given = oas3Selectors.requestBodyValue(path, method);
  let requestBody = given;
  if (bodySchema.type === 'object' && requestContentType === 'application/x-www-form-urlencoded') {
    const values = given?.toJS?.() ?? {};
    const fields = Object.entries(values).map(([name, value]) => [name, value?.value ?? value]);
    requestBody = Object.fromEntries(fields.filter(([, value]) => !isEmpty(value) && typeof value !== 'object'));
    for (const name of bodySchema.required ?? []) {
      if (isEmpty(requestBody[name])) requestBody[name] = exampleOf(name, { schema: bodySchema.properties?.[name] });
    }
  }

  const request = fn.buildRequest({
    spec: specSelectors.specJsonWithResolvedSubtrees().toJS(),
    pathName: path,
    method,
    operationId: operation.operationId,
    parameters,
    requestBody,
    requestContentType,
    responseContentType: oas3Selectors.responseContentType(path, method) ?? '*/*',
    server: oas3Selectors.selectedServer(),
    contextUrl: new URL(specSelectors.url(), location.href).href,
  });
  const { url, headers, body } = getConfigs().requestInterceptor(request);
  const capitalized = Object.entries(headers).map(([name, value]) => [name.replace(/\b[a-z]/g, (letter) => letter.toUpperCase()), value]);
  return { method: method.toUpperCase(), url: new URL(url, location.href).href, headers: Object.fromEntries(capitalized), body, missing };
}

function isEmpty(value) {
  return value === undefined || value === null || value === '';
}
