import { randomBytes } from 'node:crypto';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { bodyOf } from './upstream.js';

/*
 * A telephony service that answers as Restcomm's does: calls, recordings, SMS messages and phone numbers of each account, as lists with
 * pages and as single ones, in XML or, where the path ends with `.json`, in JSON. It trusts whoever asks, and keeps all in memory.
 */

type Resource = Record<string, string | null>;

interface Kind {
  /** The prefix of its SIDs, and how its elements and lists are called. */
  prefix: string;
  element: string;
  list: string;
  jsonList: string;
  /** What is made of a form. */
  create?: (form: URLSearchParams) => Resource;
  /** What may be done to a single one. */
  methods: readonly string[];
}

const kinds: Record<string, Kind> = {
  Calls: {
    prefix: 'CA',
    element: 'Call',
    list: 'Calls',
    jsonList: 'calls',
    create: (form) => ({ From: form.get('From'), To: form.get('To'), Status: 'queued', Direction: 'outbound-api' }),
    methods: ['GET', 'POST'],
  },
  'SMS/Messages': {
    prefix: 'SM',
    element: 'SMSMessage',
    list: 'SMSMessages',
    jsonList: 'messages',
    create: (form) => ({
      From: form.get('From'),
      To: form.get('To'),
      Body: form.get('Body'),
      Status: 'sending',
      Direction: 'outbound-api',
    }),
    methods: ['GET'],
  },
  IncomingPhoneNumbers: {
    prefix: 'PN',
    element: 'IncomingPhoneNumber',
    list: 'IncomingPhoneNumbers',
    jsonList: 'incomingPhoneNumbers',
    create: (form) => ({ PhoneNumber: form.get('PhoneNumber'), FriendlyName: form.get('FriendlyName') ?? form.get('PhoneNumber') }),
    methods: ['GET', 'PUT', 'POST', 'DELETE'],
  },
  Recordings: { prefix: 'RE', element: 'Recording', list: 'Recordings', jsonList: 'recordings', methods: ['GET', 'DELETE'] },
};

/** A telephony service, and what it keeps. */
export interface Telephony {
  listener: RequestListener;
  /** Adds a recording with its sound to an account, and returns its SID. */
  record(accountSid: string, sound: Buffer): string;
}

export function telephony(): Telephony {
  /** By account and kind, in the order in which they were made. */
  const kept = new Map<string, Resource[]>();
  const sounds = new Map<string, Buffer>();
  const listOf = (account: string, kind: string): Resource[] => {
    const key = `${account} ${kind}`;
    if (!kept.has(key)) kept.set(key, []);
    return kept.get(key)!;
  };
  const add = (account: string, kind: string, own: Resource): Resource => {
    const sid = kinds[kind]!.prefix + randomBytes(16).toString('hex');
    const uri = `/2012-04-24/Accounts/${account}/${kind}/${sid}`;
    const made = { Sid: sid, DateCreated: new Date().toUTCString(), AccountSid: account, ...own, ApiVersion: '2012-04-24', Uri: uri };
    listOf(account, kind).push(made);
    return made;
  };

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { pathname, searchParams } = new URL(request.url!, 'http://service.test');
    const isJson = /\.json(?:\/|$)/.test(pathname);
    const path = pathname.replaceAll('.json', '');
    const [, account, rest] = /^\/restcomm\/2012-04-24\/Accounts\/(AC[0-9a-f]{32})\/(.+?)\/?$/.exec(path) ?? [];
    const kind = Object.keys(kinds).find((name) => rest === name || rest?.startsWith(`${name}/`));
    if (account === undefined || kind === undefined) return void response.writeHead(404).end();
    const sid = rest!.slice(kind.length + 1);
    const send = (text: string, status = 200): void => {
      response.writeHead(status, { 'content-type': isJson ? 'application/json' : 'application/xml' }).end(text);
    };
    const list = listOf(account, kind);
    if (sid.endsWith('.wav')) return sendSound(request, response, sounds.get(sid.slice(0, -4)));
    if (sid === '' && request.method === 'POST' && kinds[kind]!.create !== undefined) {
      const form = new URLSearchParams((await bodyOf(request)).toString());
      return send(single(kind, add(account, kind, kinds[kind]!.create(form)), isJson));
    }
    if (sid === '')
      return request.method === 'GET' ? send(page(kind, account, list, searchParams, isJson)) : void response.writeHead(405).end();
    const found = list.find(({ Sid }) => Sid === sid);
    if (found === undefined) return void response.writeHead(404).end();
    if (!kinds[kind]!.methods.includes(request.method!)) return void response.writeHead(405).end();
    if (request.method === 'DELETE') {
      list.splice(list.indexOf(found), 1);
      return void response.writeHead(204).end();
    }
    if (request.method !== 'GET') {
      for (const [name, value] of new URLSearchParams((await bodyOf(request)).toString())) found[name] = value;
    }
    return send(single(kind, found, isJson));
  };

  return {
    listener: (request, response) => {
      answer(request, response).catch(() => response.destroy());
    },
    record(accountSid, sound) {
      const { Sid } = add(accountSid, 'Recordings', { Duration: String(sound.length / 16_000) });
      sounds.set(Sid!, sound);
      return Sid!;
    },
  };
}

/** A sound, or the part of it that is asked for. */
function sendSound(request: IncomingMessage, response: ServerResponse, sound: Buffer | undefined): void {
  if (sound === undefined) return void response.writeHead(404).end();
  const headers = { 'content-type': 'audio/x-wav', 'accept-ranges': 'bytes', etag: `"${sound.length}"` };
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? [];
  if (from === undefined) return void response.writeHead(200, { ...headers, 'content-length': sound.length }).end(sound);
  const part = sound.subarray(Number(from), to === '' ? undefined : Number(to) + 1);
  const range = `bytes ${from}-${Number(from) + part.length - 1}/${sound.length}`;
  response.writeHead(206, { ...headers, 'content-length': part.length, 'content-range': range }).end(part);
}

const snakeCase = (name: string): string => name.replace(/(?<=.)[A-Z]/g, (letter) => `_${letter}`).toLowerCase();

const inJson = (resource: Resource): Resource =>
  Object.fromEntries(Object.entries(resource).map(([name, value]) => [snakeCase(name), value]));

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

const inXml = (kind: string, resource: Resource): string => {
  const { element } = kinds[kind]!;
  const properties = Object.entries(resource).map(([name, value]) =>
    value === null ? `<${name}/>` : `<${name}>${escaped(value)}</${name}>`,
  );
  return `<${element}>${properties.join('')}</${element}>`;
};

function single(kind: string, resource: Resource, isJson: boolean): string {
  return isJson ? JSON.stringify(inJson(resource)) : `<RestcommResponse>${inXml(kind, resource)}</RestcommResponse>`;
}

function page(kind: string, account: string, list: readonly Resource[], query: URLSearchParams, isJson: boolean): string {
  const { list: name, jsonList } = kinds[kind]!;
  const [number, size] = [Number(query.get('Page') ?? 0), Number(query.get('PageSize') ?? 50)];
  const shown = list.slice(number * size, (number + 1) * size);
  if (!isJson) return `<RestcommResponse><${name}>${shown.map((each) => inXml(kind, each)).join('')}</${name}></RestcommResponse>`;
  return JSON.stringify({
    page: number,
    num_pages: Math.floor(list.length / size),
    page_size: size,
    total: list.length,
    start: number * size,
    end: number * size + shown.length,
    uri: `/2012-04-24/Accounts/${account}/${kind}.json`,
    next_page_uri:
      (number + 1) * size < list.length ? `/2012-04-24/Accounts/${account}/${kind}.json?Page=${number + 1}&PageSize=${size}` : null,
    [jsonList]: shown.map(inJson),
  });
}
