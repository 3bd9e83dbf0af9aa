import { describeCaller } from './cells.js';

describeCaller('nobody');
