import { describeCaller } from './cells.js';

describeCaller('an Administrator');
