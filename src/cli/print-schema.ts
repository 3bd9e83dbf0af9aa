import { writeFile } from 'node:fs/promises';
import { createSchema, printedSchema } from '../api/graphql/schema.js';

// `npm run schema`: writes schema.graphql, which is committed. A test compares it with the code.
await writeFile('schema.graphql', printedSchema(createSchema()));
