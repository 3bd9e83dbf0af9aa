import type { Logger } from 'pino';
import type { App } from '../app.js';
import type { Config } from '../config.js';
import { configuredCredentialsKeys } from '../credentials-key.js';
import { print } from './terminal.js';

/**
 * Starts to load the app at once, and returns a function that creates it once there is a database. The app is most of the program;
 * a process that only starts workers does without it.
 * @param show how a generated password is shown: on the terminal, never in the log, since logs are kept
 */
export function loadApp(config: Config, log: Logger, show = print): (databaseUrl: string) => Promise<App> {
  const loading = import('../app.js');
  // A failure is reported to whoever creates the app.
  loading.catch(() => {});
  return async (databaseUrl) => {
    const { createApp } = await loading;
    return createApp({ config, databaseUrl, ...(await configuredCredentialsKeys(config)), log, announcePassword });
  };

  function announcePassword(emailAddress: string, password: string): void {
    show(`\nThe Super Admin was created. The password is shown this once:\n  e-mail    ${emailAddress}\n  password  ${password}\n`);
  }
}
