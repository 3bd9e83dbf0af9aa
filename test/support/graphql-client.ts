import { type DirectiveNode, Kind, parse, print, visit } from 'graphql';
import { send } from './http-client.js';

/** Who signs in, and with what. */
export interface Login {
  login: string;
  secret: string;
}

export interface GraphqlError {
  message: string;
  path?: (string | number)[];
  extensions: { code: string; field?: string };
}

export interface GraphqlAnswer<Data> {
  status: number;
  headers: Headers;
  data?: Data | null;
  errors?: GraphqlError[];
}

/** Sends one GraphQL request over HTTP. */
export async function postGraphql<Data = Record<string, any>>(
  url: string,
  login: Login | undefined,
  query: string,
  variables: Record<string, unknown> = {},
): Promise<GraphqlAnswer<Data>> {
  const { status, headers, text } = await send(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(login && { authorization: basic(login) }) },
    body: JSON.stringify({ query, variables }),
  });
  return { status, headers, ...JSON.parse(text) };
}

/**
 * The same operation, left to GraphQL's executor: its plan would answer the first one, but knows no directives. What is
 * answered must not differ by that.
 */
export function byExecutor(query: string): string {
  const known = forExecutor.get(query);
  if (known !== undefined) return known;
  let isDone = false;
  const spelled = print(
    visit(parse(query), {
      Field(field) {
        if (isDone) return undefined;
        isDone = true;
        return { ...field, directives: [always] };
      },
    }),
  );
  forExecutor.set(query, spelled);
  return spelled;
}

/** What was spelled so before: the matrix and the conformance cases ask the same again and again. */
const forExecutor = new Map<string, string>();

const always: DirectiveNode = {
  kind: Kind.DIRECTIVE,
  name: { kind: Kind.NAME, value: 'include' },
  arguments: [{ kind: Kind.ARGUMENT, name: { kind: Kind.NAME, value: 'if' }, value: { kind: Kind.BOOLEAN, value: true } }],
};

export function basic({ login, secret }: Login): string {
  return `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
}
