import { useRef, useState } from 'preact/hooks';
import { newKey } from '../api.js';
import { useSession } from '../context.js';
import { TextField, failureAt } from '../dialog.js';
import { createMutation } from '../mutations.js';
import type { AccountType, Named, Role } from '../operations.js';
import { roleNames } from '../words.js';
import { ActDialog, type Plan, assertFilled } from './act-dialog.js';
import { RoleAndType } from './role-and-type.js';

/** Creates an account below another one. */
export function CreateAccountDialog({ parent, isTopLevel, close }: { parent: Named; isTopLevel: boolean; close: () => void }) {
  const { api, created } = useSession();
  const [values, setValues] = useState({
    emailAddress: '',
    friendlyName: '',
    password: '',
    role: '' as Role | '',
    type: 'FULL' as AccountType,
    organization: '',
  });
  // The same for each try of one dialog, so that an answer that was lost does not make two.
  const key = useRef(newKey());
  const set = (change: Partial<typeof values>): void => setValues({ ...values, ...change });

  const plan = (): Plan => {
    const { emailAddress, friendlyName, password, role, type, organization } = values;
    const name = friendlyName.trim() || emailAddress.trim();
    const isActive = password !== '';
    return {
      sentence: `This will create 1 account: “${name}”, below ${parent.friendlyName}.`,
      details: [
        `It signs in as ${emailAddress.trim()}, and is ${role === 'ADMINISTRATOR' ? 'an' : 'a'} ${roleNames[role as Role]}.`,
        isActive ? 'It is active at once.' : 'It is uninitialized: it can do nothing until it has a password.',
        ...(organization.trim() === '' ? [] : [`Its organization is ${organization.trim()}.`]),
      ],
      label: 'Create the account',
      async perform() {
        const input = {
          parentSid: parent.sid,
          emailAddress: emailAddress.trim(),
          ...(friendlyName.trim() !== '' && { friendlyName: friendlyName.trim() }),
          ...(isActive && { password }),
          role: role as Role,
          type,
          ...(organization.trim() !== '' && { organization: { domainName: organization.trim() } }),
          idempotencyKey: key.current,
        };
        const { createAccount } = await api.request(createMutation, { input });
        created(createAccount.account.sid);
      },
      done: `Created ${name}.`,
    };
  };
  return (
    <ActDialog
      title={`New account below ${parent.friendlyName}`}
      plan={async () => {
        assertFilled(values.emailAddress, 'emailAddress', 'An e-mail address is needed.');
        assertFilled(values.role, 'role', 'Choose what the account may do.');
        return plan();
      }}
      fields={['emailAddress', 'friendlyName', 'password', 'role', 'type', 'organization']}
      close={close}
      form={(failure) => (
        <>
          <TextField
            label="E-mail address"
            failure={failureAt(failure, 'emailAddress')}
            isAddress
            type="email"
            required
            value={values.emailAddress}
            set={(emailAddress) => set({ emailAddress })}
          />
          <TextField
            label="Name"
            help="At most 64 characters. Without one, the e-mail address."
            failure={failureAt(failure, 'friendlyName')}
            value={values.friendlyName}
            set={(friendlyName) => set({ friendlyName })}
          />
          <RoleAndType role={values.role} type={values.type} failure={failure} set={set} />
          <TextField
            label="Password"
            help="8 to 128 characters. Without one, the account is uninitialized."
            failure={failureAt(failure, 'password')}
            type="password"
            autocomplete="new-password"
            value={values.password}
            set={(password) => set({ password })}
          />
          {isTopLevel && (
            <TextField
              label="Organization"
              help={`A domain name. Without one, that of ${parent.friendlyName}.`}
              failure={failureAt(failure, 'organization')}
              isAddress
              value={values.organization}
              set={(organization) => set({ organization })}
            />
          )}
        </>
      )}
    />
  );
}
