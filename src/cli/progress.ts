/** Shows the progress of a download or installation on stderr. */
import { printable } from "../common/printable.js";
import type { Cli } from "./command.js";
import { withInterrupts } from "./interrupts.js";
import { canDraw } from "./terminal.js";
import { bytes, percent, shorten } from "./view/format.js";

/** Runs `act` and aborts it on an interrupt. Further interrupts do not disturb the cleanup. */
export async function withProgress<T>(
  cli: Cli,
  act: (signal: AbortSignal, progress: Progress) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const progress = new Progress(cli);
  return await withInterrupts(
    () => stop.abort(),
    async () => {
      try {
        return await act(stop.signal, progress);
      } finally {
        progress.close();
      }
    },
  );
}

/**
 * Prints a line for each step on stderr. On a terminal, the line counts the bytes of the step; it stays on one row until the step
 * ends, because only one row can be rewritten. Elsewhere the count is printed from time to time.
 */
export class Progress {
  private readonly live: boolean;
  private text = "";
  private open = false;
  private last = 0;
  private done = 0;

  constructor(private readonly cli: Cli) {
    this.live = canDraw(cli.stderr, cli.env);
  }

  step(text: string): void {
    this.close();
    this.text = printable(text);
    this.done = 0;
    this.last = Date.now();
    this.cli.stderr.write(this.live ? this.row() : `${this.text}\n`);
    this.open = this.live;
  }

  bytes(done: number, total: number | undefined): void {
    this.done = done;
    if (Date.now() - this.last < (this.live ? 100 : 10_000)) return;
    this.last = Date.now();
    const counted =
      total === undefined ? bytes(done) : `${bytes(done)} of ${bytes(total)} (${percent(done / total, 0)} %)`;
    this.cli.stderr.write(this.live ? `\r\u001B[K${this.row(`: ${counted}`)}` : `  ${counted}\n`);
  }

  /** Returns the text of the step with `rest`, cut to the width of the terminal. */
  private row(rest = ""): string {
    const columns = this.cli.stderr.columns || 80;
    return `${shorten(this.text, columns - 1 - rest.length)}${rest}`;
  }

  /** Ends the line of the current step. */
  close(): void {
    if (this.open) this.cli.stderr.write(`\r\u001B[K${this.text}${this.done > 0 ? `: ${bytes(this.done)}` : ""}\n`);
    this.open = false;
  }
}
