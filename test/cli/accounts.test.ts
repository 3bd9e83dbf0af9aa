import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { inDatabase } from '../support/database-url.js';
import { useGatewayFolder } from '../support/gateway-folder.js';
import { type TestGateway, admin, startTestGateway } from '../support/gateway.js';
import { postGraphql } from '../support/graphql-client.js';
import { graphqlSurface } from '../support/graphql-surface.js';
import { type Ended, runGateway } from '../support/processes.js';
import { plant } from '../support/plant.js';
import { type Created, create, missingSid } from '../support/tree.js';

describe('the commands for accounts', () => {
  let gateway: TestGateway;
  let customer: Created;
  beforeAll(async () => {
    gateway = await startTestGateway();
  });
  afterAll(() => gateway.stop());
  beforeEach(async () => {
    customer = await create(graphqlSurface(gateway.url));
  });

  /** Without any key: none of these commands reads or makes a secret. */
  const accounts = (...args: string[]): Promise<Ended> => runGateway({ DATABASE_URL: gateway.database.url }, ['accounts', ...args]);
  const json = async (...args: string[]) => {
    const { code, output, mistakes } = await accounts(...args, '--json');
    expect([code, mistakes]).toEqual([0, []]);
    return JSON.parse(output);
  };
  const below = (parent: Created, more: object = {}) => create(graphqlSurface(gateway.url), { parent: parent.sid, ...more });
  const suspend = (sid: string, login = admin) =>
    postGraphql(
      gateway.url,
      login,
      'mutation($sid: ID!) { setAccountStatus(input: { sid: $sid, status: SUSPENDED }) { account { sid } } }',
      {
        sid,
      },
    );
  const minute = String.raw`\d{4}-\d\d-\d\d \d\d:\d\d UTC`;

  it('draw a tree, with who is switched off, since when and by whom', async () => {
    const department = await below(customer, { friendlyName: 'Sales' });
    const team = await below(department);
    await below(team);
    const other = await below(customer);
    await suspend(department.sid, customer.login);
    await accounts('suspend', other.sid);

    const { code, output } = await accounts('tree', customer.emailAddress);
    expect(code).toBe(0);
    const lines = [
      `^${customer.emailAddress}  Administrator  active  ${customer.sid}  \\(4 below, 4 suspended\\)$`,
      `^├─ Sales <${department.emailAddress}>  Administrator  suspended since ${minute} by ${customer.emailAddress}  ${department.sid}$`,
      `^│  └─ ${team.emailAddress}  .* by ${customer.emailAddress}  ${team.sid}  \\(1 below, 1 suspended\\)$`,
      `^└─ ${other.emailAddress}  Administrator  suspended since ${minute} by the command line  ${other.sid}$`,
    ];
    expect(output.trimEnd().split('\n')).toEqual(lines.map((line) => expect.stringMatching(line)));

    const tree = await json('tree', customer.sid, '--depth', '1');
    expect(tree).toMatchObject({
      sid: customer.sid,
      below: { suspended: 4 },
      more: {},
      children: [
        { sid: department.sid, status: 'suspended', statusChangedBy: customer.sid, below: { suspended: 2 } },
        { sid: other.sid, status: 'suspended', statusChangedBy: 'command-line', below: {} },
      ],
    });
  });

  it('fold what is long, and say how many of it are switched off', async () => {
    await plant(gateway.database, { below: customer.sid, widths: [1230] });
    await gateway.database.query(
      `UPDATE account SET status = 'suspended' WHERE sid IN (SELECT sid FROM account WHERE parent_sid = $1 ORDER BY date_created DESC LIMIT 3)`,
      [customer.sid],
    );
    const lines = (await accounts('tree', customer.sid)).output.trimEnd().split('\n');
    expect(lines).toHaveLength(1 + 20 + 1);
    expect(lines.at(-1)).toBe('└─ … and 1,210 more, 3 suspended');
    expect((await json('tree', customer.sid)).more).toEqual({ active: 1207, suspended: 3 });
  });

  it('show the whole tree below the Super Admin where none is named', async () => {
    const [top] = (await accounts('tree', '--depth', '1')).output.split('\n');
    expect(top).toMatch(new RegExp(`^${admin.login}  Super Admin  active  AC`));
  });

  it('are coloured on a terminal alone, and never print what would act on it', async () => {
    await gateway.database.query('UPDATE account SET friendly_name = $2 WHERE sid = $1', [customer.sid, '\u001b[2J\u009b1m\u202eevil\n']);
    for (const args of [
      ['tree', customer.sid],
      ['show', customer.sid],
      ['find', customer.emailAddress],
      ['tree', customer.sid, '--json'],
    ]) {
      const { code, output } = await accounts(...args);
      expect(code).toBe(0);
      // oxlint-disable-next-line no-control-regex
      expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(output).toContain('evil');
    }
    expect((await json('show', customer.sid)).friendlyName).toBe('\u001b[2J\u009b1m\u202eevil\n');
  });

  it('show all about one account', async () => {
    const department = await below(customer);
    await suspend(customer.sid);
    const shown = await json('show', department.emailAddress);
    expect(shown).toMatchObject({
      sid: department.sid,
      status: 'suspended',
      capabilities: { restApi: false, voiceAndSms: false, clientRegistration: false },
      above: [{ emailAddress: admin.login }, { sid: customer.sid, status: 'suspended' }],
      organization: { domainName: 'provider.test' },
      below: {},
      webhooks: [],
      history: [
        { operation: 'setAccountStatus', subjectSid: customer.sid },
        { operation: 'createAccount', subjectSid: department.sid },
      ],
    });
    const { output } = await accounts('show', department.sid);
    expect(output).toMatch(new RegExp(`^Status +suspended since ${minute} by ${admin.login}$`, 'm'));
    expect(output).toMatch(/^May use +nothing$/m);
    expect(output).toMatch(new RegExp(`^ +${minute}  createAccount by ${admin.login}$`, 'm'));
  });

  it('find accounts by part of a name or address, by SID, and the root too', async () => {
    const named = await below(customer, { friendlyName: 'Zyxw Telephony' });
    expect((await accounts('find', 'zyxw tele')).output).toBe(
      `${named.sid}  Zyxw Telephony <${named.emailAddress}>  Administrator  active\n`,
    );
    expect((await json('find', named.sid)).accounts).toMatchObject([{ sid: named.sid }]);
    expect((await json('find', 'provider.test')).accounts).toMatchObject([{ emailAddress: admin.login }]);
    expect(await accounts('find', 'nobody has this')).toMatchObject({ code: 1, mistakes: [] });
    expect(await accounts('find', 'zy')).toMatchObject({
      code: 64,
      mistakes: ['The length of text must be a whole number from 3 to 255.'],
    });
  });

  it('are read by a role that may read, and may not read what verifies secrets', async () => {
    const role = `reader_${randomBytes(6).toString('hex')}`;
    const [{ name } = { name: '' }] = await gateway.database.query<{ name: string }>('SELECT current_database() AS name');
    await gateway.database.query(
      `CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role};
       REVOKE SELECT ON credential, password_reset_token, idempotency_key, sign_in_failure, email_conflict FROM ${role}`,
    );
    try {
      const environment = { DATABASE_URL: inDatabase(inject('serverUrl'), name).replace('user=postgres', `user=${role}`) };
      for (const args of [['tree'], ['show', customer.emailAddress], ['find', customer.emailAddress]]) {
        expect(await runGateway(environment, ['accounts', ...args])).toMatchObject({ code: 0, mistakes: [] });
      }
      expect(await runGateway(environment, ['accounts', 'suspend', customer.sid])).toMatchObject({
        code: 78,
        mistakes: [expect.stringMatching(/^The role "reader_\w+" lacks rights that the gateway needs: /)],
      });
    } finally {
      await gateway.database.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`);
    }
  });

  it('suspend, activate and close with everything below, as the history tells; a dry run only says what that would reach', async () => {
    const department = await below(customer);
    const statuses = async () =>
      (
        await gateway.database.query<{ status: string }>('SELECT status FROM account WHERE sid = ANY($1)', [[customer.sid, department.sid]])
      ).map(({ status }) => status);
    const changes = [
      ['suspend', 'suspended', { active: 2 }, 'SET_ACCOUNT_STATUS'],
      ['activate', 'active', { suspended: 2 }, 'SET_ACCOUNT_STATUS'],
      ['close', 'closed', { active: 2 }, 'CLOSE_ACCOUNT'],
    ] as const;
    for (const [command, status, reached, operation] of changes) {
      const before = await statuses();
      expect(await json(command, customer.emailAddress, '--dry-run')).toMatchObject({ dryRun: true, status: before[0], reached });
      expect(await statuses()).toEqual(before);
      expect(await json(command, customer.sid)).toMatchObject({ dryRun: false, status, reached });
      expect(await statuses()).toEqual([status, status]);
      const { data } = await postGraphql(
        gateway.url,
        admin,
        'query($sid: ID!) { account(by: { sid: $sid }) { statusChangedBy history(last: 1) { nodes { operation actorSid requestId } } } }',
        { sid: customer.sid },
      );
      const entry = { operation, actorSid: null, requestId: expect.stringMatching(/^command-line:/) };
      expect(data!.account).toEqual({ statusChangedBy: null, history: { nodes: [entry] } });
    }
    expect((await accounts('suspend', (await below(await create(graphqlSurface(gateway.url)))).sid, '--dry-run')).output).toMatch(
      /^Suspending \S+ \(AC\w+\) would change 1 account: 1 active\. Nothing was changed\.\n$/,
    );
  });

  it('obey the rules of every other change, with exit code 1', async () => {
    const department = await below(customer);
    await suspend(customer.sid);
    const closed = await create(graphqlSurface(gateway.url));
    await accounts('close', closed.sid);
    const refused = [
      [['activate', department.sid], 'The account above this one is not active, and nothing below it can be. Activate that one first.'],
      [['suspend', closed.sid], `Account ${closed.sid} is closed for good, and can no longer be changed.`],
      [['close', admin.login], 'Nobody may do this to that account: it is the root, which is always active.'],
      [['suspend', admin.login], 'Nobody may do this to that account: it is the root, which is always active.'],
      [['suspend', missingSid()], 'There is no such account. Check its SID or e-mail address.'],
      [['show', newSid('profile')], 'There is no such account. Check its SID or e-mail address.'],
      [['tree', 'nobody@tests.test'], 'There is no such account. Check its SID or e-mail address.'],
    ] as const;
    for (const [args, sentence] of refused) expect(await accounts(...args)).toMatchObject({ code: 1, mistakes: [sentence] });
    for (const depth of ['0', 'all'])
      expect(await accounts('tree', '--depth', depth)).toMatchObject({
        code: 64,
        mistakes: ['--depth must be a number of levels from 1 to 50.'],
      });
  });
});

describe('the commands for accounts, on the embedded database', () => {
  const folder = useGatewayFolder();

  it('read and change what a gateway serves that runs, and what one did that does not', async () => {
    await folder.startedBefore();
    const run = (...args: string[]) => runGateway(folder.environment(), ['accounts', ...args]);
    expect(await run('tree')).toMatchObject({
      code: 0,
      mistakes: [],
      output: expect.stringMatching(/^administrator@company\.com  Super Admin/),
    });

    const { url, end, adminEmail, adminPassword } = await folder.start();
    const login = { login: adminEmail, secret: adminPassword };
    const emailAddress = 'customer@company.com';
    await postGraphql(url, login, 'mutation($input: CreateAccountInput!) { createAccount(input: $input) { account { sid } } }', {
      input: { emailAddress, password: 'a decent password', role: 'ADMINISTRATOR' },
    });
    const asCustomer = async () =>
      (await postGraphql(url, { login: emailAddress, secret: 'a decent password' }, '{ viewer { sid } }')).status;
    expect(await asCustomer()).toBe(200);
    expect(await run('suspend', emailAddress)).toMatchObject({ code: 0, mistakes: [] });
    expect(await asCustomer()).toBe(403);
    expect(await end('SIGTERM')).toBe(0);
    expect((await run('show', emailAddress)).output).toMatch(/^Status +suspended since .* by the command line$/m);
  });

  it('say where there is no database, and make none', async () => {
    expect(await runGateway(folder.environment(), ['accounts', 'tree'])).toMatchObject({
      code: 78,
      mistakes: [`There is no database in ${folder.path}. Set DATA_DIR to the folder of the gateway, or DATABASE_URL.`],
    });
  });
});
