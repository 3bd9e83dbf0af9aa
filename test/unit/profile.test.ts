import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  assertNotDefault,
  defaultDocument,
  defaultProfileSid,
  digestOf,
  documentMaxBytes,
  effectiveProfileOf,
  parseDocument,
  profileNotFound,
  profileSourcesOf,
} from '../../src/domain/profile.js';
import { newSid } from '../../src/domain/sid.js';
import { account } from '../support/account.js';
import { refusalOf } from '../support/refusal.js';

const names = 'DIDPurchase subaccountsCreation outboundPSTN inboundPSTN outboundSMS inboundSMS asr USSD inboundUSSD outboundUSSD';

describe('the default profile', () => {
  it('enables what the console in the field looks for, and is known by its SID', () => {
    expect(JSON.parse(defaultDocument)).toEqual({ featureEnablement: Object.fromEntries(names.split(' ').map((name) => [name, {}])) });
    expect(defaultProfileSid).toBe('PRae6e420f425248d6a26948c17a9e2acf');
  });

  it('is changed and deleted by nobody', () => {
    expect(refusalOf(() => assertNotDefault(defaultProfileSid))).toEqual({ code: 'FORBIDDEN' });
    expect(refusalOf(() => assertNotDefault(newSid('profile')))).toBeUndefined();
  });
});

it('a profile that is not found is refused by its SID', () => {
  const refused = (): never => {
    throw profileNotFound();
  };
  expect(refusalOf(refused)).toEqual({ code: 'PROFILE_NOT_FOUND', field: 'sid' });
});

describe('a document', () => {
  it('is a JSON object, and kept as it came', () => {
    for (const text of ['{}', ' { "a" : 1.0 }\n', '{"a":null}']) expect(parseDocument(text)).toBe(text);
  });

  it.each<[string, RegExp]>([
    ['', /^(?!.* object)/],
    ['{', /^(?!.* object)/],
    ['null', /null/],
    ['[]', /array/],
    ['7', /number/],
    ['"a"', /string/],
    ['true', /boolean/],
  ])('is not %j', (text, reason) => {
    expect(refusalOf(() => parseDocument(text))).toEqual({ code: 'BAD_USER_INPUT', field: 'document' });
    expect(() => parseDocument(text)).toThrow(reason);
  });

  it('has at most 1 MiB, counted in bytes', () => {
    const ofBytes = (bytes: number) => `{"a":"é${'x'.repeat(bytes - 10)}"}`;
    expect(documentMaxBytes).toBe(1_048_576);
    expect(Buffer.byteLength(ofBytes(100))).toBe(100);
    expect(refusalOf(() => parseDocument(ofBytes(documentMaxBytes)))).toBeUndefined();
    expect(refusalOf(() => parseDocument(ofBytes(documentMaxBytes + 1)))).toEqual({ code: 'PAYLOAD_TOO_LARGE', field: 'document' });
  });

  it('is at most 200 levels deep', () => {
    const ofDepth = (depth: number) => `{"a":${'['.repeat(depth - 1)}${']'.repeat(depth - 1)}}`;
    expect(refusalOf(() => parseDocument(ofDepth(200)))).toBeUndefined();
    expect(refusalOf(() => parseDocument(ofDepth(201)))).toEqual({ code: 'BAD_USER_INPUT', field: 'document' });
  });

  it('is known by the hash of its bytes, and how many these are', () => {
    expect(digestOf('é')).toEqual({ sha256: createHash('sha256').update('é').digest('hex'), bytes: 2 });
  });
});

describe('the profile in effect', () => {
  const root = account();
  const top = account({}, root);
  const child = account({}, top);
  const organization = { sid: newSid('organization') };

  it('is looked for at the account, then above it, nearest first, then at its organization', () => {
    expect(profileSourcesOf(child)).toEqual([child.sid, top.sid, root.sid, child.organizationSid]);
    expect(profileSourcesOf(organization)).toEqual([organization.sid]);
  });

  it('is the first that is linked, else the default one', () => {
    const linked = new Map([
      [top.sid, 'PR1'],
      [child.organizationSid, 'PR2'],
    ]);
    expect(effectiveProfileOf(child, linked)).toBe('PR1');
    expect(effectiveProfileOf(child, new Map([[child.organizationSid, 'PR2']]))).toBe('PR2');
    expect(effectiveProfileOf(child, new Map())).toBe(defaultProfileSid);
    expect(effectiveProfileOf(organization, linked)).toBe(defaultProfileSid);
  });
});
