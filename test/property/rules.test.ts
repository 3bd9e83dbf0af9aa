import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Account,
  AccountStatus,
  assertMayBecome,
  capabilitiesIn,
  defaultFriendlyName,
  parseEmailAddress,
  parseFriendlyName,
  statusesThatMayBecome,
} from '../../src/domain/account.js';
import { type OrderField, cursorOf, parsePage } from '../../src/domain/page.js';
import { isBelow, levelOf, pathBelow, sidsAlong, topLevelSidOf } from '../../src/domain/tree.js';
import { AppError } from '../../src/errors.js';
import { assertProperty, steadySeed } from '../support/property.js';

const check = (property: fc.IRawProperty<any>): void => assertProperty(property, { numRuns: 1000, seed: steadySeed });

const hexadecimal = fc.stringMatching(/^[0-9a-f]{32}$/);
const accountSid = hexadecimal.map((digits) => `AC${digits}`);
const anyText = fc.string({ unit: 'grapheme', maxLength: 100 });
/** Half surrogates and control characters, too. */
const rawText = fc.string({ unit: fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)), maxLength: 80 });

/** The value, or the code of the refusal; anything else that is thrown fails the test. */
function attempt<Value>(rule: () => Value): Value | { code: string } {
  try {
    return rule();
  } catch (error) {
    if (error instanceof AppError) return { code: error.code };
    throw error;
  }
}

describe('a cursor', () => {
  const instant = fc
    .date({ min: new Date('1000-01-01'), max: new Date('2999-12-31'), noInvalidDate: true })
    .map((date) => date.toISOString());
  const path = fc.array(hexadecimal, { minLength: 1, maxLength: 10 }).map((parts) => parts.join(''));
  // What the database can hold: no NUL, and names of 64 characters, whatever lower() makes of them.
  const text = fc.string({ unit: 'binary', maxLength: 255 }).filter((key) => !key.includes('\0') && key.isWellFormed());
  const place = fc.oneof(
    fc.tuple(fc.constantFrom<OrderField[]>('friendlyName', 'domainName'), text),
    fc.tuple(fc.constant<OrderField>('dateCreated'), instant),
    fc.tuple(fc.constant<OrderField>('path'), path),
  );

  it('comes back as the place that it was made from, in either direction', () => {
    check(
      fc.property(place, accountSid, fc.boolean(), ([field, key], sid, descending) => {
        const order = { field, descending };
        const cursor = cursorOf({ key, sid }, order);
        expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(parsePage({ after: cursor }, order).from).toEqual({ key, sid });
        expect(parsePage({ before: cursor, last: 7 }, order)).toEqual({ size: 7, backward: true, from: { key, sid } });
      }),
    );
  });

  it('of another order is refused', () => {
    check(
      fc.property(
        place,
        accountSid,
        fc.constantFrom<OrderField[]>('friendlyName', 'domainName', 'dateCreated', 'path'),
        ([field, key], sid, other) => {
          fc.pre(other !== field);
          const cursor = cursorOf({ key, sid }, { field, descending: false });
          expect(attempt(() => parsePage({ after: cursor }, { field: other, descending: false }))).toEqual({ code: 'INVALID_PAGE' });
        },
      ),
    );
  });

  it('that a client made up is refused, and is never more than refused', () => {
    const madeUp = fc.oneof(
      anyText,
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    );
    check(
      fc.property(madeUp, (after) => {
        expect(attempt(() => parsePage({ after }, { field: 'friendlyName', descending: false }))).toEqual({ code: 'INVALID_PAGE' });
      }),
    );
  });
});

describe('a friendly name', () => {
  it('is NFC of at most 64 code points, and stays what it is; all else is refused', () => {
    const names = fc.oneof(
      anyText,
      rawText,
      fc.string({ unit: fc.constantFrom('e\u0301', 'e', '😀', 'ﷺ', '\u0344'), minLength: 50, maxLength: 70 }),
    );
    check(
      fc.property(names, (text) => {
        const name = attempt(() => parseFriendlyName(text));
        const tooLong = [...text.normalize('NFC')].length > 64;
        if (typeof name === 'string') {
          expect(tooLong).toBe(false);
          expect(name).toBe(text.normalize('NFC'));
          expect(parseFriendlyName(name)).toBe(name);
        } else {
          const isStrange =
            !text.isWellFormed() ||
            text.replace(/[\p{Cf}\p{Default_Ignorable_Code_Point}\u2800]/gu, '').trim() === '' ||
            /[\p{Cc}\u2028\u2029]/u.test(text);
          expect(name.code).toBe(isStrange ? 'BAD_USER_INPUT' : 'FRIENDLY_NAME_TOO_LONG');
          expect(isStrange || tooLong).toBe(true);
        }
      }),
    );
  });

  it('can be the default one of any e-mail address', () => {
    check(
      fc.property(fc.emailAddress(), (text) => {
        const address = attempt(() => parseEmailAddress(text));
        if (typeof address === 'string') expect(parseFriendlyName(defaultFriendlyName(address))).toBe(address.slice(0, 64));
      }),
    );
  });
});

describe('an e-mail address', () => {
  const localPart = fc.stringMatching(/^[A-Za-z0-9._%+'-]{1,64}$/);
  const valid = fc.tuple(localPart, fc.domain()).map(([local, domain]) => `${local}@${domain}`);

  it('of the documented characters is taken, in lower case, and stays what it is', () => {
    check(
      fc.property(valid, (text) => {
        const address = parseEmailAddress(text);
        expect(address).toBe(text.toLowerCase());
        expect(parseEmailAddress(address)).toBe(address);
        expect(parseEmailAddress(text.toUpperCase())).toBe(address);
      }),
    );
  });

  it('with a character that is none of them, anywhere, is refused', () => {
    const stranger = fc.oneof(
      fc.constantFrom('?', '=', '@', ' ', '\n', '/', ':', 'ß', '\u0000'),
      anyText.filter((text) => /[^A-Za-z0-9._%+'-]/.test(text)),
    );
    check(
      fc.property(valid, stranger, fc.nat(), (text, wrong, at) => {
        const place = at % (text.length + 1);
        expect(attempt(() => parseEmailAddress(text.slice(0, place) + wrong + text.slice(place)))).toEqual({ code: 'INVALID_EMAIL' });
      }),
    );
  });

  // The one character beyond ASCII that toLowerCase() makes an ASCII letter of.
  it('with a Kelvin sign is refused', () => {
    expect(attempt(() => parseEmailAddress('\u212aelvin@tests.test'))).toEqual({ code: 'INVALID_EMAIL' });
  });

  it('of any text whatever is taken in lower case or refused', () => {
    check(
      fc.property(fc.oneof(anyText, rawText, fc.emailAddress()), (text) => {
        const address = attempt(() => parseEmailAddress(text));
        if (typeof address === 'string') {
          expect(address).toMatch(/^[a-z0-9._%+'-]+@[a-z0-9.-]+$/);
          expect(parseEmailAddress(address)).toBe(address);
        } else {
          expect(address).toEqual({ code: 'INVALID_EMAIL' });
        }
      }),
    );
  });
});

describe('a path', () => {
  /** A tree as it would be drawn: each node knows the node above it. */
  interface Node {
    sid: string;
    above: Node | null;
    path: string;
  }
  const tree = fc.array(fc.tuple(accountSid, fc.nat()), { minLength: 1, maxLength: 20 }).map((parts) => {
    const nodes: Node[] = [];
    for (const [sid, number] of parts) {
      const above = nodes[number % Math.max(nodes.length, 1)] ?? null;
      nodes.push({ sid, above, path: pathBelow(above?.path ?? null, sid) });
    }
    return nodes;
  });
  const lineOf = (node: Node): Node[] => (node.above === null ? [node] : [...lineOf(node.above), node]);

  it('knows what the tree knows: who is above, who is below, which level, which top-level account', () => {
    check(
      fc.property(tree, (nodes) => {
        for (const node of nodes) {
          const line = lineOf(node);
          expect(sidsAlong(node.path)).toEqual(line.map(({ sid }) => sid));
          expect(levelOf(node.path)).toBe(line.length);
          expect(topLevelSidOf(node.path)).toBe((line[1] ?? line[0])!.sid);
          for (const other of nodes) expect(isBelow(node.path, other.path)).toBe(node !== other && line.includes(other));
        }
      }),
    );
  });
});

describe('the life cycle', () => {
  /** SPEC §2, "Life cycle": by a change of status; a password is another matter. */
  const documented: Record<AccountStatus, AccountStatus[]> = {
    uninitialized: ['closed'],
    active: ['suspended', 'closed'],
    suspended: ['active', 'closed'],
    closed: [],
  };
  const statuses = Object.values(AccountStatus);

  it.each(statuses.flatMap((from) => statuses.map((to) => [from, to] as const)))(
    'lets %s become %s as documented, or refuses',
    (from, to) => {
      expect(statusesThatMayBecome(to).includes(from)).toBe(documented[from].includes(to));
      const refused = attempt(() => assertMayBecome({ sid: 'AC', status: from } as Account, to));
      const fine = from !== 'closed' && (from === to || documented[from].includes(to));
      const code = from === 'closed' ? 'ACCOUNT_CLOSED' : to === 'active' ? 'PASSWORD_RESET_REQUIRED' : 'INVALID_STATUS';
      expect(refused).toEqual(fine ? undefined : { code });
    },
  );

  it('leads to closed from everywhere, from nowhere back, and switches everything on in active alone', () => {
    check(
      fc.property(fc.array(fc.constantFrom(...statuses)), (wishes) => {
        let status: AccountStatus = AccountStatus.ACTIVE;
        let closed = false;
        for (const wish of wishes) {
          if (statusesThatMayBecome(wish).includes(status)) status = wish;
          if (closed) expect(status).toBe('closed');
          closed ||= status === 'closed';
          expect(statusesThatMayBecome('closed').includes(status)).toBe(!closed);
          expect(new Set(Object.values(capabilitiesIn(status)))).toEqual(new Set([status === 'active']));
        }
      }),
    );
  });
});
