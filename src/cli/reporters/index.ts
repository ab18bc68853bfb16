/** Lists the reporters by name and chooses the one that shows a run. */
import type { Cli } from "../command.js";
import { canDraw } from "../terminal.js";
import { UsageError } from "../usage-error.js";
import type { Reporter, Streams } from "./reporter.js";

/** Describes a reporter to the command `run`. */
interface ReporterEntry {
  /** Loads and creates the reporter. It may call `onInterrupt` if it reads the keyboard itself. `watched` says that another process computes. */
  create(streams: Streams, onInterrupt: () => void, options?: { readonly watched?: true }): Promise<Reporter>;
  /** True if tables and a summary for people follow after the run. */
  readonly summary: boolean;
}

const reporters = {
  ink: {
    summary: true,
    async create(streams, onInterrupt, options) {
      // React's development build is slower and writes warnings to the screen.
      process.env.NODE_ENV ??= "production";
      return (await import("./ink.js")).inkReporter(streams, onInterrupt, options);
    },
  },
  plain: {
    summary: true,
    create: async (streams) => (await import("./plain.js")).plainReporter(streams),
  },
  json: {
    summary: false,
    create: async (streams) => (await import("./json.js")).jsonReporter(streams),
  },
} satisfies Readonly<Record<string, ReporterEntry>>;

export type ReporterName = keyof typeof reporters;

/** The values of `--reporter`. */
export const reporterNames = Object.keys(reporters) as readonly ReporterName[];

/**
 * Returns the reporter for the value of `--reporter`, or the default one. The live screen gives way to plain lines if stderr
 * is not a terminal that can draw.
 *
 * @throws UsageError if there is no reporter with this name.
 */
export function chooseReporter({ stderr, env }: Cli, asked: string | undefined): ReporterEntry {
  const name = asked === undefined ? "ink" : reporterNames.find((known) => known === asked);
  if (name === undefined) {
    throw new UsageError(`there is no reporter \`${asked}\`. The reporters are ${reporterNames.join(", ")}`);
  }
  return name === "ink" && !canDraw(stderr, env) ? reporters.plain : reporters[name];
}
