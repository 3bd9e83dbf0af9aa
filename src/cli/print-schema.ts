import { writeFile } from 'node:fs/promises';
import { createSchema, printedSchema } from '../api/graphql/schema.js';

// `npm run schema`: writes the schema that is committed. A test compares the two.
await writeFile('schema.graphql', printedSchema(createSchema()));
