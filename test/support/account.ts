import type { Account } from '../../src/domain/account.js';
import { newSid } from '../../src/domain/sid.js';
import { pathBelow, topLevelSidOf } from '../../src/domain/tree.js';

/** An account with nothing remarkable but what is given. */
export function account(given: Partial<Account> = {}, parent?: Account): Account {
  const sid = given.sid ?? newSid('account');
  const path = pathBelow(parent?.path ?? null, sid);
  return {
    sid,
    parentSid: parent?.sid ?? null,
    topLevelSid: topLevelSidOf(path),
    path,
    organizationSid: newSid('organization'),
    emailAddress: 'a@b.test',
    friendlyName: 'A',
    type: 'Full',
    status: 'active',
    statusChangedAt: new Date(0),
    statusChangedBy: null,
    role: 'Administrator',
    dateCreated: new Date(0),
    dateUpdated: new Date(0),
    version: 1,
    ...given,
  };
}
