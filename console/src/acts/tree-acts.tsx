import { useSession } from '../context.js';
import { closeMutation, setStatusMutation } from '../mutations.js';
import type { Named } from '../operations.js';
import { count } from '../words.js';
import { ActDialog, type Plan } from './act-dialog.js';
import { type Ask, performAsPlanned, reachInWords, statusesInWords } from './reach.js';

export type TreeAct = 'suspend' | 'activate' | 'close';

const words = {
  suspend: {
    title: 'Suspend',
    done: 'Suspended',
    consequence: 'They can neither sign in nor make calls until they are activated again.',
    nothing: 'This would change nothing: everything that can be suspended is suspended.',
  },
  activate: {
    title: 'Activate',
    done: 'Activated',
    consequence: 'They can sign in and make calls again. What is closed or uninitialized stays as it is.',
    nothing: 'This would change nothing: everything that can be active is active.',
  },
  close: {
    title: 'Close',
    done: 'Closed',
    consequence: 'This is for good. Their credentials end, and what they have in other services is removed.',
    nothing: 'This would change nothing: everything is closed.',
  },
} as const;

/** Suspends, activates or closes an account with everything below it. */
export function TreeActDialog({ act, account, close }: { act: TreeAct; account: Named; close: () => void }) {
  const { api } = useSession();
  const { title, done, consequence, nothing } = words[act];
  const { sid, friendlyName } = account;
  const ask: Ask = async (dryRun, version) => {
    const input = { sid, dryRun, ...(version !== undefined && { version }) };
    if (act === 'close') return (await api.request(closeMutation, { input, dryRun })).result;
    const status = act === 'suspend' ? 'SUSPENDED' : 'ACTIVE';
    return (await api.request(setStatusMutation, { input: { ...input, status }, dryRun })).result;
  };
  const plan = async (): Promise<Plan> => {
    const reach = await ask(true);
    const isNothing = reach.reachedCount === 0;
    const amount = count(reach.reachedCount, 'account');
    return {
      sentence: isNothing ? nothing : `This will ${act} ${reachInWords(reach)}.`,
      details: isNothing ? [] : [statusesInWords(reach), consequence],
      label: isNothing ? undefined : `${title} ${amount}`,
      isDangerous: act !== 'activate',
      perform: () => performAsPlanned(reach, ask),
      done: `${done} ${amount}.`,
    };
  };
  return <ActDialog title={`${title} ${friendlyName}`} plan={plan} close={close} />;
}
