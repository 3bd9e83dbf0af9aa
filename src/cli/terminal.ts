/** Prints to the terminal, for whoever runs the command; the log goes to the same place as lines of JSON. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
