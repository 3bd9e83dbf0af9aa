import type { Failure } from '../api.js';
import { Field, failureAt } from '../dialog.js';
import type { AccountType, Role } from '../operations.js';
import { roleNames, typeNames } from '../words.js';

/** What an account may do, and its commercial type: for those above it to decide. */
export function RoleAndType({
  role,
  type,
  failure,
  set,
}: {
  role: Role | '';
  type: AccountType;
  failure: Failure | undefined;
  set: (change: { role?: Role; type?: AccountType }) => void;
}) {
  return (
    <div class="fields">
      <Field label="Role" failure={failureAt(failure, 'role')}>
        {(attributes) => (
          <select {...attributes} required value={role} onChange={({ currentTarget }) => set({ role: currentTarget.value as Role })}>
            {role === '' && <option value="">Choose…</option>}
            {Object.entries(roleNames).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
      <Field label="Type" failure={failureAt(failure, 'type')}>
        {(attributes) => (
          <select {...attributes} value={type} onChange={({ currentTarget }) => set({ type: currentTarget.value as AccountType })}>
            {Object.entries(typeNames).map(([value, name]) => (
              <option key={value} value={value}>
                {name}
              </option>
            ))}
          </select>
        )}
      </Field>
    </div>
  );
}
