/** Implements `--reporter json`: it writes each event as one line of JSON to stdout. The last event is `run.done`. */
import { printableJson } from "../../common/printable.js";
import type { Reporter, Streams } from "./reporter.js";

export function jsonReporter({ stdout }: Pick<Streams, "stdout">): Reporter {
  return {
    event(event) {
      stdout.write(`${printableJson(event)}\n`);
    },
    interrupted() {},
    async close() {},
  };
}
