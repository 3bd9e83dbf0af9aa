import { describeCaller } from './cells.js';

describeCaller('a top-level Administrator');
