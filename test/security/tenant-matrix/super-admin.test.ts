import { describeCaller } from './cells.js';

describeCaller('the Super Admin');
