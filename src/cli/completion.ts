import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';

/** The shells that commands are completed in. */
export type Shell = 'bash' | 'zsh' | 'fish';

/**
 * `account-gateway completion`: prints the script that a shell sources. At each tab, the script runs `account-gateway complete`. The library
 * adds both commands to what it is given, so that is a program of its own.
 */
export function printCompletion(program: Command, shell: Shell): void {
  tab(program, { completionCommandName: 'completion' }).setup(program.name(), program.name(), shell);
}

/** `account-gateway complete -- WORDS`: prints what the last of the words may become. */
export function complete(program: Command, words: readonly string[]): void {
  tab(program, { completionCommandName: 'completion' }).parse([...words]);
}
