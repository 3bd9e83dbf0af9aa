import { describe, expect, it } from 'vitest';
import { accountUri, apiVersionPath, segmentsOf, subresourceAt, subresourcePaths, subresourcesOf } from '../../src/domain/subresource.js';
import { type RedactionKind, asksByMessageText, operationsOf } from '../../src/domain/subresource-request.js';
import { subresourceTarget } from '../../src/api/rest/subresource-path.js';

const at = (path: string, ...upstreams: string[]): string | undefined => {
  const segments = segmentsOf(path);
  return segments && subresourceAt(segments, new Set(upstreams));
};

describe('a subresource', () => {
  it('hangs off its account by one of the documented names', () => {
    expect(apiVersionPath).toBe('/2012-04-24');
    expect(accountUri('AC1')).toBe('/2012-04-24/Accounts/AC1');
    const paths =
      'AvailablePhoneNumbers Calls Conferences IncomingPhoneNumbers Notifications OutgoingCallerIds Recordings Sandbox SMS/Messages Transcriptions';
    expect(subresourcePaths).toEqual(paths.split(' '));
    const links = subresourcesOf('AC1', new Set(['SMS/Messages']));
    expect(links).toHaveLength(10);
    expect(links[8]).toEqual({
      name: 'SMSMessages',
      uri: '/2012-04-24/Accounts/AC1/SMS/Messages',
      mediaTypes: ['application/json', 'application/xml'],
      isServed: true,
    });
    expect(links.filter(({ isServed }) => isServed)).toHaveLength(1);
    expect(subresourcesOf('AC1', new Set(['*'])).every(({ isServed }) => isServed)).toBe(true);
    expect(subresourcesOf('AC1').some(({ isServed }) => isServed)).toBe(false);
  });

  it('is where its path leads to or into', () => {
    for (const path of ['Calls', 'Calls/', 'Calls.json', 'Calls/CA1', 'Calls.json/CA1/Recordings.json', 'Calls/CA%201']) {
      expect(at(path)).toBe('Calls');
    }
    expect(at('SMS/Messages/SM1')).toBe('SMS/Messages');
    expect(at('SMS.json/Messages')).toBe('SMS/Messages');
  });

  it.each(['', 'Callsx', 'xCalls', 'calls', 'SMS', 'SMS/Message', 'Applications', 'Recordings.xml', 'Calls%2ejson', '%43alls%00'])(
    'is not at %j',
    (path) => expect(at(path)).toBeUndefined(),
  );

  it('of another name is where an upstream says so', () => {
    expect(at('Applications/AP1', 'Applications')).toBe('Applications');
    expect(at('Usage/Records/Daily', 'Usage/Records')).toBe('Usage/Records');
    expect(at('Usage/Triggers', 'Usage/Records')).toBeUndefined();
    expect(at('Applications/AP1', '*')).toBe('Applications');
    expect(at('Usage/Records', '*')).toBe('Usage');
    expect(at('Email/Messages/EM1', '*')).toBe('Email/Messages');
    expect(at('Email/Messages/EM1')).toBeUndefined();
    expect(at('SMS/Templates', 'SMS/Templates')).toBe('SMS/Templates');
  });

  it.each([
    'calls',
    'RECORDINGS/RE1',
    'Recordings.csv',
    'recordings.xml',
    'sms/messages',
    'SMS/messages',
    'SMS/Messages.csv',
    'SMS',
    'Email',
    'email/Messages',
    'notifications',
    'Accounts/AC1/Calls',
    'accounts',
    '.json',
    'a b',
    '%E2%82%AC',
  ])('that is only like one that has rules is not covered by "*": %s', (path) => expect(at(path, '*')).toBeUndefined());
});

describe('a path that some server could take for another one is not found', () => {
  it.each([
    'Calls//x',
    '/Calls',
    'Calls/..',
    'Calls/../Recordings',
    'Calls/./x',
    'Calls/%2e%2e/Recordings',
    'Calls/.%2E/Recordings',
    'Calls/%252e%252e/Recordings',
    'Calls/%25252e%25252e/Recordings',
    `Calls/%${'25'.repeat(4)}41`,
    'Calls/..json',
    'Calls/...json',
    'Calls/.../x',
    'Calls/..%20/x',
    'Calls/%20/x',
    'Calls/..;/Recordings',
    'Calls/x;y=z',
    'Calls;x/CA1',
    'Calls/x%3by',
    'Calls\\x',
    'Calls/..\\x',
    'Calls%5c..%5cRecordings',
    'Calls/%5C',
    'Calls%2f..%2fRecordings',
    'Calls/a%2Fb',
    'Calls/a%252fb',
    'Calls/a%25zz%252fb',
    'Calls/%c0%ae%c0%ae/x',
    'Calls/%c0%af',
    'Calls/%e0%80%af',
    'Calls/%ff',
    'Calls/%u002e%u002e/x',
    'Calls/%',
    'Calls/%2',
    'Calls/%zz',
    'Calls/%00',
    'Calls/a%0d%0aX-Account-Sid:%20b',
    'Calls/%7f',
    'Calls/%EF%BC%8E%EF%BC%8E/x', // ．．, which is .. once normalized
    'Calls/%E2%80%A5/x', // ‥
    'Calls/a%EF%BC%8Fb', // ／
    'Calls/a%EF%B9%A8b', // ﹨
    'Calls/x?y',
    'Calls/x%3fy',
    'Calls/x#y',
    'Calls/x%23y',
    'Calls/é',
    'Calls/\u0001',
    'Calls/a b',
  ])('%s', (path) => expect(segmentsOf(path)).toBeUndefined());

  it('but others are', () => {
    expect(segmentsOf('Calls/a%20b/100%25/é'.replace('é', '%C3%A9'))).toEqual(['Calls', 'a b', '100%', 'é']);
    expect(segmentsOf("Calls/+15550001/..a/a..b/~!$&'()*,=:@")).toEqual(['Calls', '+15550001', '..a', 'a..b', "~!$&'()*,=:@"]);
    expect(segmentsOf('Recordings/RE1.wav')).toEqual(['Recordings', 'RE1.wav']);
  });
});

describe('the target of a URL', () => {
  it.each([
    ['/restcomm/2012-04-24/Accounts/AC1/Calls.json?a=%2F', 'Calls.json', 'a=%2F'],
    ['/2012-04-24/Accounts.json/AC1/Calls/CA1/', 'Calls/CA1.json/', ''],
    ['/2012-04-24/Accounts/AC1.json/Calls.json/CA1?', 'Calls.json/CA1', ''],
    ['/2012-04-24/Accounts/AC1.json/Recordings/RE1.wav', 'Recordings/RE1.wav', ''],
    ['http://host/2012-04-24//Accounts//AC1//Calls//CA1?x?y', 'Calls/CA1', 'x?y'],
    ['/2012-04-24/Accounts/AC1/Calls/%2e%2E', 'Calls/%2e%2E', ''],
  ])('%s', (url, path, query) => expect(subresourceTarget(url)).toEqual({ path, query }));
});

describe('what a request takes', () => {
  const of = (method: string, path = 'Calls', query = '') => operationsOf({ method, segments: segmentsOf(path)!, query });

  it('follows from its method', () => {
    expect(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].flatMap((method) => of(method))).toEqual([
      'readSubresources',
      'readSubresources',
      'createSubresources',
      'changeSubresources',
      'changeSubresources',
      'removeSubresources',
    ]);
  });

  it.each(['Recordings', 'Recordings/RE1', 'Calls/CA1/Recordings', 'Calls/CA1/recordings.xml/RE1', 'Calls/CA1/RECORDINGS%2ejson'])(
    'is to remove recordings where it deletes at %s',
    (path) => {
      expect(of('DELETE', path)).toEqual(['removeSubresources', 'removeRecordings']);
      expect(of('GET', path)).toEqual(['readSubresources']);
    },
  );

  it.each([
    'SubAccounts=true',
    'subaccounts=TRUE',
    'Sub%41ccounts=1',
    'sub_accounts=yes',
    'a=b;SubAccounts=true',
    'SubAccounts=false&SubAccounts=true',
  ])('is to read what is below where the query has %s', (query) =>
    expect(of('GET', 'Calls', query)).toEqual(['readSubresources', 'readSubresourcesOfSubAccounts']),
  );

  it.each(['SubAccounts=false', 'SubAccounts=', 'x=SubAccounts', ''])('is nothing more where it has %j', (query) =>
    expect(of('GET', 'Calls', query)).toEqual(['readSubresources']),
  );
});

describe('a query asks by the text of messages', () => {
  it.each<[RedactionKind, string]>([
    ['SMS/Messages', 'Body=hello'],
    ['SMS/Messages', 'body=hello'],
    ['SMS/Messages', '%42ody=x'],
    ['SMS/Messages', 'a=b&Body%3E=x'],
    ['SMS/Messages', 'a=b;Body=x'],
    ['SMS/Messages', 'Body[contains]=x'],
    ['SMS/Messages', 'SortBy=Body'],
    ['SMS/Messages', 'sort_by=Body:asc'],
    ['Email/Messages', 'Subject=x'],
    ['Notifications', 'MessageText=x'],
    ['Notifications', 'request_variables=x'],
    ['Notifications', 'SortBy=ResponseBody'],
  ])('of %s: %s', (subresource, query) => expect(asksByMessageText(subresource, query)).toBe(true));

  it.each<[RedactionKind, string]>([
    ['SMS/Messages', 'From=Body'],
    ['SMS/Messages', 'SortBy=DateCreated'],
    ['SMS/Messages', 'Subject=x'],
    ['SMS/Messages', ''],
  ])('or does not, of %s: %s', (subresource, query) => expect(asksByMessageText(subresource, query)).toBe(false));
});
