/** `--reporter json`: the events themselves, one JSON object a line on stdout, `run.done` last. */
import type { Reporter, Streams } from "./reporter.js";

export function jsonReporter({ stdout }: Pick<Streams, "stdout">): Reporter {
  return {
    event(event) {
      stdout.write(`${JSON.stringify(event)}\n`);
    },
    interrupted() {},
    async close() {},
  };
}
