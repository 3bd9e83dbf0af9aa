import { type Config, readConfig } from '../config.js';
import { keysAtHand, renewCredentialsKey } from '../credentials-key.js';
import { Database } from '../persistence/connection/database.js';
import { AuditedTransactions } from '../service/audited-transaction.js';
import { type KeyReplacement, type LostSecrets, lostSecrets, replaceKey as replace } from '../service/key-replacement.js';
import { Secrets } from '../service/secrets.js';
import { createCommandLog } from './log.js';
import { commandLineRequest, openMigrated } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { confirm, counted, print, printJson, printable, tell } from './terminal.js';
import { withDatabase } from './with-database.js';

interface ReplaceKeyOptions {
  yes?: boolean | undefined;
  json?: boolean | undefined;
}

/** `account-gateway replace-key`: for a key that is lost. What only that key could read is replaced; passwords stay, but imported ones that were never used. */
export async function replaceKey({ yes, json }: ReplaceKeyOptions, shutdown: Shutdown): Promise<void> {
  const config = readConfig();
  const options = { config, log: createCommandLog(config), shutdown, needsKey: false, mustExist: true, isAlone: true };
  await withDatabase(options, async (databaseUrl) => {
    const dataSource = await openMigrated(databaseUrl, 'all');
    try {
      await shutdown.unlessRequested(replaceKeyIn(new Database(dataSource), config, { yes, json }));
    } finally {
      await dataSource.destroy();
    }
  });
}

/**
 * An embedded gateway gets a new key, unless AuthTokens were made by the one in its folder: then a replacement was interrupted, and goes on.
 * On a server, CREDENTIALS_KEY is the new key.
 */
async function replaceKeyIn(database: Database, config: Config, { yes, json }: ReplaceKeyOptions): Promise<void> {
  const atHand = await keysAtHand(config);
  const lost = await lostSecrets(database, new Secrets(atHand ?? []));
  if (atHand !== undefined && lost.authTokens + lost.webhooks + lost.resetTokens === 0) {
    const nothing = { authTokens: 0, webhooks: [], resetTokens: 0, passwords: 0, requests: 0 };
    return json ? printJson(nothing) : print('Nothing to replace: the key at hand reads every AuthToken and every secret.');
  }
  await confirm(question(lost, config), 'replace', yes);

  let keys = atHand;
  if (config.credentialsKeys === undefined && (keys === undefined || !lost.isKeyInUse)) {
    const renewed = await renewCredentialsKey(config.dataDirectory);
    ({ keys } = renewed);
    if (renewed.keptAs !== undefined) tell(`The key that was there is kept as ${renewed.keptAs}.`);
  }
  const secrets = new Secrets(keys!);
  const transactions = new AuditedTransactions(database, secrets);
  const replaced = await replace(database, transactions, secrets, commandLineRequest(), (count) =>
    tell(`${counted(count, 'AuthToken')} replaced …`),
  );
  if (json) printJson({ ...replaced, passwords: lost.passwords, requests: lost.requests });
  else for (const sentence of sentences(replaced, lost, config)) print(sentence);
}

function question({ authTokens, webhooks, passwords, resetTokens, requests }: LostSecrets, { databaseUrl }: Config): string {
  return [
    `${counted(authTokens, 'account')} will get a new AuthToken, and must be told: whoever signs in by AuthToken cannot until then. ${passwords === 0 ? 'Passwords' : 'Other passwords'} stay.`,
    webhooks > 0 &&
      `${counted(webhooks, 'webhook')} will get a new secret; receivers refuse events until the owners have made them another one.`,
    passwords > 0 &&
      `${counted(passwords, 'imported password')} that nobody has signed in with since cannot be verified without the lost key: these accounts need a new one.`,
    resetTokens > 0 && `${counted(resetTokens, 'password reset token')} will end.`,
    requests > 0 && `${counted(requests, 'request')} of the last 24 hours can no longer be repeated by idempotency key.`,
    databaseUrl !== undefined && 'Stop every gateway first: one that runs with the old key cannot read what this writes.',
    'If the key may still be found, restore it instead.',
  ]
    .filter((sentence) => sentence !== false)
    .join('\n');
}

function sentences({ authTokens, webhooks, resetTokens }: KeyReplacement, { passwords, requests }: LostSecrets, config: Config): string[] {
  return [
    `${counted(authTokens, 'account')} ${authTokens === 1 ? 'has' : 'have'} a new AuthToken, and must be told. Each can sign in by password and read it.`,
    ...(config.authTokenScheme === 'md5' ? ['These AuthTokens are random, not md5 of the password, until the password is set anew.'] : []),
    ...webhooks.map(
      ({ sid, accountSid, url }) => `Webhook ${sid} of ${accountSid} (${printable(url)}) needs rotateWebhookSecret by its owner.`,
    ),
    ...(passwords > 0
      ? [
          `${counted(passwords, 'imported account')} cannot sign in before it is given a password: by reset-password, or by an administrator above it.`,
        ]
      : []),
    ...(resetTokens > 0 ? [`${counted(resetTokens, 'password reset token')} ended.`] : []),
    ...(requests > 0
      ? [`${counted(requests, 'request')} of the last 24 hours cannot be repeated by idempotency key: repeats are refused.`]
      : []),
    'Counts of failed sign-ins begin anew. Gateways may start now.',
  ];
}
