import { useId, useState } from 'preact/hooks';
import { useRead, useSession } from '../context.js';
import { TextField, failureAt } from '../dialog.js';
import { migrateMutation } from '../mutations.js';
import type { Account } from '../operations.js';
import { organizationsQuery } from '../organization-operations.js';
import { count } from '../words.js';
import { ActDialog, type Plan, assertFilled } from './act-dialog.js';
import { type Ask, performAsPlanned, reachInWords, statusesInWords } from './reach.js';

/** Moves a top-level account, with everything below it, to another organization. */
export function MigrateAccountDialog({ account, close }: { account: Account; close: () => void }) {
  const { api } = useSession();
  const { sid, friendlyName, organization } = account;
  const [typed, setTyped] = useState('');
  const { data } = useRead(organizationsQuery, { after: null, status: 'ACTIVE' });
  const listId = useId();
  const domainName = typed.trim();
  const ask: Ask = async (dryRun, version) => {
    const input = { sid, dryRun, organization: { domainName }, ...(version !== undefined && { version }) };
    return (await api.request(migrateMutation, { input, dryRun })).result;
  };
  const plan = async (): Promise<Plan> => {
    assertFilled(domainName, 'organization', 'Name the organization to move to by its domain name.');
    const reach = await ask(true);
    const amount = count(reach.reachedCount, 'account');
    return {
      sentence: `This will move ${reachInWords(reach)}.`,
      details: [`From ${organization?.domainName ?? 'their organization'} to ${domainName}.`, statusesInWords(reach)],
      label: `Move ${amount}`,
      perform: () => performAsPlanned(reach, ask),
      done: `Moved ${amount} to ${domainName}.`,
    };
  };
  return (
    <ActDialog
      title={`Move ${friendlyName} to another organization`}
      plan={plan}
      fields={['organization', 'domainName']}
      close={close}
      form={(failure) => (
        <>
          <TextField
            label="Organization"
            help={`By its domain name. Now: ${organization?.domainName ?? 'unknown'}.`}
            failure={failureAt(failure, 'organization') ?? failureAt(failure, 'domainName')}
            isAddress
            list={listId}
            required
            value={typed}
            set={setTyped}
          />
          <datalist id={listId}>
            {data?.organizations.nodes
              .filter((other) => other.sid !== organization?.sid)
              .map((other) => (
                <option key={other.sid} value={other.domainName} />
              ))}
          </datalist>
        </>
      )}
    />
  );
}
