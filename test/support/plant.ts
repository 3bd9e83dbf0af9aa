import { Secrets } from '../../src/service/secrets.js';

interface Queried {
  query(sql: string, parameters?: unknown[]): Promise<object[]>;
}

/** Something of a size that no test would build request by request. */
export interface Plantation {
  /** SID of the account to plant below; of several, each gets the same. */
  below: string | readonly string[];
  /** How many sub-accounts each account of a level gets: [50, 50] is 50 below it, and 50 below each of those. */
  widths: readonly number[];
  /** The name of each, as SQL over its number and its `hex`. */
  friendlyName?: string;
}

/** From how many accounts on the index of texts is built anew: to add them to it one by one would take as long as all the rest. */
const many = 5_000;

/** Plants active accounts below an account by SQL, level by level, with all that the constraints ask for. */
export async function plant(database: Queried, plantation: Plantation): Promise<void> {
  const count = plantation.widths.reduce((product, width) => product * width, [plantation.below].flat().length);
  const indexes = (await database.query(`SELECT indexdef AS definition FROM pg_indexes WHERE indexname = 'account_text'`)) as {
    definition: string;
  }[];
  // Whoever plants several trees may have dropped it for all of them.
  if (count < many || indexes.length === 0) return plantRows(database, plantation);
  await database.query('DROP INDEX account_text');
  await plantRows(database, plantation);
  await database.query(indexes[0]!.definition);
}

async function plantRows({ query }: Queried, { below, widths, friendlyName = "'Planted ' || child.number" }: Plantation): Promise<void> {
  let parents = [below].flat();
  for (const width of widths) {
    const planted = (await query(
      `WITH planted AS (
         INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role, date_created)
         SELECT 'AC' || child.hex, account.sid,
                CASE WHEN length(account.path) = 32 THEN 'AC' || child.hex ELSE account.top_level_sid END,
                account.path || child.hex, account.organization_sid, child.hex || '@planted.test', ${friendlyName},
                'Full', 'active', 'Administrator', now() + child.number * interval '1 ms'
         FROM account
         CROSS JOIN LATERAL (SELECT number, md5(account.sid || number) AS hex FROM generate_series(1, $2::integer) AS number) AS child
         -- Instead of triggers for each row: this statement keeps what they would, and refers to what there is.
         CROSS JOIN (SELECT set_config('session_replication_role', 'replica', true) OFFSET 0) AS setting
         WHERE account.sid = ANY($1)
         RETURNING sid, organization_sid, email_address, friendly_name, date_created
       ), claimed AS (
         INSERT INTO email_claim (email_address, account_sid) SELECT email_address, sid FROM planted
       ), listed AS (
         INSERT INTO organization_account (organization_sid, date_created, account_sid, name_key)
         SELECT organization_sid, date_created, sid, lower(friendly_name) FROM planted
       )
       SELECT sid FROM planted`,
      [parents, width],
    )) as { sid: string }[];
    parents = planted.map(({ sid }) => sid);
  }
  await query('ANALYZE account');
}

/** Gives an AuthToken to each planted account: what is kept of one, by the key. No password verifies against it. */
export async function plantAuthTokens({ query }: Queried, credentialsKey: Buffer): Promise<void> {
  const secrets = new Secrets([credentialsKey]);
  const planted = (await query(
    `SELECT account.sid FROM account WHERE NOT EXISTS (SELECT FROM credential WHERE credential.account_sid = account.sid)`,
  )) as { sid: string }[];
  const kept = planted.map(({ sid }) => secrets.storedAuthToken(sid, secrets.newAuthToken()));
  await query(
    `INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash)
     SELECT token.sid, 'none', decode(token.ciphertext, 'hex'), decode(token.hash, 'hex')
     FROM unnest($1::text[], $2::text[], $3::text[]) AS token(sid, ciphertext, hash)`,
    [
      planted.map(({ sid }) => sid),
      kept.map(({ tokenCiphertext }) => tokenCiphertext.toString('hex')),
      kept.map(({ tokenHash }) => tokenHash.toString('hex')),
    ],
  );
  await query('ANALYZE credential');
}
