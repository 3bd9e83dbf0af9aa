import { reasonsOf } from './failure.js';

/** What `doctor` found of one thing, in a sentence that says what to do unless all is well. */
export interface Finding {
  check: string;
  result: 'ok' | 'warning' | 'failed';
  message: string;
}

/** What a check finds; what it fails by is found, too. */
export async function examined(check: string, examine: () => Promise<Finding[]>): Promise<Finding[]> {
  try {
    return await examine();
  } catch (error) {
    return reasonsOf(error).map((message) => ({ check, result: 'failed', message }));
  }
}
