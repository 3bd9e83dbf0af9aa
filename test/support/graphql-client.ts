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
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(login && { authorization: basic(login) }) },
    body: JSON.stringify({ query, variables }),
  });
  return { status: response.status, headers: response.headers, ...((await response.json()) as object) };
}

export function basic({ login, secret }: Login): string {
  return `Basic ${Buffer.from(`${login}:${secret}`).toString('base64')}`;
}
