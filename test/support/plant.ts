/** Something of a size that no test would build request by request. */
export interface Plantation {
  /** SID of the account to plant below; of several, each gets the same. */
  below: string | readonly string[];
  /** How many sub-accounts each account of a level gets: [50, 50] is 50 below it, and 50 below each of those. */
  widths: readonly number[];
}

/** Plants active accounts below an account by SQL, level by level, with all that the constraints ask for. */
export async function plant(
  { query }: { query(sql: string, parameters?: unknown[]): Promise<object[]> },
  { below, widths }: Plantation,
): Promise<void> {
  let parents = [below].flat();
  for (const width of widths) {
    const planted = (await query(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role, date_created)
       SELECT 'AC' || child.hex, account.sid,
              CASE WHEN length(account.path) = 32 THEN 'AC' || child.hex ELSE account.top_level_sid END,
              account.path || child.hex, account.organization_sid, child.hex || '@planted.test', 'Planted ' || child.number,
              'Full', 'active', 'Administrator', now() + child.number * interval '1 ms'
       FROM account
       CROSS JOIN LATERAL (SELECT number, md5(account.sid || number) AS hex FROM generate_series(1, $2::integer) AS number) AS child
       WHERE account.sid = ANY($1)
       RETURNING sid`,
      [parents, width],
    )) as { sid: string }[];
    parents = planted.map(({ sid }) => sid);
  }
  await query('ANALYZE account');
}
