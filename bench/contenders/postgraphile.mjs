import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { grafserv } from 'grafserv/node';
import pg from 'pg';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { sideEffectWithPgClient } from 'postgraphile/@dataplan/pg';
import { context, object } from 'postgraphile/grafast';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { extendSchema, gql } from 'postgraphile/utils';
import { callerOf, insertStatement } from './credentials.mjs';

/*
 * PostGraphile 5 over the unchanged tables, with its Amber preset. Two fields are added: an account that is looked up only
 * below the caller, and the one mutation. Row-level security, with which PostGraphile would also hide accounts, is left out:
 * it would need a transaction around each request. An HTTP server in front of it authenticates the callers.
 */

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const belowTheCaller = extendSchema((build) => {
  const { sql, pgResources } = build;
  const { account } = pgResources;
  return {
    typeDefs: gql`
      extend type Query {
        accountInSight(sid: String!): Account
      }
      extend type Mutation {
        makeAccount(sid: String!, emailAddress: String!, friendlyName: String!): MadeAccount
      }
      type MadeAccount {
        sid: String!
        emailAddress: String!
        friendlyName: String!
        status: String!
        role: String!
      }
    `,
    objects: {
      Query: {
        plans: {
          accountInSight(_, { $sid }) {
            const $accounts = account.find({ sid: $sid });
            const $path = $accounts.placeholder(context().get('caller').get('path'), account.codec.attributes.path.codec);
            $accounts.where(sql`starts_with(${$accounts}.path, ${$path})`);
            return $accounts.single();
          },
        },
      },
      Mutation: {
        plans: {
          makeAccount(_, { $sid, $emailAddress, $friendlyName }) {
            const $path = context().get('caller').get('path');
            const $wanted = object({ sid: $sid, path: $path, emailAddress: $emailAddress, friendlyName: $friendlyName });
            return sideEffectWithPgClient(account.executor, $wanted, async (client, { sid, path, emailAddress, friendlyName }) => {
              const values = [sid, path, randomBytes(16).toString('hex'), emailAddress, friendlyName];
              return (await client.query({ name: 'insert', text: insertStatement, values })).rows[0];
            });
          },
        },
      },
    },
  };
});

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  plugins: [belowTheCaller],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafast: { context: ({ node }) => ({ caller: node.req.caller }), explain: false },
  grafserv: { graphiql: false, watch: false, graphqlPath: '/graphql' },
});

const server = createServer();
await instance.getSchema();
await instance.createServ(grafserv).addTo(server);
const [serve] = server.listeners('request');
server.removeAllListeners('request').on('request', async (request, response) => {
  request.caller = await callerOf(request, pool);
  if (request.caller === undefined) response.writeHead(401).end();
  else serve(request, response);
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit());
