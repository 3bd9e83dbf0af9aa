import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newSid } from '../../src/domain/sid.js';
import { type TestGateway, startTestGateway } from '../support/gateway.js';

let gateway: TestGateway;
beforeAll(async () => {
  gateway = await startTestGateway();
});
afterAll(() => gateway.stop());

describe('no statement can store a path that', () => {
  const [root, top, child, other] = Array.from({ length: 4 }, () => newSid('account').slice(2));

  it.each([
    ['ends with another account', [root, top, other], [`AC${child}`, `AC${top}`, `AC${top}`]],
    ['leads through another parent', [root, other, child], [`AC${child}`, `AC${top}`, `AC${other}`]],
    ['leads through another top-level account', [root, other, top, child], [`AC${child}`, `AC${top}`, `AC${top}`]],
    ['leaves the parent out', [child], [`AC${child}`, `AC${top}`, `AC${child}`]],
    ['begins above an account without a parent', [root, child], [`AC${child}`, null, `AC${child}`]],
    ['is of a SID that is too short', [root, top, 'abc'], ['ACabc', `AC${top}`, `AC${top}`]],
    ['is of a SID of another kind', [root, top], [`OR${top}`, `AC${root}`, `OR${top}`]],
  ])('%s', async (_does, line, [sid, parentSid, topLevelSid]) => {
    const refused = gateway.database.query(
      `INSERT INTO account (sid, parent_sid, top_level_sid, path, organization_sid, email_address, friendly_name, type, status, role)
       VALUES ($1, $2, $3, $4, 'none', 'nobody@tests.test', '', 'Full', 'active', 'Developer')`,
      [sid, parentSid, topLevelSid, line.join('')],
    );
    await expect(refused).rejects.toMatchObject({ code: '23514', constraint: expect.stringMatching(/^account_path_leads_through_/) });
  });
});
