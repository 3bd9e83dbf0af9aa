import { useState } from 'preact/hooks';
import { useSession } from '../context.js';
import { TextField, failureAt } from '../dialog.js';
import { updateMutation } from '../mutations.js';
import type { Account } from '../operations.js';
import { roleNames, typeNames } from '../words.js';
import { ActDialog, type Plan } from './act-dialog.js';
import { RoleAndType } from './role-and-type.js';

/** Renames an account and, for those above it, changes its e-mail address, role and type. */
export function EditAccountDialog({ account, close }: { account: Account; close: () => void }) {
  const { api } = useSession();
  const { sid, version, friendlyName, emailAddress, role, type, viewerCan } = account;
  const [values, setValues] = useState({ friendlyName, emailAddress, role, type });
  const set = (change: Partial<typeof values>): void => setValues({ ...values, ...change });

  const plan = (): Plan => {
    const changes = {
      ...(values.friendlyName.trim() !== friendlyName && { friendlyName: values.friendlyName.trim() }),
      ...(values.emailAddress.trim().toLowerCase() !== emailAddress && { emailAddress: values.emailAddress.trim() }),
      ...(values.role !== role && { role: values.role }),
      ...(values.type !== type && { type: values.type }),
    };
    const details = [
      changes.friendlyName !== undefined && `Its name was “${friendlyName}”, and will be “${changes.friendlyName}”.`,
      changes.emailAddress !== undefined &&
        `It signs in as ${changes.emailAddress}, and as ${emailAddress} no longer. Tokens to reset its password end.`,
      changes.role !== undefined && `It was ${roleNames[role]}, and will be ${roleNames[values.role]}.`,
      changes.type !== undefined && `Its type was ${typeNames[type]}, and will be ${typeNames[values.type]}.`,
    ].filter((detail) => detail !== false);
    const isRename = Object.keys(changes).join() === 'friendlyName';
    return {
      sentence:
        details.length === 0
          ? 'This would change nothing: all is as it was.'
          : `This will ${isRename ? 'rename' : 'change'} 1 account: ${friendlyName}.`,
      details,
      label: details.length === 0 ? undefined : isRename ? 'Rename' : 'Save the changes',
      perform: async () => void (await api.request(updateMutation, { input: { sid, version, ...changes } })),
      done: isRename ? `Renamed to ${changes.friendlyName}.` : `Changed ${friendlyName}.`,
    };
  };
  return (
    <ActDialog
      title={`Edit ${friendlyName}`}
      plan={plan}
      fields={['friendlyName', 'emailAddress', 'role', 'type']}
      close={close}
      form={(failure) => (
        <>
          <TextField
            label="Name"
            help="At most 64 characters."
            failure={failureAt(failure, 'friendlyName')}
            value={values.friendlyName}
            set={(friendlyName) => set({ friendlyName })}
          />
          {viewerCan.changeEmailAddress && (
            <TextField
              label="E-mail address"
              failure={failureAt(failure, 'emailAddress')}
              isAddress
              type="email"
              value={values.emailAddress}
              set={(emailAddress) => set({ emailAddress })}
            />
          )}
          {viewerCan.changeRole && <RoleAndType role={values.role} type={values.type} failure={failure} set={set} />}
        </>
      )}
    />
  );
}
