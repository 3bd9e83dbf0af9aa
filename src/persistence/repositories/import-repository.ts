import type { HistoryEntry } from '../../domain/history.js';
import type { AccountCounts } from '../../domain/account-counts.js';
import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';

/** What rows of an import are of, in the order in which they are taken over. */
export type ImportedKind = 'organization' | 'profile' | 'account' | 'link';

/** A row of an import that waits to be taken over. */
export interface StagedRow {
  kind: ImportedKind;
  content: object;
}

/** What stands in the way of an import. */
export interface Occupation {
  hasChildren: boolean;
  hasHistory: boolean;
}

/** An entry of a new chain. */
export interface NewEntry extends Omit<HistoryEntry, 'actorSid' | 'recordVersion'> {
  treeSid: Sid;
}

/** The end of a new chain, and how many accounts its tree has. */
export interface NewHead {
  treeSid: Sid;
  position: number;
  hash: string;
  date: Date;
  counts: AccountCounts;
}

/** Rows of the import `$1` with numbers from `$2` to `$3`, of one kind, by the columns that are given. */
const staged = (kind: ImportedKind, columns: string): string =>
  `SELECT row.* FROM account_import_row AS staged CROSS JOIN LATERAL json_to_record(staged.content) AS row(${columns})
   WHERE staged.import_id = $1 AND staged.number BETWEEN $2 AND $3 AND staged.kind = '${kind}' ORDER BY staged.number`;

const dates = `"dateCreated" timestamptz(3), "dateUpdated" timestamptz(3)`;

/** Accounts; those of no organization are in that of the replaced root, `$4`. */
const stagedAccounts = `staged AS MATERIALIZED (
  SELECT account.*, coalesce(account."organizationSid", $4) AS organization_sid FROM (${staged(
    'account',
    `sid text, "parentSid" text, "topLevelSid" text, path text, "organizationSid" text, "emailAddress" text, "friendlyName" text,
     type text, status text, "statusChangedAt" timestamptz(3), role text, "passwordHash" text, "tokenCiphertext" text, "tokenHash" text, ${dates}`,
  )}) AS account
)`;

const values = `staged.sid, staged."parentSid", staged."topLevelSid", staged.path, staged.organization_sid, staged."emailAddress", staged."friendlyName",
  staged.type, staged.status, staged."statusChangedAt", NULL::text, staged.role, staged."dateCreated", staged."dateUpdated"`;
const columns = `sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name,
  type, status, status_changed_at, status_changed_by, role, date_created, date_updated`;

/** What takes a part of the rows over, by their kind. The root takes the place of the one that is there, `$5`. */
const statements: Record<ImportedKind, string> = {
  organization: `
    INSERT INTO organization (sid, domain_name, status, date_created, date_updated)
    ${staged('organization', `sid text, "domainName" text, status text, ${dates}`)}`,
  profile: `
    INSERT INTO profile (sid, document, date_created, date_updated)
    ${staged('profile', `sid text, document text, ${dates}`)}`,
  account: `
    WITH ${stagedAccounts}, replaced AS (
      UPDATE account SET (${columns}) = (SELECT ${values}), version = 1
      FROM staged WHERE staged."parentSid" IS NULL AND account.sid = $5
    ), made AS (
      INSERT INTO account (${columns}) SELECT ${values} FROM staged WHERE staged."parentSid" IS NOT NULL
    ), claimed AS (
      INSERT INTO email_claim (email_address, account_sid) SELECT staged."emailAddress", staged.sid FROM staged WHERE staged.status <> 'closed'
    ), listed AS (
      INSERT INTO organization_account (organization_sid, date_created, account_sid, name_key)
      SELECT staged.organization_sid, staged."dateCreated", staged.sid, lower(staged."friendlyName") FROM staged
    )
    INSERT INTO credential (account_sid, password_hash, token_ciphertext, token_hash)
    SELECT staged.sid, staged."passwordHash", decode(staged."tokenCiphertext", 'hex'), decode(staged."tokenHash", 'hex')
    FROM staged WHERE staged."passwordHash" IS NOT NULL`,
  link: `
    WITH staged AS MATERIALIZED (${staged('link', `"ownerSid" text, "profileSid" text`)}), ofOrganizations AS (
      INSERT INTO organization_profile (organization_sid, profile_sid)
      SELECT staged."ownerSid", staged."profileSid" FROM staged WHERE staged."ownerSid" LIKE 'OR%'
    )
    INSERT INTO account_profile (account_sid, profile_sid)
    SELECT staged."ownerSid", staged."profileSid" FROM staged WHERE staged."ownerSid" LIKE 'AC%'`,
};

/** The tables `account_import` and `account_import_row`, and taking over what they hold (ADR 55). */
export class ImportRepository {
  constructor(private readonly client: Client) {}

  /** Whether an import was finished; undefined if it never began. */
  async isDone(id: string): Promise<boolean | undefined> {
    const [found] = await queryRows<{ isDone: boolean }>(
      this.client,
      `SELECT account_import.date_finished IS NOT NULL AS "isDone" FROM account_import WHERE account_import.id = $1`,
      [id],
    );
    return found?.isDone;
  }

  /**
   * Begins an import, or goes on with it: returns how many of its rows wait already. Rows of other imports that were not finished are
   * dropped, as are those that were written with another key.
   */
  async begin(id: string, keyId: Buffer): Promise<number> {
    await queryRows(
      this.client,
      `DELETE FROM account_import WHERE account_import.date_finished IS NULL AND (account_import.id, account_import.key_id) <> ($1, $2)`,
      [id, keyId],
    );
    await queryRows(
      this.client,
      `DELETE FROM account_import_row AS staged
       WHERE NOT EXISTS (SELECT FROM account_import WHERE account_import.id = staged.import_id)`,
    );
    await queryRows(this.client, `INSERT INTO account_import (id, key_id) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING`, [id, keyId]);
    return this.countStaged(id);
  }

  async countStaged(id: string): Promise<number> {
    const [counted] = await queryRows<{ count: number }>(
      this.client,
      `SELECT count(*)::integer AS count FROM account_import_row AS staged WHERE staged.import_id = $1`,
      [id],
    );
    return counted!.count;
  }

  /** Puts rows to those that wait, numbered from the one that is given. */
  async stage(id: string, from: number, rows: readonly StagedRow[]): Promise<void> {
    await queryRows(
      this.client,
      `INSERT INTO account_import_row (import_id, number, kind, content)
       SELECT $1, $2 + row.place::integer - 1, row.kind, row.content::json
       FROM unnest($3::text[], $4::text[]) WITH ORDINALITY AS row(kind, content, place)`,
      [id, from, rows.map(({ kind }) => kind), rows.map(({ content }) => JSON.stringify(content))],
    );
  }

  /** What there is besides a root and its making. */
  async occupation(): Promise<Occupation> {
    const [occupation] = await queryRows<Occupation>(
      this.client,
      `SELECT EXISTS (SELECT FROM account WHERE account.parent_sid IS NOT NULL) AS "hasChildren",
              EXISTS (
                SELECT FROM history WHERE history.actor_sid IS NOT NULL OR history.request_id IS NOT NULL
                  OR history.operation NOT IN ('createOrganization', 'createAccount', 'updateProfile')
              ) AS "hasHistory"`,
    );
    return occupation!;
  }

  /** Takes from the root what refers to its SID, so that another one can take its place. */
  async clearRoot(rootSid: Sid): Promise<void> {
    await queryRows(
      this.client,
      `WITH revoked AS (DELETE FROM credential WHERE credential.account_sid = $1),
            released AS (DELETE FROM email_claim WHERE email_claim.account_sid = $1)
       DELETE FROM organization_account AS listed USING account
       WHERE account.sid = $1 AND listed.account_sid = $1
         AND (listed.organization_sid, listed.date_created) = (account.organization_sid, account.date_created)`,
      [rootSid],
    );
  }

  /** Takes over the rows of the kind with numbers from `first` to `last`. */
  async takeOver(kind: ImportedKind, id: string, first: number, last: number, root: { sid: Sid; organizationSid: Sid }): Promise<void> {
    await queryRows(this.client, statements[kind], [id, first, last, ...(kind === 'account' ? [root.organizationSid, root.sid] : [])]);
  }

  /** Adds entries to chains that begin with them. */
  async addEntries(entries: readonly NewEntry[]): Promise<void> {
    const column = <Name extends keyof NewEntry>(name: Name): NewEntry[Name][] => entries.map((entry) => entry[name]);
    await queryRows(
      this.client,
      `INSERT INTO history (tree_sid, position, date, actor_sid, operation, subject_sid, request_id, before, after, hash, record_version)
       SELECT entry.tree_sid, entry.position, entry.date, NULL, entry.operation, entry.subject_sid, entry.request_id, entry.before, entry.after, entry.hash, 2
       FROM unnest($1::text[], $2::integer[], $3::timestamptz[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[])
         AS entry(tree_sid, position, date, operation, subject_sid, request_id, before, after, hash)`,
      [
        column('treeSid'),
        column('position'),
        column('date'),
        column('operation'),
        column('subjectSid'),
        column('requestId'),
        column('before'),
        column('after'),
        column('hash'),
      ],
    );
  }

  /** Adds the heads of the chains, and tells that of the replaced root that its tree has no accounts any more. */
  async addHeads(heads: readonly NewHead[], replacedSid: Sid): Promise<void> {
    await queryRows(
      this.client,
      `INSERT INTO history_head (tree_sid, position, hash, date, counts)
       SELECT head.tree_sid, head.position, head.hash, head.date, head.counts::integer[]
       FROM unnest($1::text[], $2::integer[], $3::text[], $4::timestamptz[], $5::text[]) AS head(tree_sid, position, hash, date, counts)`,
      [
        heads.map(({ treeSid }) => treeSid),
        heads.map(({ position }) => position),
        heads.map(({ hash }) => hash),
        heads.map(({ date }) => date),
        heads.map(({ counts }) => `{${counts.join()}}`),
      ],
    );
    await queryRows(this.client, `UPDATE history_head SET counts = count_accounts($1) WHERE history_head.tree_sid = $1`, [replacedSid]);
  }

  /** Marks the import as done, and drops its rows. */
  async finish(id: string): Promise<void> {
    await queryRows(this.client, `DELETE FROM account_import_row AS staged WHERE staged.import_id = $1`, [id]);
    await queryRows(this.client, `UPDATE account_import SET date_finished = now() WHERE account_import.id = $1`, [id]);
  }
}
