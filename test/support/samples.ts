import { execFile, spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Whom a sample program names in its path. */
export type Target = 'itself' | 'itself by e-mail address' | 'a sub-account' | 'all accounts';

/** One request that the documentation has a sample program for, in each of its languages. */
export interface SampleCall {
  method: 'GET' | 'POST' | 'PUT';
  target: Target;
  /** The value `OrganizationSid` is a placeholder. */
  form?: Record<string, string>;
}

/** What a reader of the documentation fills into its programs. */
export interface FillIns {
  /** Where the gateway is, as `http://127.0.0.1:4000`. */
  url: string;
  accountSid: string;
  authToken: string;
  emailAddress: string;
  subAccountSid: string;
  organizationSid: string;
}

/** What a tool is told to request. */
interface Filled {
  method: string;
  url: URL;
  user: string;
  pass: string;
  form: [name: string, value: string][];
}

export type ToolName = 'curl' | 'Node.js' | 'Python' | 'Java';

interface Tool {
  /** What its programs are saved as. */
  file: string;
  command: string;
  options?: string[];
  isHere(): boolean;
  /** A program that makes the calls of the documented ones, and prints the answer's body and then its status. */
  program(filled: Filled): string;
  /** What the documented programs leave to their reader: prints the answer. */
  print: string;
  /** How a program of the tool begins and ends in the documentation. */
  firstLine: RegExp;
  lastLine: RegExp;
}

const json = JSON.stringify;
const pathOf = (url: URL): string => url.pathname;
const urlencoded = (form: Filled['form']): string => form.map(([name, value]) => `${name}=${value}`).join('&');

export const tools: Record<ToolName, Tool> = {
  curl: {
    file: 'sample.sh',
    command: 'sh',
    isHere: () => true,
    program: ({ method, url, form, user, pass }) =>
      ['curl', '-X', method, url.href, ...form.map(([name, value]) => `-d '${name}=${value}'`), `-u '${user}:${pass}'`].join(' '),
    print: '',
    firstLine: /^curl /,
    lastLine: /[^\\]$/,
  },
  'Node.js': {
    file: 'sample.js',
    command: process.execPath,
    isHere: () => true,
    program: ({ method, url, form, user, pass }) => `
      const request = require('request');
      const options = { method: ${json(method)}, url: ${json(url.href)}, auth: { user: ${json(user)}, pass: ${json(pass)} } };
      ${form.length > 0 ? `options.form = ${json(Object.fromEntries(form))};` : ''}
      request(options, (error, response, body) => {
        ${tools['Node.js'].print}
      });`,
    print: 'if (error) throw error; console.log(body); console.log(response.statusCode);',
    firstLine: /^const request = require\('request'\);$/,
    lastLine: /^\}?\);$/,
  },
  Python: {
    file: 'sample.py',
    command: 'python3',
    isHere: () => spawnSync('python3', ['--version']).status === 0,
    program: ({ method, url, form, user, pass }) =>
      [
        'from base64 import b64encode',
        'from http.client import HTTPConnection',
        'from urllib.parse import urlencode',
        `credentials = b64encode(bytes(${json(`${user}:${pass}`)}, 'utf-8')).decode('ascii')`,
        `headers = {'Authorization': 'Basic %s' % credentials}`,
        ...(form.length > 0 ? [`headers.update({'Content-type': 'application/x-www-form-urlencoded', 'Accept': 'text/plain'})`] : []),
        `params = ${form.length > 0 ? `urlencode(${json(Object.fromEntries(form))})` : 'None'}`,
        `connection = HTTPConnection(${json(url.host)})`,
        `connection.request(${json(method)}, ${json(pathOf(url))}, params, headers=headers)`,
        'res = connection.getresponse()',
        tools.Python.print,
      ].join('\n'),
    print: 'print(res.read().decode("utf-8")); print(res.status)',
    firstLine: /^from http\.client import HTTPSConnection$/,
    lastLine: /^\.\.\.$/,
  },
  Java: {
    file: 'JavaSampleClass.java',
    command: 'java',
    // The program, and Java's compiler before it, end before it pays to optimize their code: to try takes half of the processor time.
    options: ['-XX:TieredStopAtLevel=1'],
    // Running a program from its source takes the compiler, which a runtime alone has not.
    isHere: () => /^jdk\.compiler@/m.test(spawnSync('java', ['--list-modules'], { encoding: 'utf8' }).stdout ?? ''),
    program: ({ method, url, form, user, pass }) => `
      import java.io.*;
      import java.net.*;
      import java.util.Base64;

      public class JavaSampleClass {
        public static void main(String[] arguments) throws Exception {
          HttpURLConnection conn = (HttpURLConnection) new URL(${json(url.href)}).openConnection();
          conn.setRequestProperty("Authorization", "Basic " + Base64.getEncoder().encodeToString(${json(`${user}:${pass}`)}.getBytes()));
          conn.setRequestMethod(${json(method)});
          ${form.length > 0 ? javaBody(urlencoded(form)) : ''}
          ${tools.Java.print}
        }
      }`,
    print: `
      int status = conn.getResponseCode();
      System.out.println(new String((status < 400 ? conn.getInputStream() : conn.getErrorStream()).readAllBytes(), "UTF-8"));
      System.out.println(status);`,
    firstLine: /^import java\.net\.URL;$/,
    lastLine: /^\}$/,
  },
};

function javaBody(body: string): string {
  return `
          conn.setDoOutput(true);
          DataOutputStream output = new DataOutputStream(conn.getOutputStream());
          output.writeBytes(${json(body)});
          output.close();`;
}

/** The tools whose programs can run on this machine. Without curl and Node.js the tests are to fail, not to pass it over. */
export const toolsHere = (Object.keys(tools) as ToolName[]).filter((name) => tools[name].isHere());

/** A program of ours that makes the call with the tool. */
export function programFor(tool: ToolName, { method, target, form = {} }: SampleCall, fillIns: FillIns): string {
  return tools[tool].program({
    method,
    url: new URL(`${fillIns.url}/restcomm/2012-04-24/${pathTo(target, fillIns)}`),
    user: fillIns.accountSid,
    pass: fillIns.authToken,
    form: Object.entries(form).map(([name, value]) => [name, value === 'OrganizationSid' ? fillIns.organizationSid : value]),
  });
}

function pathTo(target: Target, { accountSid, emailAddress, subAccountSid }: FillIns): string {
  switch (target) {
    case 'itself':
      return `Accounts/${accountSid}.json`;
    case 'itself by e-mail address':
      return `Accounts/${emailAddress.replace('@', '%40')}.json`;
    case 'a sub-account':
      return `Accounts/${subAccountSid}.json`;
    case 'all accounts':
      return 'Accounts.json';
  }
}

/** How a program ended, and the answer that it printed. */
export interface Ran {
  exitCode: number | string;
  mistakes: string;
  status: number;
  body: any;
}

/** Runs the program as its reader would: from a file, in a folder of its own. */
export async function runProgram(tool: ToolName, program: string): Promise<Ran> {
  const { command, options = [], file } = tools[tool];
  const folder = await mkdtemp(join(tmpdir(), 'gateway-sample-'));
  try {
    await writeFile(join(folder, file), program);
    // curl prints no status unless told so; this way its command line stays as it is documented.
    await writeFile(join(folder, '.curlrc'), 'silent\nshow-error\nwrite-out = "\\n%{http_code}\\n"\n');
    await mkdir(join(folder, 'node_modules/request'), { recursive: true });
    await copyFile(join(import.meta.dirname, 'request-stand-in.cjs'), join(folder, 'node_modules/request/index.js'));
    return await new Promise((resolve) => {
      const env = { ...process.env, CURL_HOME: folder, NO_PROXY: '127.0.0.1', no_proxy: '127.0.0.1', NODE_OPTIONS: '' };
      execFile(command, [...options, file], { cwd: folder, env, timeout: 45_000 }, (error, output, mistakes) => {
        const [, body = '', status] = /^([\s\S]*)\n(\d{3})\n$/.exec(output) ?? [];
        resolve({
          exitCode: error === null ? 0 : (error.code ?? error.signal ?? -1),
          mistakes,
          status: Number(status),
          body: parsed(body),
        });
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The JSON that the text is; the text itself when it is none, for a failed comparison to show. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** A program as it stands in the documentation. */
export interface DocumentedProgram {
  tool: ToolName;
  /** Counted from 1. */
  line: number;
  text: string;
}

/** All programs in the text of the documentation, in its order. */
export function programsIn(documentation: string): DocumentedProgram[] {
  const lines = documentation.split(/\r?\n/);
  return lines.flatMap((first, index) => {
    const tool = (Object.keys(tools) as ToolName[]).find((name) => tools[name].firstLine.test(first));
    if (tool === undefined) return [];
    const length = lines.slice(index).findIndex((line) => tools[tool].lastLine.test(line)) + 1;
    if (length === 0) throw new Error(`The program at line ${index + 1} has no end.`);
    return [{ tool, line: index + 1, text: lines.slice(index, index + length).join('\n') }];
  });
}

const host = 'mycompany.restcomm.com';
const escapedAddress = '#(administrator%40company.com)';
const fields = ['FriendlyName', 'EmailAddress', 'Password', 'Role', 'Status', 'OrganizationSid'];

/** What a documented program requests, in one word that is equal for equal requests. */
export function requestOf(text: string): string {
  const [, method] = /(?:-X |method: '|conn\.request\("|setRequestMethod\(")([A-Z]+)/.exec(text) ?? [];
  const path = text.includes(escapedAddress) ? 'e-mail' : /2012-04-24\/Accounts\.json/.test(text) ? 'list' : 'SID';
  return [method, path, ...fields.filter((name) => new RegExp(`\\b${name}(?:=|': )`).test(text))].join(' ');
}

/** The same word for a call of ours. */
export function requestOfCall({ method, target, form = {} }: SampleCall): string {
  const path = target === 'all accounts' ? 'list' : target === 'itself by e-mail address' ? 'e-mail' : 'SID';
  return [method, path, ...fields.filter((name) => name in form)].join(' ');
}

/**
 * A documented program, ready to run: with the values of the reader, against a gateway that speaks plain HTTP, without the
 * two misprints, and with a line that prints the answer where it leaves that to its reader.
 */
export function filledIn({ tool, text }: DocumentedProgram, target: Target, fillIns: FillIns): string {
  const { url, accountSid, authToken, emailAddress, subAccountSid, organizationSid } = fillIns;
  const print = tools[tool].print;
  let program = text
    .replace('request.({', 'request({')
    .replace('new URL((', 'new URL(')
    .replace(/^\s*\.\.\.$/m, () => print)
    .replaceAll(`https://${host}`, url)
    .replaceAll(host, new URL(url).host)
    .replaceAll('HTTPSConnection', 'HTTPConnection')
    .replaceAll('javax.net.ssl.HttpsURLConnection', 'java.net.HttpURLConnection')
    .replaceAll('HttpsURLConnection', 'HttpURLConnection')
    .replaceAll(escapedAddress, emailAddress.replace('@', '%40'))
    .replaceAll(/(=|: ')OrganizationSid\b/g, `$1${organizationSid}`);
  // The programs name themselves and the sub-account that they close by one constant.
  if (target === 'a sub-account') program = program.replace(/(['"]) \+ ACCOUNT_SID \+ \1|(?<=Accounts\/)ACCOUNT_SID/, subAccountSid);
  return program
    .replaceAll('my_ACCOUNT_SID', accountSid)
    .replaceAll('my_AUTH_TOKEN', authToken)
    .replaceAll('YourAccountSid:YourAuthToken', `${accountSid}:${authToken}`)
    .replaceAll('Accounts/ACCOUNT_SID', `Accounts/${accountSid}`);
}
