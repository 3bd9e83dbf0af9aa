import { createDataSource } from './src/persistence/connection/data-source.js';

/** For the TypeORM command line, as in `npx typeorm -d dist/ormconfig.js migration:show`. The program itself calls the same function. */
export default createDataSource({ url: process.env.DATABASE_URL ?? 'postgresql://localhost/gateway' });
