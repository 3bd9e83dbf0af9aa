/* global GraphiQL -- a script that the page loads before this one */

/** Sends one GraphQL request, as nobody when there is no authorization, and returns the body of the answer. */
export async function send(request, sentAs) {
  return bodyOf(await post('graphql', 'application/graphql-response+json, application/json', request, sentAs));
}

/** Ends the subscription that runs, if one does: GraphiQL runs one at a time. */
export function endSubscription() {
  ending?.abort();
}
let ending;

/** Runs a subscription: an iterable of its results, which `return` ends at once, though a result is being waited for. */
export function subscribe(request, sentAs) {
  endSubscription();
  const own = (ending = new AbortController());
  const results = resultsOf(request, sentAs, own.signal);
  const iterator = {
    next: () => results.next(),
    return: async () => {
      own.abort();
      return results.return();
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

/** The results of a subscription, until the server completes it or the signal is aborted. */
async function* resultsOf(request, sentAs, signal) {
  try {
    const response = await post('graphql/stream', 'text/event-stream', request, sentAs, signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) return void (yield await bodyOf(response));
    let text = '';
    for await (const chunk of chunksOf(response.body.pipeThrough(new TextDecoderStream()))) {
      const messages = (text + chunk).split('\n\n');
      text = messages.pop();
      for (const message of messages) {
        if (message.startsWith('event: complete')) return;
        const [, data] = /^data: (.+)$/m.exec(message) ?? []; // without: a sign of life
        if (data) yield JSON.parse(data);
      }
    }
    throw new Error('The stream was cut off. Run it again.');
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** Not every browser iterates over streams. */
async function* chunksOf(stream) {
  const reader = stream.getReader();
  for (let read; !(read = await reader.read()).done;) yield read.value;
}

/** Whether the operation that is to run is a subscription. */
export function isSubscription({ query, operationName }) {
  return operationsOf(query).some(
    ({ operation, name }) => operation === 'subscription' && (!operationName || name?.value === operationName),
  );
}

/** The request without the name of an operation that its document does not have: GraphiQL notes a tenth of a second late which tab it shows. */
export function consistent({ operationName, ...request }) {
  const isThere = operationsOf(request.query).some(({ name }) => name?.value === operationName);
  return isThere ? { ...request, operationName } : request;
}

function operationsOf(query) {
  try {
    return GraphiQL.GraphQL.parse(query).definitions.filter(({ operation }) => operation);
  } catch {
    return []; // the server says what is wrong
  }
}

function post(path, accept, { query, variables, operationName }, sentAs, signal) {
  return fetch(path, {
    method: 'POST',
    credentials: 'omit', // no cookies; and a 401 does not open the browser's own password dialog
    headers: { 'content-type': 'application/json', accept, ...(sentAs && { authorization: sentAs }) },
    body: JSON.stringify({ query, variables, operationName }),
    signal,
  });
}

function bodyOf(response) {
  return response.json().catch(() => {
    throw new Error(`The server answered ${response.status} ${response.statusText}, without JSON.`);
  });
}
