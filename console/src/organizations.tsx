import { useRef, useState } from 'preact/hooks';
import { ActDialog, type Plan, assertFilled } from './acts/act-dialog.js';
import { newKey } from './api.js';
import { asFailure, useRead, useSession } from './context.js';
import { TextField, failureAt } from './dialog.js';
import { closeOrganizationMutation, createOrganizationMutation } from './mutations.js';
import type { Organization } from './operations.js';
import { organizationAccountsQuery, organizationsQuery } from './organization-operations.js';
import { Alert, Card, Reading, Time } from './parts.js';
import { count } from './words.js';

/** The organizations that accounts can be moved to. For the Super Admin. */
export function Organizations() {
  const { api, viewer } = useSession();
  const { data, failure, reload } = useRead(organizationsQuery, { after: null, status: null });
  const [further, setFurther] = useState<typeof data>();
  const [furtherFailure, setFurtherFailure] = useState<ReturnType<typeof asFailure>>();
  const [closing, setClosing] = useState<Organization>();
  const [isCreating, setCreating] = useState(false);
  const { hasNextPage, endCursor } = (further ?? data)?.organizations.pageInfo ?? { hasNextPage: false, endCursor: null };
  const all = [...(data?.organizations.nodes ?? []), ...(further?.organizations.nodes ?? [])];
  const readOn = async (): Promise<void> => {
    try {
      const { organizations } = await api.request(organizationsQuery, { after: endCursor, status: null });
      setFurther({ organizations: { ...organizations, nodes: [...(further?.organizations.nodes ?? []), ...organizations.nodes] } });
      setFurtherFailure(undefined);
    } catch (error) {
      setFurtherFailure(asFailure(error));
    }
  };
  if (!viewer.isSuperAdmin) return <h1 tabIndex={-1}>Only the Super Admin sees organizations</h1>;
  return (
    <>
      <header class="headline">
        <h1 tabIndex={-1}>Organizations</h1>
        <p class="muted">Everything below a top-level account is in that account's organization.</p>
        <div class="acts">
          <button type="button" onClick={() => setCreating(true)}>
            New organization
          </button>
        </div>
      </header>
      {failure !== undefined && <Alert failure={failure} retry={reload} />}
      <Card title="By domain name" wide>
        {data === undefined && failure === undefined && <Reading what="organizations" />}
        <ul class="rows">
          {all.map((organization) => (
            <li key={organization.sid}>
              <span class="two-lines">
                <span>{organization.domainName}</span>
                <small>
                  created <Time at={organization.dateCreated} />
                </small>
              </span>
              {organization.status === 'CLOSED' ? (
                <span class="tag">Closed</span>
              ) : (
                <button type="button" aria-label={`Close ${organization.domainName}`} onClick={() => setClosing(organization)}>
                  Close
                </button>
              )}
            </li>
          ))}
        </ul>
        {furtherFailure !== undefined && <Alert failure={furtherFailure} />}
        {hasNextPage && (
          <button type="button" class="more" onClick={() => void readOn()}>
            Show more
          </button>
        )}
      </Card>
      {isCreating && <CreateOrganizationDialog close={() => setCreating(false)} />}
      {closing !== undefined && <CloseOrganizationDialog organization={closing} close={() => setClosing(undefined)} />}
    </>
  );
}

function CreateOrganizationDialog({ close }: { close: () => void }) {
  const { api } = useSession();
  const [typed, setTyped] = useState('');
  const key = useRef(newKey());
  const domainName = typed.trim();
  return (
    <ActDialog
      title="New organization"
      fields={['domainName']}
      close={close}
      plan={() => {
        assertFilled(domainName, 'domainName', 'A domain name is needed.');
        return {
          sentence: `This will create 1 organization: ${domainName}.`,
          details: ['No account is in it until one is created there or moved to it.'],
          label: 'Create the organization',
          perform: async () => void (await api.request(createOrganizationMutation, { input: { domainName, idempotencyKey: key.current } })),
          done: `Created ${domainName}.`,
        };
      }}
      form={(failure) => (
        <TextField
          label="Domain name"
          help="Letters, digits and hyphens, in labels that are joined by dots."
          failure={failureAt(failure, 'domainName')}
          isAddress
          required
          value={typed}
          set={setTyped}
        />
      )}
    />
  );
}

function CloseOrganizationDialog({ organization: { sid, domainName }, close }: { organization: Organization; close: () => void }) {
  const { api } = useSession();
  const plan = async (): Promise<Plan> => {
    const { totalCount: amount } = (await api.request(organizationAccountsQuery, { sid })).accounts;
    return {
      sentence: `This will close 1 organization: ${domainName}.`,
      details: [
        `${count(amount, 'account')} ${amount === 1 ? 'belongs' : 'belong'} to it. It is refused unless all of them are closed.`,
        'This is for good.',
      ],
      label: `Close ${domainName}`,
      isDangerous: true,
      perform: async () => void (await api.request(closeOrganizationMutation, { input: { sid } })),
      done: `Closed ${domainName}.`,
    };
  };
  return <ActDialog title={`Close ${domainName}`} plan={plan} close={close} />;
}
