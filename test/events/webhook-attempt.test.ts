import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { eventually } from '../support/patience.js';
import { type Answer, answers } from '../support/receiver.js';
import { attemptAt, body, newReceiver, newSender, rawAnswer, secrets, soon, stopAfterEach } from '../support/webhook-sender.js';

stopAfterEach();

describe('the status of the answer', () => {
  it.each([200, 201, 204, 299])('%i accepts the event', async (status) => {
    expect(await attemptAt(answers.status(status))).toMatchObject({ status, failure: null });
  });

  it.each([400, 401, 404, 410, 429, 500, 503, 599])('%i does not accept the event', async (status) => {
    expect(await attemptAt(answers.status(status, {}, 'No.'))).toMatchObject({
      status,
      answer: 'No.',
      failure: `The receiver answered with status ${status}.`,
    });
  });

  it.each([300, 301, 302, 303, 304, 307, 308])('%i does not accept the event, and is not followed', async (status) => {
    const elsewhere = await newReceiver();
    expect(await attemptAt(answers.redirectTo(elsewhere.url, status))).toMatchObject({
      status,
      failure: `The receiver answered with status ${status}. Redirects are not followed.`,
    });
    expect(elsewhere.connections.made).toBe(0);
  });

  it('counts once it is there, however the answer ends', async () => {
    const accepted = { status: 200, failure: null };
    const refused = { status: 500, failure: 'The receiver answered with status 500.' };
    expect(await attemptAt(answers.hangInBody('begun'), soon)).toMatchObject({ ...accepted, answer: 'begun' });
    expect(await attemptAt(answers.hangInBody('begun', 500), soon)).toMatchObject({ ...refused, answer: 'begun' });
    expect(await attemptAt(rawAnswer('200 OK\r\ncontent-length: 100', 'short'))).toMatchObject({ ...accepted, answer: 'short' });
    expect(await attemptAt(rawAnswer('200 OK\r\ncontent-length: 5', 'longer'))).toMatchObject({ ...accepted, answer: 'longe' });
    expect(await attemptAt(rawAnswer('500 No\r\ntransfer-encoding: chunked', '3\r\nabc\r\nzz\r\n'))).toMatchObject(refused);
    expect(await attemptAt(rawAnswer('204 No Content\r\ncontent-length: 10'))).toMatchObject({ status: 204, failure: null });
    expect(await attemptAt(rawAnswer('200 OK', 'until the end'))).toMatchObject({ ...accepted, answer: 'until the end' });
  });

  it('counts after interim answers, of which there are few', async () => {
    const interim = (count: number): string => '103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.1 '.repeat(count);
    expect(await attemptAt(rawAnswer(`${interim(3)}200 OK\r\ncontent-length: 2`, 'ok'))).toMatchObject({ status: 200, answer: 'ok' });
    expect(await attemptAt(rawAnswer(`${interim(50)}200 OK\r\ncontent-length: 2`, 'ok'))).toMatchObject({
      status: null,
      failure: 'The answer was malformed.',
    });
  });
});

describe('what a receiver says', () => {
  const shownOf = async (text: string | Buffer): Promise<string> => (await attemptAt(answers.status(200, {}, text))).answer;

  it('is kept up to 1,000 characters, none of them cut', async () => {
    expect(await shownOf('🎈'.repeat(1000))).toBe('🎈'.repeat(1000));
    expect(await shownOf('🎈'.repeat(1100))).toBe('🎈'.repeat(1000));
    expect(await shownOf(`x${'🎈'.repeat(1100)}`)).toBe(`x${'🎈'.repeat(999)}`);
    expect(await shownOf('x'.repeat(60_000))).toBe('x'.repeat(1000));
  });

  it('can be stored and shown, whatever it is', async () => {
    expect(await shownOf('tab\t, lines\r\nand\nlines')).toBe('tab\t, lines\nand\nlines');
    expect(await shownOf('n\0u\0l')).toBe('nul');
    expect(await shownOf('\u001b[31mred\u0007 \u009b \u202egnorw\u2028')).toBe('\ufffd[31mred\ufffd \ufffd \ufffdgnorw\ufffd');
    expect(await shownOf(Buffer.from([0x61, 0xff, 0xc3, 0x28, 0xed, 0xa0, 0x80, 0x62]))).toMatch(/^a\ufffd\ufffd\(\ufffd+b$/);
    expect(await shownOf(Buffer.alloc(60_000))).toBe('');
    const random = await shownOf(Buffer.from(Array.from({ length: 4000 }, (_, at) => (at * 7919) % 256)));
    expect(random.isWellFormed()).toBe(true);
    // eslint-disable-next-line no-control-regex
    expect(random).not.toMatch(/[\0-\u0008\u000b-\u001f\u007f-\u009f]/);
  });

  it('is read up to 64 kB; then the connection is cut, and the status counts', async () => {
    for (const answer of [answers.endless(), answers.endless('x')]) {
      const receiver = await newReceiver({ answer });
      const attempt = await newSender().send({ url: receiver.url, secrets, id: 'a1:1', body });
      expect(attempt).toMatchObject({ status: 200, failure: null, answer: 'x'.repeat(1000) });
      await eventually(() => expect(receiver.connections).toEqual({ made: 1, open: 0 }));
    }
  });

  it('is not decompressed', async () => {
    const bomb = gzipSync(Buffer.alloc(20_000_000));
    const attempt = await attemptAt(answers.status(200, { 'content-encoding': 'gzip' }, bomb));
    expect(attempt).toMatchObject({ status: 200, failure: null });
    expect(attempt.answer).toMatch(/^\ufffd/);
  });
});

describe('the time of the next try', () => {
  const retryAfter = async (value: string, date?: string): Promise<number | null> =>
    (await attemptAt(answers.status(503, { 'retry-after': value, ...(date !== undefined && { date }) }))).retryAfterSeconds;

  it.each([
    ['0', 0],
    ['120', 120],
    ['3600', 3600],
    ['86400', 3600],
    ['9'.repeat(400), 3600],
    ['-1', null],
    ['1.5', null],
    ['1e3', null],
    ['soon', null],
    ['', null],
    ['2026', 2026],
    ['1 Jan', null],
    ['2026-01-01T00:00:00Z', null],
    ['Xxx, 99 Xxx 2026 00:00:00 GMT', null],
  ])('is in seconds: %s', async (value, seconds) => {
    expect(await retryAfter(value)).toBe(seconds);
  });

  it("is a date by the receiver's clock, if it tells its time", async () => {
    const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
    expect(await retryAfter('Wed, 21 Oct 2015 07:30:00 GMT', date)).toBe(120);
    expect(await retryAfter('Wed, 21 Oct 2015 07:00:00 GMT', date)).toBe(0);
    expect(await retryAfter('Thu, 22 Oct 2015 07:28:00 GMT', date)).toBe(3600);
  });

  it("is a date by the gateway's clock otherwise", async () => {
    const at = (milliseconds: number): Answer =>
      rawAnswer(`503 Wait\r\ncontent-length: 0\r\nretry-after: ${new Date(Date.now() + milliseconds).toUTCString()}`);
    expect((await attemptAt(at(-60_000))).retryAfterSeconds).toBe(0);
    expect((await attemptAt(at(7_200_000))).retryAfterSeconds).toBe(3600);
    const { retryAfterSeconds } = await attemptAt(at(1_800_000));
    expect(retryAfterSeconds! > 0 && retryAfterSeconds! <= 1800).toBe(true);
  });
});
