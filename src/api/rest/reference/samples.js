/** What stands for the caller's credentials in each sample. A sample never has the ones that the page knows. */
export const placeholder = { user: 'SID_OR_EMAIL', secret: 'PASSWORD' };

/**
 * A request as a program that sends it, for each language. Each is whole and needs nothing but the language: curl's is for a POSIX
 * shell, Java's is for `java Sample.java` (11 or later).
 *
 * @typedef {{ method: string, url: string, headers: Record<string, string>, body?: string }} SampleRequest
 * @type {Record<string, (request: SampleRequest) => string>}
 */
export const samples = { curl, 'Node.js': nodejs, Python: python, Java: java, PHP: php };

function curl({ method, url, headers, body }) {
  const fields = fieldsOf({ headers, body });
  const options = [
    `-u ${shell(credentials)}`,
    ...Object.entries(headers).map(([name, value]) => `-H ${shell(`${name}: ${value}`)}`),
    ...(fields
      ? fields.map(([name, value]) => `--data-urlencode ${shell(`${name}=${value}`)}`)
      : body
        ? [`--data-raw ${shell(body)}`]
        : []),
  ];
  return [`curl ${method === 'GET' ? '' : `-X ${method} `}${shell(url)}`, ...options].join(' \\\n  ');
}

function nodejs({ method, url, headers, body }) {
  const fields = fieldsOf({ headers, body });
  return `const response = await fetch(${text(url)}, {
  method: ${text(method)},
  headers: {
    Authorization: 'Basic ' + Buffer.from(${text(credentials)}).toString('base64'),
${lines(headers, ([name, value]) => `    ${text(name)}: ${text(value)},`)}  },
${fields ? `  body: new URLSearchParams({\n${lines(fields, ([name, value]) => `    ${name}: ${text(value)},`)}  }),\n` : body ? `  body: ${text(body)},\n` : ''}});
console.log(response.status, await response.text());
`;
}

function python({ method, url, headers, body }) {
  const fields = fieldsOf({ headers, body });
  return `import base64
import urllib.parse
import urllib.request

request = urllib.request.Request(
    ${text(url)},
    method=${text(method)},
    headers={
        "Authorization": "Basic " + base64.b64encode(${text(credentials)}.encode()).decode(),
${lines(headers, ([name, value]) => `        ${text(name)}: ${text(value)},`)}    },
${fields ? `    data=urllib.parse.urlencode({\n${lines(fields, ([name, value]) => `        ${text(name)}: ${text(value)},`)}    }).encode(),\n` : body ? `    data=${text(body)}.encode(),\n` : ''})
with urllib.request.urlopen(request) as response:
    print(response.status, response.read().decode())
`;
}

function java({ method, url, headers, body }) {
  return `import java.net.URI;
import java.net.http.*;
import java.util.Base64;
import static java.nio.charset.StandardCharsets.UTF_8;

public class Sample {
    public static void main(String[] arguments) throws Exception {
        var credentials = Base64.getEncoder().encodeToString(${text(credentials)}.getBytes(UTF_8));
        var request = HttpRequest.newBuilder(URI.create(${text(url)}))
            .method(${text(method)}, HttpRequest.BodyPublishers.${body ? `ofString(${text(body)})` : 'noBody()'})
            .header("Authorization", "Basic " + credentials)
${lines(headers, ([name, value]) => `            .header(${text(name)}, ${text(value)})`)}            .build();
        var response = HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
        System.out.println(response.statusCode() + " " + response.body());
    }
}
`;
}

function php({ method, url, headers, body }) {
  const fields = fieldsOf({ headers, body });
  return `<?php
$request = curl_init(${phpText(url)});
curl_setopt_array($request, [
    CURLOPT_CUSTOMREQUEST => ${phpText(method)},
    CURLOPT_USERPWD => ${phpText(credentials)},
    CURLOPT_HTTPHEADER => [
${lines(headers, ([name, value]) => `        ${phpText(`${name}: ${value}`)},`)}    ],
${fields ? `    CURLOPT_POSTFIELDS => http_build_query([\n${lines(fields, ([name, value]) => `        ${phpText(name)} => ${phpText(value)},`)}    ]),\n` : body ? `    CURLOPT_POSTFIELDS => ${phpText(body)},\n` : ''}    CURLOPT_RETURNTRANSFER => true,
]);
$body = curl_exec($request);
echo curl_getinfo($request, CURLINFO_RESPONSE_CODE), ' ', $body, "\\n";
`;
}

const credentials = `${placeholder.user}:${placeholder.secret}`;

/** The fields of a form; undefined if the body is no form. */
function fieldsOf({ headers, body }) {
  const type = Object.entries(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  return body && type === 'application/x-www-form-urlencoded' ? [...new URLSearchParams(body)] : undefined;
}

function lines(entries, line) {
  const list = Array.isArray(entries) ? entries : Object.entries(entries);
  return list.map((entry) => `${line(entry)}\n`).join('');
}

/** A string of a POSIX shell. */
function shell(value) {
  return `'${value.replaceAll("'", `'\\''`)}'`;
}

/** A string of JavaScript, Python and Java alike. */
function text(value) {
  return JSON.stringify(value);
}

function phpText(value) {
  return `'${value.replace(/[\\']/g, '\\$&')}'`;
}
