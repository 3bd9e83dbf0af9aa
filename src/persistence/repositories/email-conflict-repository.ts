import type { Sid } from '../../domain/sid.js';
import type { Client } from '../connection/driver.js';
import { queryRows } from '../connection/prepared-query.js';

/** How many conflicts a tree had in the current window of time, and in how many seconds the window ends. */
export interface EmailConflictCount {
  count: number;
  secondsLeft: number;
}

const counted = `email_conflict.conflicts AS count, ceil(extract(epoch FROM email_conflict.window_ends - now()))::integer AS "secondsLeft"`;

/** The table `email_conflict`. */
export class EmailConflictRepository {
  constructor(private readonly client: Client) {}

  async find(treeSid: Sid): Promise<EmailConflictCount> {
    const [found] = await queryRows<EmailConflictCount>(
      this.client,
      `SELECT ${counted} FROM email_conflict WHERE email_conflict.tree_sid = $1 AND email_conflict.window_ends > now()`,
      [treeSid],
    );
    return found ?? { count: 0, secondsLeft: 0 };
  }

  /** Counts one more conflict and returns the new count. A new window begins where the last one has ended. */
  async add(treeSid: Sid, windowSeconds: number): Promise<EmailConflictCount> {
    const [found] = await queryRows<EmailConflictCount>(
      this.client,
      `INSERT INTO email_conflict (tree_sid, conflicts, window_ends) VALUES ($1, 1, now() + make_interval(secs => $2))
       ON CONFLICT (tree_sid) DO UPDATE SET
         conflicts = CASE WHEN email_conflict.window_ends > now() THEN email_conflict.conflicts + 1 ELSE 1 END,
         window_ends = CASE WHEN email_conflict.window_ends > now() THEN email_conflict.window_ends ELSE excluded.window_ends END
       RETURNING ${counted}`,
      [treeSid, windowSeconds],
    );
    return found!;
  }
}
