/** Stands in for curl where there is none: a URL with the options -s, -u, -H and -d, as the guides use them. */
const [headers, request, urls] = [{}, {}, []];
for (let args = process.argv.slice(2); args.length > 0;) {
  const word = args.shift();
  if (word === '-s') continue;
  if (word === '-u') headers.authorization = `Basic ${Buffer.from(args.shift()).toString('base64')}`;
  else if (word === '-H') headers[args[0].split(':')[0]] = args.shift().replace(/^[^:]*:\s*/, '');
  else if (word === '-d') Object.assign(request, { method: 'POST', body: args.shift() });
  else if (word.startsWith('-')) throw new Error(`curl's option ${word} is unknown here.`);
  else urls.push(word);
}
process.stdout.write(await (await fetch(urls[0], { ...request, headers })).text());
