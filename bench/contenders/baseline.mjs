import { randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import pg from 'pg';
import { subresourcePaths } from '../../dist/src/domain/subresource.js';
import { authTokenOf, callerStatement, claimOf } from './credentials.mjs';

/*
 * The baseline: what the same answers cost with nothing but Node.js, the driver and PostgreSQL. For each scenario, one prepared
 * statement authenticates the caller, checks that the account asked for is below it, and writes the answer as JSON text.
 */

const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const caller = `caller AS (${callerStatement})`;
/** The account $3, if the caller can see it. */
const inSight = `caller JOIN account ON account.sid = $3 AND starts_with(account.path, caller.path)`;

const instant = (column) => `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const role = `CASE account.role WHEN 'ProvisioningAgent' THEN 'PROVISIONING_AGENT' ELSE upper(account.role) END AS role`;
const status = 'upper(account.status) AS status';
const names = 'account.sid, account.email_address AS "emailAddress", account.friendly_name AS "friendlyName"';

const answer = (field) => `json_build_object('data', json_build_object(${field}))::text`;

const organization = `JOIN organization ON organization.sid = account.organization_sid`;
const leaf = `${names}, ${status}, ${role}, json_build_object('sid', organization.sid, 'domainName', organization.domain_name) AS organization`;

const statements = {
  R1: `WITH ${caller}
    SELECT ${answer(`'account', row_to_json(one)`)}
    FROM (
      SELECT ${names}, upper(account.type) AS type, ${status}, ${role},
             ${instant('account.date_created')} AS "dateCreated", ${instant('account.date_updated')} AS "dateUpdated"
      FROM ${inSight}
    ) AS one`,
  R2: `WITH ${caller}
    SELECT ${answer(`'account', json_build_object('sid', top.sid, 'friendlyName', top.friendly_name, 'subAccounts', json_build_object('nodes', (
      SELECT json_agg(child) FROM (
        SELECT ${leaf}, json_build_object('nodes', (
          SELECT coalesce(json_agg(grandchild), '[]') FROM (
            SELECT ${leaf} FROM account ${organization} WHERE account.parent_sid = parent.sid
            ORDER BY account.date_created, account.sid LIMIT $4
          ) AS grandchild
        )) AS "subAccounts"
        FROM account ${organization} CROSS JOIN LATERAL (SELECT account.sid) AS parent WHERE account.parent_sid = top.sid
        ORDER BY account.date_created, account.sid LIMIT $4
      ) AS child
    )))`)}
    FROM (SELECT account.* FROM ${inSight}) AS top`,
  // The page is read once, with one account more than is shown.
  R3: `WITH ${caller}, page AS MATERIALIZED (
      SELECT account.* FROM account
      WHERE account.parent_sid = (SELECT account.sid FROM ${inSight})
        AND (account.date_created, account.sid) > ($4::timestamptz, $5)
      ORDER BY account.date_created, account.sid LIMIT 51
    )
    SELECT ${answer(`'account', json_build_object('subAccounts', json_build_object('nodes', json_agg(shown), 'pageInfo', json_build_object(
      'hasNextPage', (SELECT count(*) > 50 FROM page),
      'endCursor', (SELECT page.date_created || ' ' || page.sid FROM page OFFSET 49 LIMIT 1)
    )))`)}
    FROM (SELECT ${names}, ${status}, ${instant('account.date_created')} AS "dateCreated" FROM page AS account LIMIT 50) AS shown`,
  R4: `WITH ${caller}
    SELECT row_to_json(account)::text, credential.token_ciphertext, coalesce(
      (SELECT link.profile_sid FROM account_profile AS link JOIN account AS above ON above.sid = link.account_sid
       WHERE link.account_sid IN (
         SELECT 'AC' || substr(account.path, level * 32 + 1, 32) FROM generate_series(0, length(account.path) / 32 - 1) AS level
       ) ORDER BY length(above.path) DESC LIMIT 1),
      (SELECT link.profile_sid FROM organization_profile AS link WHERE link.organization_sid = account.organization_sid),
      'PRae6e420f425248d6a26948c17a9e2acf'
    ), caller.sid
    FROM ${inSight} LEFT JOIN credential ON credential.account_sid = account.sid`,
  W1: `WITH ${caller}, account AS (
      INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
      SELECT 'AC' || $4, account.sid, CASE WHEN account.parent_sid IS NULL THEN 'AC' || $4 ELSE account.top_level_sid END,
             account.path || $4, account.organization_sid, $5, $6, 'Full', 'uninitialized', 'Developer'
      FROM ${inSight} WHERE account.status = 'active'
      RETURNING *
    )
    SELECT ${answer(`'createAccount', json_build_object('account', row_to_json(made))`)}
    FROM (SELECT ${names}, ${status}, ${role} FROM account) AS made`,
};

async function rowOf(name, request, ...values) {
  const { sid, hash } = claimOf(request);
  const { rows } = await pool.query({ name, text: statements[name], values: [sid, hash, ...values], rowMode: 'array' });
  return rows[0];
}

const parameters = {
  R1: ({ sid }) => [sid],
  R2: ({ sid, width }) => [sid, width],
  R3: ({ sid, after }) => [sid, ...(after?.split(' ') ?? ['-infinity', ''])],
  W1: ({ sid, emailAddress, friendlyName }) => [sid, randomBytes(16).toString('hex'), emailAddress, friendlyName],
};

const uri = '/2012-04-24/Accounts';
const snakeCase = (name) =>
  name
    .replace('/', '')
    .replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '_')
    .toLowerCase();
const links = subresourcePaths.map((path) => [snakeCase(path), path]);
const rfc2822 = (text) => new Date(text).toUTCString().replace(', 0', ', ').replace('GMT', '+0000');

/** The answer in the form of the REST API; undefined if the caller may not see the account. */
async function restAnswer(request) {
  const row = await rowOf('R4', request, /([^/]+)\.json$/.exec(request.url)[1]);
  if (row === undefined) return undefined;
  const [account, ciphertext, profileSid, callerSid] = [JSON.parse(row[0]), ...row.slice(1)];
  const text = JSON.stringify({
    sid: account.sid,
    organization: account.organization_sid,
    owner_account_sid: account.sid === callerSid ? account.sid : account.parent_sid,
    friendly_name: account.friendly_name,
    email_address: account.email_address,
    type: account.type,
    status: account.status,
    role: account.role,
    date_created: rfc2822(account.date_created),
    date_updated: rfc2822(account.date_updated),
    auth_token: ciphertext === null ? undefined : authTokenOf(account.sid, ciphertext),
    uri: `${uri}.json/${account.sid}`,
    subresource_uris: Object.fromEntries(links.map(([name, path]) => [name, `${uri}/${account.sid}/${path}.json`])),
  });
  const link = `</restcomm/2012-04-24/Profiles/${profileSid}>; rel="related"; title="Profiles"`;
  return { text, headers: { link } };
}

async function graphqlAnswer(request) {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const name = request.url.slice(1);
  const row = await rowOf(name, request, ...parameters[name](JSON.parse(Buffer.concat(chunks))));
  return row && { text: row[0] };
}

const server = createServer(async (request, response) => {
  try {
    const { text, headers } = (await (request.method === 'GET' ? restAnswer(request) : graphqlAnswer(request))) ?? {
      text: '{"data":null}',
    };
    const body = Buffer.from(text);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length, ...headers }).end(body);
  } catch (error) {
    console.error(error);
    response.writeHead(500, { 'content-length': 0 }).end();
  }
});
server.listen(0, '127.0.0.1', () => console.log(`ready http://127.0.0.1:${server.address().port}`));
process.on('SIGTERM', () => process.exit());
