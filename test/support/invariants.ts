import type { TestDatabase } from './database.js';

/** What must hold of the tables at any time, whatever was called, crashed or raced (SPEC §2). Each select finds what breaks it. */
const breaches = `
  SELECT 'active below an account that is not active' AS breach, account.sid
  FROM account JOIN account AS parent ON parent.sid = account.parent_sid
  WHERE account.status = 'active' AND parent.status <> 'active'
UNION ALL
  SELECT 'not closed below a closed account', account.sid
  FROM account JOIN account AS parent ON parent.sid = account.parent_sid
  WHERE account.status <> 'closed' AND parent.status = 'closed'
UNION ALL
  SELECT 'not in the organization of its top-level account', account.sid
  FROM account JOIN account AS top ON top.sid = account.top_level_sid
  WHERE account.organization_sid <> top.organization_sid
UNION ALL
  SELECT 'not closed in a closed organization', account.sid
  FROM account JOIN organization ON organization.sid = account.organization_sid
  WHERE account.status <> 'closed' AND organization.status = 'closed'
UNION ALL
  SELECT 'path does not continue the path of the parent', account.sid
  FROM account JOIN account AS parent ON parent.sid = account.parent_sid
  WHERE account.path <> parent.path || substr(account.sid, 3)
UNION ALL
  SELECT 'top-level account is not the one above it', account.sid
  FROM account JOIN account AS parent ON parent.sid = account.parent_sid
  WHERE account.top_level_sid <> CASE WHEN parent.parent_sid IS NULL THEN account.sid ELSE parent.top_level_sid END
UNION ALL
  SELECT 'credentials of a closed account', account.sid
  FROM account JOIN credential ON credential.account_sid = account.sid
  WHERE account.status = 'closed'
UNION ALL
  SELECT 'reset token of a closed account', account.sid
  FROM account JOIN password_reset_token ON password_reset_token.account_sid = account.sid
  WHERE account.status = 'closed'
UNION ALL
  SELECT 'profile link of a closed account', account.sid
  FROM account JOIN account_profile AS link ON link.account_sid = account.sid
  WHERE account.status = 'closed'
UNION ALL
  SELECT 'profile link of a closed organization', organization.sid
  FROM organization JOIN organization_profile AS link ON link.organization_sid = organization.sid
  WHERE organization.status = 'closed'
UNION ALL
  SELECT 'e-mail address of more than one account that is not closed', min(account.sid)
  FROM account WHERE account.status <> 'closed'
  GROUP BY lower(account.email_address) HAVING count(*) > 1
UNION ALL
  SELECT 'e-mail address without a claim, of an account that is not closed', account.sid
  FROM account LEFT JOIN email_claim AS claim ON claim.email_address = account.email_address AND claim.account_sid = account.sid
  WHERE account.status <> 'closed' AND claim.account_sid IS NULL
UNION ALL
  SELECT 'claim on an e-mail address that no open account has', claim.account_sid
  FROM email_claim AS claim LEFT JOIN account ON account.sid = claim.account_sid AND account.email_address = claim.email_address
  WHERE account.sid IS NULL OR account.status = 'closed'
UNION ALL
  SELECT 'not in the list of its organization, by its date and name', account.sid
  FROM account LEFT JOIN organization_account AS listed
    ON (listed.organization_sid, listed.date_created, listed.account_sid) = (account.organization_sid, account.date_created, account.sid)
  WHERE listed.name_key IS DISTINCT FROM lower(account.friendly_name) COLLATE "C"
UNION ALL
  SELECT 'in the list of an organization that it does not belong to', listed.account_sid
  FROM organization_account AS listed LEFT JOIN account ON account.sid = listed.account_sid
  WHERE account.sid IS NULL OR (listed.organization_sid, listed.date_created) <> (account.organization_sid, account.date_created)
UNION ALL
  SELECT 'entry of a cascade whose parts have not as many accounts as it reached', history.tree_sid
  FROM history
  WHERE history.operation IN ('setAccountStatus', 'closeAccount', 'migrateAccount')
    AND (SELECT sum((reached ->> 'count')::integer) FROM json_array_elements(history.after::json -> 'reached') AS reached) IS DISTINCT FROM (
      SELECT sum(octet_length(part.sids) / 16) FROM cascade_part AS part
      WHERE part.tree_sid = history.tree_sid AND part.position = history.position
    )
UNION ALL
  SELECT 'part of a cascade that has no entry, or that a part is missing before', part.tree_sid
  FROM cascade_part AS part
  LEFT JOIN history ON history.tree_sid = part.tree_sid AND history.position = part.position
    AND history.operation IN ('setAccountStatus', 'closeAccount', 'migrateAccount')
  LEFT JOIN cascade_part AS before
    ON before.tree_sid = part.tree_sid AND before.position = part.position AND before.part = part.part - 1
  WHERE history.position IS NULL OR (part.part > 1 AND (before.last_path < part.first_path AND octet_length(before.sids) = 6400) IS NOT TRUE)
UNION ALL
  SELECT 'not exactly one root, which is active or not initialized', min(account.sid)
  FROM account WHERE account.parent_sid IS NULL
  HAVING count(*) FILTER (WHERE account.status IN ('active', 'uninitialized')) <> 1 OR count(*) <> 1`;

/** What breaks an invariant in the database: nothing, unless the gateway is wrong. */
export function brokenInvariants(database: Pick<TestDatabase, 'query'>): Promise<{ breach: string; sid: string | null }[]> {
  return database.query(breaches);
}
