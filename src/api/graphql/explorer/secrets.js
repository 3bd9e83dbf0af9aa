/** What a field is called that holds a secret: `password`, `token`, `authToken`, `secret`, … A test compares this with the schema. */
const secretName = /passw|token|secret|credential|authorization|api_?key/i;

/** What is a secret by its form, wherever it stands: an AuthToken, a webhook's secret, the value of an Authorization header. */
const secretForms = /\b[0-9a-f]{32}\b|\bwhsec_[\w+/=]+|\b(?:Basic|Bearer) +[\w+/=.~-]{8,}/gi;

/**
 * Block strings, strings (even without their end), comments, strings in single quotes, names with their `$`, spaces, and any other character.
 * Single quotes are an error, which is stored before its writer sees it.
 */
const tokens = /"""(?:\\"""|[^])*?(?:"""|$)|"(?:\\.|[^"\\\n])*"?|#.*|'[^'"\n]*'|\$?\w+|\s+|[^]/g;

/**
 * The same document and variables with each secret emptied, for whoever keeps them. It reads token by token instead of parsing, because
 * what is being written may be cut off anywhere.
 *
 * A secret is what stands at a name that says so, in the document or in the variables; and what stands at a variable, whatever that is
 * called, which the document uses at such a name, as in `password: $new`.
 */
export function withoutSecrets({ query, variables }) {
  const secretVariables = new Set();
  emptied(query ?? '', (name, token) => {
    if (secretName.test(name) && token.startsWith('$')) secretVariables.add(token.slice(1));
    return false;
  });
  const isSecret = (name) => secretName.test(name) || secretVariables.has(name);
  return {
    query: query && emptied(query, (name, token) => /^["']/.test(token) && isSecret(name)),
    variables: variables && emptied(variables, (name, token) => /^["'\w]/.test(token) && isSecret(name)),
  };
}

/** The text with `""` for each value that is chosen by itself and by the name before it; and without what is a secret by its form. */
function emptied(text, isChosen) {
  const all = text.match(tokens) ?? [];
  const isName = all.map(() => false);
  all.reduceRight((following, token, index) => {
    if (!token.trim() || token.startsWith('#')) return following;
    isName[index] = following === ':';
    return token;
  }, '');
  let name = '';
  return all
    .map((token, index) => {
      if (isName[index]) name = token.replace(/^[$"']|["']$/g, '');
      else if ('{}()'.includes(token)) name = '';
      else if (/^["'$\w]/.test(token) && isChosen(name, token)) return '""';
      return token;
    })
    .join('')
    .replace(secretForms, '');
}
