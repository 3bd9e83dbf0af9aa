import { describeCaller } from './cells.js';

describeCaller('a Developer');
describeCaller('a ProvisioningAgent');
