import { createDataSource } from './src/persistence/data-source.js';

export default createDataSource({ url: process.env.DATABASE_URL ?? 'postgresql://localhost/gateway' });
