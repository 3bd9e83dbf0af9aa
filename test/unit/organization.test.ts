import { describe, expect, it } from 'vitest';
import {
  OrganizationStatus,
  isDomainName,
  organizationNotFound,
  parseDomainName,
  parseOrganizationReference,
  parseOrganizationStatus,
} from '../../src/domain/organization.js';
import { newSid } from '../../src/domain/sid.js';
import { refusalOf } from '../support/refusal.js';

const sid = newSid('organization');

describe('a domain name', () => {
  const longest = `${'a'.repeat(63)}.${'b'.repeat(63)}.${'c'.repeat(63)}.${'d'.repeat(63)}`;

  it.each(['a', 'A', '9', 'a-b', 'xn--r8jz45g.jp', 'a.b.c', `${'a'.repeat(63)}.test`, longest])('is %j', (name) => {
    expect([isDomainName(name), parseDomainName(name)]).toEqual([true, name.toLowerCase()]);
  });

  it.each([
    '',
    '.',
    'a.',
    '.a',
    'a..b',
    '-a',
    'a-',
    'a.-b',
    'a_b',
    'a b',
    'é.test',
    `${'a'.repeat(64)}.test`,
    `${longest}x`,
    `a.${longest}`,
    'a\n',
    '\na',
  ])('is not %j', (name) => {
    expect(isDomainName(name)).toBe(false);
    expect(refusalOf(() => parseDomainName(name))).toEqual({ code: 'INVALID_DOMAIN_NAME', field: 'domainName' });
  });

  it('is not what looks like a SID, in any case; what only begins or ends like one it is', () => {
    for (const name of [sid, sid.toLowerCase(), sid.toUpperCase()]) {
      expect(refusalOf(() => parseDomainName(name, 'by'))).toEqual({ code: 'INVALID_DOMAIN_NAME', field: 'by' });
    }
    for (const name of [`${sid}.test`, `x${sid}`, `${sid}0`, `${sid.slice(0, -1)}`]) expect(parseDomainName(name)).toBe(name.toLowerCase());
  });
});

describe('an organization is named', () => {
  it('by its SID, its domain name in any case, or a text that may be either', () => {
    expect(parseOrganizationReference({ sid })).toEqual({ sid });
    expect(parseOrganizationReference({ domainName: 'A.Test' })).toEqual({ domainName: 'a.test' });
    expect(parseOrganizationReference({ either: sid })).toEqual({ sid });
    expect(parseOrganizationReference({ either: 'A.Test' })).toEqual({ domainName: 'a.test' });
    for (const either of ['', 'a b', 'a..b']) expect(parseOrganizationReference({ either })).toBeUndefined();
  });

  it('by nothing malformed, and the refusal says which input that was', () => {
    expect(refusalOf(() => parseOrganizationReference({ sid: 'OR' }))).toEqual({ code: 'BAD_USER_INPUT', field: 'sid' });
    expect(refusalOf(() => parseOrganizationReference({ sid: 'OR' }, 'organization'))).toEqual({
      code: 'BAD_USER_INPUT',
      field: 'organization',
    });
    expect(refusalOf(() => parseOrganizationReference({ domainName: '-' }))).toEqual({ code: 'INVALID_DOMAIN_NAME', field: 'domainName' });
    expect(refusalOf(() => parseOrganizationReference({ domainName: '-' }, 'organization'))).toEqual({
      code: 'INVALID_DOMAIN_NAME',
      field: 'organization',
    });
  });
});

it('a status of an organization is known by its name in any case', () => {
  expect(OrganizationStatus).toEqual({ ACTIVE: 'active', CLOSED: 'closed' });
  expect(['ACTIVE', 'Closed'].map(parseOrganizationStatus)).toEqual(['active', 'closed']);
  expect(refusalOf(() => parseOrganizationStatus('suspended'))).toEqual({ code: 'INVALID_STATUS', field: 'status' });
});

it('an organization that is not found is refused by the input that named it', () => {
  const refused = (): never => {
    throw organizationNotFound('organization');
  };
  expect(refusalOf(refused)).toEqual({ code: 'ORGANIZATION_NOT_FOUND', field: 'organization' });
});
