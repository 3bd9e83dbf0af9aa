import { type Operation, type Viewer, viewerQuery } from './operations.js';

/** What the gateway refused, or why it could not be asked. */
export class Failure extends Error {
  constructor(
    message: string,
    /** The name in the gateway's catalogue of errors. */
    readonly code?: string,
    /** The input that is at fault. */
    readonly field?: string,
  ) {
    super(message);
  }
}

interface Answer<Data> {
  data?: Data | null;
  errors?: { message: string; extensions?: { code?: string; field?: string } }[];
}

/** The codes that say that the credentials open nothing any more. */
const endings = ['UNAUTHENTICATED', 'ACCOUNT_NOT_ACTIVE'];

/**
 * The gateway, asked with somebody's credentials. They are in this object alone, which goes with the page: never in storage, in a cookie
 * or in an address.
 */
export class Api {
  readonly #authorization: string;
  /** Aborted on signing out, so that no answer outlives the one who asked. */
  readonly #ending = new AbortController();
  /** Called once when the gateway no longer accepts the credentials. */
  onRefused: (failure: Failure) => void = () => {};

  constructor(user: string, secret: string) {
    // In UTF-8, which btoa alone cannot do.
    const bytes = new TextEncoder().encode(`${user}:${secret}`);
    this.#authorization = `Basic ${btoa(String.fromCodePoint(...bytes))}`;
  }

  /** Who the credentials belong to. @throws Failure with what the user should read */
  async signIn(): Promise<Viewer> {
    try {
      return (await this.#ask(viewerQuery, {})).viewer;
    } catch (error) {
      if (error instanceof Failure && error.code === 'UNAUTHENTICATED') {
        throw new Failure('Wrong credentials. Please check both fields.', error.code);
      }
      throw error;
    }
  }

  /** Sends a query or mutation. @throws Failure; what was aborted throws an AbortError */
  async request<Data, Variables extends object>(
    operation: Operation<Data, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): Promise<Data> {
    try {
      return await this.#ask(operation, variables, signal);
    } catch (error) {
      this.#endIfRefused(error);
      throw error;
    }
  }

  /**
   * Follows a subscription until it is completed: tells when it began, and of each result. Resolves when the connection was lost, so that the
   * caller comes back. @throws Failure when the gateway ended it for a reason
   */
  async stream<Data, Variables extends object>(
    operation: Operation<Data, Variables>,
    variables: Variables,
    signal: AbortSignal,
    tell: { begun(): void; result(data: Data): void },
  ): Promise<void> {
    const response = await this.#post('graphql/stream', 'text/event-stream', operation, variables, signal);
    if (!response.headers.get('content-type')?.startsWith('text/event-stream')) await this.#refusal(response);
    tell.begun();
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (let read; !(read = await reader.read()).done;) {
      const messages = (text + read.value).split('\n\n');
      text = messages.pop()!;
      for (const message of messages) {
        // Without data: a sign of life.
        const [, data] = /^data: (.+)$/m.exec(message) ?? [];
        if (data !== undefined) tell.result(this.#dataOf(JSON.parse(data) as Answer<Data>));
      }
    }
  }

  /** Ends what is under way. */
  close(): void {
    this.#ending.abort();
  }

  async #ask<Data, Variables extends object>(
    operation: Operation<Data, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): Promise<Data> {
    const response = await this.#post('graphql', 'application/json', operation, variables, signal);
    return this.#dataOf(await answerOf<Data>(response));
  }

  async #refusal(response: Response): Promise<never> {
    this.#dataOf(await answerOf(response));
    throw new Failure('The gateway does not stream here.');
  }

  #dataOf<Data>({ data, errors }: Answer<Data>): Data {
    const [error] = errors ?? [];
    if (error === undefined && data != null) return data;
    const failure = new Failure(error?.message ?? 'The gateway answered nothing.', error?.extensions?.code, error?.extensions?.field);
    this.#endIfRefused(failure);
    throw failure;
  }

  #endIfRefused(error: unknown): void {
    if (!(error instanceof Failure) || !endings.includes(error.code ?? '')) return;
    this.onRefused(error);
    this.onRefused = () => {};
  }

  async #post(
    path: string,
    accept: string,
    operation: Operation<unknown, never>,
    variables: object,
    signal?: AbortSignal,
  ): Promise<Response> {
    const signals = [this.#ending.signal, ...(signal === undefined ? [] : [signal])];
    try {
      return await fetch(path, {
        method: 'POST',
        credentials: 'omit', // no cookies; and a 401 does not open the browser's own password dialog
        headers: { 'content-type': 'application/json', accept, authorization: this.#authorization },
        body: JSON.stringify({ query: operation.text, variables }),
        signal: AbortSignal.any(signals),
      });
    } catch (error) {
      if (signals.some(({ aborted }) => aborted)) throw error;
      throw new Failure('The gateway cannot be reached. Please try again.');
    }
  }
}

async function answerOf<Data>(response: Response): Promise<Answer<Data>> {
  try {
    return (await response.json()) as Answer<Data>;
  } catch {
    throw new Failure(`The gateway answered ${response.status} ${response.statusText}, without JSON.`);
  }
}

/** A key by which the gateway recognizes a change that was sent twice. */
export function newKey(): string {
  // `crypto.randomUUID` is missing where a page comes by plain http.
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
}
