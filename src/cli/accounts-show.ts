import { capabilitiesIn, isRoot } from '../domain/account.js';
import { sidsAlong } from '../domain/tree.js';
import { statusOfWebhook } from '../domain/webhook.js';
import { isByOperator } from '../domain/history.js';
import { authorInWords, countsInWords, jsonOf, minuteOf, nameOf, roleOf, statusAuthorsOf, statusInWords } from './account-view.js';
import { asObject, countsBelow } from './accounts-tree.js';
import { type Operator, asOperator } from './operator.js';
import type { Shutdown } from './shutdown.js';
import { print, printJson, printable, table } from './terminal.js';

/** How many entries of its history are shown. */
const entriesAtMost = 5;

/** `account-gateway accounts show`: all about one account that its operator may want to know. */
export async function showAccount(named: string, { json }: { json?: boolean }, shutdown: Shutdown): Promise<void> {
  await asOperator(shutdown, { reads: true }, async (operator) => {
    const found = await read(operator, named);
    const { account, above, organization, below, author, profileSid, webhooks, removals, entries } = found;
    const capabilities = capabilitiesIn(account.status);
    if (json) {
      const recent = entries.map(({ date, operation, subjectSid, actorSid, requestId }) => ({
        date,
        operation,
        subjectSid,
        actorSid,
        requestId,
      }));
      return printJson({
        ...jsonOf(account, author),
        above: above.map(({ sid, emailAddress, status }) => ({ sid, emailAddress, status })),
        organization,
        below: asObject(below),
        capabilities,
        profileSid,
        webhooks,
        removals: removals.map(({ subresource, state }) => ({ subresource, state })),
        history: recent,
      });
    }
    const on = Object.entries(capabilities).flatMap(([name, isOn]) => (isOn ? [capabilityNames[name as keyof typeof capabilities]] : []));
    const rows = [
      ['SID', account.sid],
      ['Name', printable(account.friendlyName)],
      ['E-mail address', printable(account.emailAddress)],
      ['Status', statusInWords(account, author)],
      ['May use', on.length === 0 ? 'nothing' : on.join(', ')],
      ['Role', roleOf(account)],
      ['Type', account.type],
      ['Organization', `${printable(organization.domainName)} (${organization.sid}, ${organization.status})`],
      ...above.map((one, level): [string, string] => [level === 0 ? 'Ancestors' : '', `${nameOf(one)}, ${one.status}, ${one.sid}`]),
      ['Accounts below', below.length === 0 ? 'none' : countsInWords(below, 'in all')],
      ['Profile in effect', profileSid],
      ['Created', minuteOf(account.dateCreated)],
      ['Updated', `${minuteOf(account.dateUpdated)}, version ${account.version}`],
      ...webhooks.map(({ url, status, sid }, index): [string, string] => [
        index === 0 ? 'Webhooks' : '',
        `${printable(url)}, ${status}, ${sid}`,
      ]),
      ...removals.map(({ subresource, state }, index): [string, string] => [index === 0 ? 'Removal' : '', `${subresource}: ${state}`]),
      ...entries.map(({ date, operation, subjectSid, actor }, index): [string, string] => [
        index === 0 ? 'Last in the history' : '',
        `${minuteOf(date)}  ${operation}${subjectSid === account.sid ? '' : ` of ${subjectSid}`}${actor === null ? '' : ` by ${authorInWords(actor)}`}`,
      ]),
    ] as const;
    for (const line of table(rows.map(([label, value]) => [{ text: label, style: 'bold' }, value]))) print(line);
  });
}

const capabilityNames = { restApi: 'the API', voiceAndSms: 'voice and SMS', clientRegistration: 'client registration' };

async function read(operator: Operator, named: string) {
  const { accountQueries, organizations, profiles, webhooks, removals, history, caller } = operator;
  const { actor } = caller;
  const account = await accountQueries.get(actor, { either: named });
  const page = { size: entriesAtMost, backward: true, from: undefined };
  const [entries] = await history.pages(actor, [account], 'owner', page);
  const rows = entries!.rows.toReversed();
  const sids = [...sidsAlong(account.path), ...rows.flatMap(({ actorSid }) => actorSid ?? [])];
  const known = new Map((await accountQueries.findMany(actor, sids)).flatMap((one) => (one === null ? [] : [[one.sid, one]])));
  const actorOf = (entry: (typeof rows)[number]) =>
    isByOperator(entry) ? ('command-line' as const) : (entry.actorSid !== null && known.get(entry.actorSid)) || null;
  const endpoints = (await webhooks.ofAccounts(actor, [account]))[0] ?? [];
  return {
    account,
    above: sidsAlong(account.path)
      .slice(0, -1)
      .flatMap((sid) => known.get(sid) ?? []),
    organization: await organizations.get(actor, { sid: account.organizationSid }),
    below: (await countsBelow(operator, [account], { kind: 'descendants' }))[0]!,
    author: (await statusAuthorsOf(operator, [account])).get(account.sid) ?? null,
    profileSid: await profiles.effectiveSid(actor, account),
    webhooks: endpoints.map((webhook) => ({ sid: webhook.sid, url: webhook.url, status: statusOfWebhook(webhook, account) })),
    removals: isRoot(account) ? [] : (await removals.ofAccounts(actor, [account]))[0]!,
    entries: rows.map((entry) => ({ ...entry, actor: actorOf(entry) })),
  };
}
