const many = (count: number, text: (index: number) => string, between = ' '): string =>
  Array.from({ length: count }, (_, index) => text(index)).join(between);

/** Selections of the same two fields, in each other, as often as tokens allow. */
const doubled = (levels: number): string => (levels === 0 ? 'sid' : many(2, () => `parent{${doubled(levels - 1)}}`));

const chain = (count: number, on: string, spread: (next: string) => string, last: string): string =>
  many(count, (index) => `fragment F${index} on ${on} { ${index === count - 1 ? last : spread(`...F${index + 1}`)} }`);

/** Documents that ask for much work or for much data by few bytes: each the worst of its kind that fits the limits before it. */
export const hostileDocuments: readonly [what: string, document: string, reason: RegExp][] = [
  ['one field, again and again', `{ viewer { ${many(1960, () => 'sid')} } }`, /selects sid more than 20 times/],
  ['the type, again and again', `{ viewer { ${many(1960, () => '__typename')} } }`, /selects __typename more than/],
  ['the ID, by ever other fragments', `{ viewer { ${many(390, () => '... { id }')} } }`, /selects id more than/],
  ['something heavy by the name of the ID', `{ viewer { ${many(29, () => 'id: parent { sid }')} } }`, /selects id more than 20 times/],
  ['one object, again and again', `{ viewer { ${many(480, () => 'parent{sid}')} } }`, /selects parent more than 20 times/],
  [
    'one object with ever other arguments',
    `{ viewer { ${many(180, (n) => `subAccounts(first:${n}){totalCount}`)} } }`,
    /more than 20 times/,
  ],
  ['two in two in two', `{ viewer { ${doubled(8)} } }`, /selects parent more than 20 times/],
  ['one field by many fragments', `{ ${many(90, () => '...F')} } fragment F on Query { viewer { sid } }`, /more than 20 times/],
  [
    'fragments that double',
    `{ ...F0 } ${chain(90, 'Query', (next) => `${next} ${next}`, '__typename')}`,
    /more than 2000 selections, with its fragments written out/,
  ],
  [
    'fragments that double, at ever other places',
    `{ ...F0 } ${chain(
      12,
      'Query',
      (next) => `${next} ${next}`,
      many(20, () => 'viewer{sid}'),
    )}`,
    /fragments written out|more than 20 times/,
  ],
  [
    'fragments of the schema that double',
    `{ __schema { ...F0 } } ${chain(90, '__Schema', (next) => `${next} ${next}`, '__typename')}`,
    /fragments written out/,
  ],
  [
    'fragments that lead in circles',
    `{ viewer { ...F0 } } ${many(60, (n) => `fragment F${n} on Account { parent { ...F${(n + 1) % 60} } subAccounts { nodes { ...F${(n * 7) % 60} } } }`)}`,
    /deep|far|more than/,
  ],
  [
    'fragments that nobody uses',
    `{ viewer { sid } } fragment U on Account { ${many(900, () => 'sid')} }`,
    /selects sid more than 20 times/,
  ],
  [
    'many fragments',
    `{ ${many(150, (n) => `...F${n}`)} } ${many(150, (n) => `fragment F${n} on Query { viewer { sid } }`)}`,
    /more than 100 fragments/,
  ],
  ['many aliases', `{ ${many(660, (n) => `a${n}: viewer`)} }`, /more than 30 aliases/],
  ['many aliases of the type', `{ ${many(660, (n) => `a${n}: __typename`)} }`, /more than 30 aliases/],
  ['many directives', `{ viewer { sid ${many(900, () => '@skip')} } }`, /more than 20 directives/],
  ['many tokens', `{ viewer { ${many(3000, (n) => `a${n}`)} } }`, /2000 tokens/],
  ['many levels', `{ viewer { ${many(300, () => 'parent {')} sid ${many(300, () => '}')} } }`, /nested more than 32 levels/],
  ['many brackets', `{ nodes(ids: ${'['.repeat(900)}${']'.repeat(900)}) { id } }`, /cannot represent|type/i],
  ['a type of many brackets', `query($a: ${'['.repeat(900)}Int${']'.repeat(900)}) { viewer { sid } }`, /never used/],
  ['many mistakes behind many lines', `${'\n'.repeat(60_000)}{ ${many(900, (n) => `x${n}`)} }`, /Cannot query field/],
  [
    'conflicts behind many lines',
    `${'\n'.repeat(60_000)}{ ${many(19, (n) => `accounts(first: ${n + 1}) { nodes { sid } }`)} }`,
    /conflict/,
  ],
  ['many comments', `${'#\n'.repeat(32_000)}{ viewer { nothing } }`, /Cannot query field/],
  ['a text of many lines', `{ account(by: { sid: """${'\n'.repeat(65_000)}""" }) { nothing } }`, /Cannot query field/],
  ['a long name', `{ ${'x'.repeat(65_000)} }`, /Cannot query field/],
  [
    'long pages in long pages',
    '{ accounts(first: 100) { nodes { subAccounts(first: 100) { nodes { sid parent { sid } } } } } }',
    /are allowed/,
  ],
  ['many searches', `{ ${many(30, (n) => `a${n}: accounts(first: 1, filter: { text: "text ${n}" }) { totalCount }`)} }`, /are allowed/],
  ['many documents', `{ viewer { ${many(8, (n) => `a${n}: profile { document }`)} } }`, /are allowed/],
  [
    'the schema, in circles',
    `{ __schema { types { fields { type { fields { type { fields { type { fields { name } } } } } } } } } }`,
    /introspection depth/,
  ],
  [
    'the schema, again and again',
    `{ ${many(29, (n) => `a${n}: __schema { types { name description fields { name description args { name description type { name kind ofType { name } } } type { name kind ofType { name } } } } }`)} }`,
    /more than 2 times the whole schema/,
  ],
];
