import { createHash } from 'node:crypto';
import type { RuleName } from '../../src/import/rules.js';

type Row = Record<string, string | null>;

/** The tables of a Restcomm-Connect installation, as its database has them. */
export interface Restcomm {
  restcomm_accounts: Row[];
  restcomm_organizations: Row[];
  restcomm_profiles: Row[];
  restcomm_profile_associations: Row[];
}

export const md5 = (text: string): string => createHash('md5').update(text).digest('hex');

/** The root of every default installation, and its organization and profile. */
export const restcommRoot = {
  sid: 'ACae6e420f425248d6a26948c17a9e2acf',
  emailAddress: 'administrator@company.com',
  password: 'an-operator-chose-this',
  organizationSid: 'ORafbe225ad37541eba518a74248f0ac4c',
};

/** The password of an account, by its e-mail address. */
export const passwordOf = (emailAddress: string): string => `secret of ${emailAddress}`;

function account(emailAddress: string, values: Row = {}): Row {
  return {
    sid: `AC${md5(emailAddress)}`,
    date_created: '2015-06-01 12:00:00',
    date_updated: '2016-02-29 23:59:59',
    email_address: emailAddress,
    friendly_name: `It's "${emailAddress}" \\ Zoë ☎`,
    parent_sid: restcommRoot.sid,
    type: 'Full',
    status: 'active',
    auth_token: md5(passwordOf(emailAddress)),
    role: 'Administrator',
    uri: `/2012-04-24/Accounts/AC${md5(emailAddress)}`,
    organization_sid: restcommRoot.organizationSid,
    ...values,
  };
}

const dates = { date_created: '2014-01-02 03:04:05', date_updated: '2014-01-02 03:04:05' };

/** An installation with so many accounts on three levels, as its API makes them, in which every row is sound. */
export function soundRestcomm(accounts: number): Restcomm {
  const topLevels = Math.max(1, Math.round(accounts / 100));
  const rows = [
    account(restcommRoot.emailAddress, {
      sid: restcommRoot.sid,
      parent_sid: null,
      date_created: '2012-04-24 00:00:00',
      auth_token: md5(restcommRoot.password),
      friendly_name: 'Default Administrator Account',
    }),
  ];
  const organizations: Row[] = [{ sid: restcommRoot.organizationSid, domain_name: 'company.com', status: 'active', ...dates }];
  for (let number = 1; rows.length < accounts; number++) {
    // Each third is below the one before it, which is directly below a top-level account.
    const isThird = number % 3 === 0 && number - 1 > topLevels;
    const top = `top${((isThird ? number - 2 : number - 1) % topLevels) + 1}@customer.test`;
    const organization_sid = `OR${md5(top)}`;
    if (number <= topLevels) {
      organizations.push({ sid: organization_sid, domain_name: `customer${number}.test`, status: 'active', ...dates });
      rows.push(account(top, { organization_sid }));
    } else {
      const parent_sid = `AC${md5(isThird ? `sub${number - 1}@customer.test` : top)}`;
      rows.push(account(`sub${number}@customer.test`, { organization_sid, parent_sid }));
    }
  }
  return {
    restcomm_accounts: rows,
    restcomm_organizations: organizations,
    restcomm_profiles: [
      { sid: 'PRae6e420f425248d6a26948c17a9e2acf', document: '{"featureEnablement":{}}', ...dates },
      { sid: `PR${md5('gold')}`, document: `{"tier":"gold","note":"it's \\"ours\\"; \\\\ and ☎"}`, ...dates },
    ],
    restcomm_profile_associations: [{ target_sid: `AC${md5('top1@customer.test')}`, profile_sid: `PR${md5('gold')}`, ...dates }],
  };
}

/** Plants one row of each defect, and returns how many rows each rule will find. */
export function plantDefects(restcomm: Restcomm): Partial<Record<RuleName, number>> {
  const top = { parent_sid: `AC${md5('top1@customer.test')}`, organization_sid: `OR${md5('top1@customer.test')}` };
  const defective = (name: string, values: Row): Row => account(`${name}@defect.test`, { ...top, ...values });
  restcomm.restcomm_accounts.push(
    defective('upper', { sid: `AC${md5('upper').toUpperCase()}` }),
    defective('short', { sid: 'AC1234' }),
    defective('second-root', { parent_sid: null }),
    defective('orphan', { parent_sid: `AC${md5('nobody')}` }),
    defective('circle1', { date_created: '2015-01-01 00:00:00', parent_sid: `AC${md5('circle2@defect.test')}` }),
    defective('circle2', { parent_sid: `AC${md5('circle1@defect.test')}` }),
    defective('closed', { status: 'closed' }),
    defective('below-closed', { parent_sid: `AC${md5('closed@defect.test')}` }),
    defective('elsewhere', { organization_sid: restcommRoot.organizationSid }),
    defective('nowhere', { organization_sid: null }),
    defective('inactive', { status: 'inactive' }),
    defective('frozen', { status: 'frozen' }),
    defective('typo', { role: 'Administartor' }),
    defective('demo', { type: 'Demo' }),
    defective('bad-address', { email_address: 'jane?x=1@defect.test' }),
    defective('jane', { date_created: '2015-01-01 00:00:00' }),
    defective('jane2', { email_address: 'JANE@defect.test' }),
    defective('nameless', { friendly_name: '   ' }),
    defective('dateless', { date_created: null }),
    defective('tokenless', { auth_token: null }),
  );
  restcomm.restcomm_organizations.push(
    { sid: `OR${md5('bad')}`, domain_name: 'not a domain', status: 'active', ...dates },
    { sid: `OR${md5('odd')}`, domain_name: 'odd.test', status: 'paused', ...dates },
  );
  restcomm.restcomm_organizations.push({ sid: `OR${md5('gone')}`, domain_name: 'gone.test', status: 'closed', ...dates });
  restcomm.restcomm_accounts.push(account('stays@gone.test', { organization_sid: `OR${md5('gone')}` }));
  restcomm.restcomm_profiles.push({ sid: `PR${md5('broken')}`, document: '[1, 2]', ...dates });
  restcomm.restcomm_profile_associations.push({ target_sid: `AC${md5('nobody')}`, profile_sid: `PR${md5('gold')}`, ...dates });
  return {
    'bad-sid': 2,
    'several-roots': 1,
    'missing-parent': 1,
    cycle: 1,
    'not-closed-below': 1,
    'diverging-organization': 1,
    'unknown-organization': 1,
    'closed-organization': 1,
    'unknown-organization-status': 1,
    'bad-domain-name': 1,
    'suspended-status': 1,
    'unknown-status': 1,
    'unknown-role': 1,
    'unknown-type': 1,
    'bad-email': 1,
    'duplicate-email': 1,
    'bad-name': 1,
    'bad-date': 1,
    'bad-token': 1,
    'bad-profile': 1,
    'dangling-link': 1,
    'default-profile': 1,
  };
}

/** Options that settle all of these. */
export const settlingOptions = [
  ['--time-zone', 'Europe/Rome', '--role', 'Administartor=Administrator', '--status', 'frozen=suspended', '--type', 'Demo=Trial'],
  [
    '--on-bad-sid=new',
    '--on-several-roots=top-level',
    '--on-missing-parent=top-level',
    '--on-cycle=top-level',
    '--on-not-closed-below=follow',
  ],
  ['--on-diverging-organization=follow-top-level', '--on-unknown-organization=follow-parent', '--on-closed-organization=reopen'],
  ['--on-unknown-organization-status=active', '--on-bad-domain-name=replace', '--on-bad-email=replace', '--on-duplicate-email=suffix'],
  ['--on-bad-name=repair', '--on-bad-date=repair', '--on-bad-token=without', '--on-bad-profile=leave-out'],
].flat();

const columnTypes: Record<string, string> = {
  date_created: 'datetime',
  date_updated: 'datetime',
  email_address: 'mediumtext',
  document: 'longtext',
  domain_name: 'varchar(255)',
  friendly_name: 'varchar(64)',
  role: 'varchar(64)',
};

/** The tables in the SQL of MariaDB, with the rows in statements of so many. */
export function* mysqlStatements(restcomm: Restcomm, rowsAtOnce = 500): Generator<string> {
  for (const [table, rows] of Object.entries(restcomm) as [string, Row[]][]) {
    const columns = Object.keys(rows[0]!);
    const declared = columns.map((column) => `  \`${column}\` ${columnTypes[column] ?? 'varchar(64)'} DEFAULT NULL`);
    yield `CREATE TABLE \`${table}\` (\n${declared.join(',\n')},\n  KEY \`first, (second)\` (\`${columns[0]}\`)\n) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4`;
    for (let at = 0; at < rows.length; at += rowsAtOnce) {
      const tuples = rows.slice(at, at + rowsAtOnce).map((row) => `(${columns.map((column) => mysqlLiteral(row[column]!)).join(',')})`);
      yield `INSERT INTO \`${table}\` VALUES\n${tuples.join(',\n')}`;
    }
  }
}

function mysqlLiteral(text: string | null): string {
  return text === null
    ? 'NULL'
    : `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('"', '\\"').replaceAll('\n', '\\n')}'`;
}

/** A dump as mariadb-dump writes it, with another table between. */
export function mysqlDump(restcomm: Restcomm): string {
  const statements = [...mysqlStatements(restcomm)].map(
    (statement) => `--\n-- Table; it's one\n--\n/*!40101 SET x = 1; */;\n${statement};\n`,
  );
  const other =
    "CREATE TABLE `restcomm_calls` (`sid` varchar(64));\nINSERT INTO `restcomm_calls` VALUES ('CA; INSERT INTO `restcomm_accounts` \\'');\n";
  return `/*M!999999\\- enable the sandbox mode */ \n${statements.join(other)}`;
}

/** HSQLDB's script: a statement to a line, characters outside of ASCII as \uXXXX. */
export function hsqldbScript(restcomm: Restcomm): string {
  const lines = ['SET DATABASE UNIQUE NAME HSQLDB5C1D3B5C2E', 'CREATE SCHEMA PUBLIC AUTHORIZATION DBA', 'SET SCHEMA PUBLIC'];
  const tables = Object.entries(restcomm) as [string, Row[]][];
  for (const [table, rows] of tables) {
    const columns = Object.keys(rows[0]!).map((column) => `${column.toUpperCase()} VARCHAR(100)`);
    lines.push(
      `CREATE MEMORY TABLE PUBLIC.${table.toUpperCase()}(${columns.join(',')},PRIMARY KEY(${Object.keys(rows[0]!)[0]!.toUpperCase()}))`,
    );
  }
  for (const [table, rows] of tables) {
    for (const row of rows) lines.push(`INSERT INTO ${table.toUpperCase()} VALUES(${Object.entries(row).map(hsqldbLiteral).join(',')})`);
  }
  return `${lines.join('\n')}\n`;
}

function hsqldbLiteral([column, text]: [string, string | null]): string {
  if (text === null) return 'NULL';
  const precise = column.startsWith('date_') ? `${text}.000000` : text;
  const escaped = precise
    .replaceAll("'", "''")
    .replaceAll(/\\u|[^\u0020-\u007e]/g, (found) =>
      found === '\\u' ? '\\u005cu' : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  return `'${escaped}'`;
}
