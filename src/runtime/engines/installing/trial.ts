/** Tries a native library in a child process, so that a crash of the library ends only that process. */
import { type CommandOptions, runCommand } from "./command.js";

/** The result that the child process prints as its last line of JSON. */
export interface ChildResult {
  /** The product (1 2; 3 4) · (5 6; 7 8). */
  readonly product: readonly number[];
}

export interface Failed {
  readonly works: false;
  readonly why: string;
  readonly missingLibrary?: string;
}

export interface TrialOptions {
  readonly signal: AbortSignal;
  /** The time limit in ms. */
  readonly limit: number;
  readonly env?: NonNullable<CommandOptions["env"]>;
  /** The instructions that a CPU may lack, for the message. */
  readonly instructions?: string;
  /** Explains what the library wrote before it ended, if only this library writes that. */
  readonly explain?: (stderr: string) => string | undefined;
}

const expectedProduct = "19,22,43,50";

/** Runs the child process with its arguments, and returns its result and its log if the product of two matrices is right. */
export async function runTrial<R extends ChildResult>(
  [child, ...args]: readonly [child: string, ...args: string[]],
  options: TrialOptions,
): Promise<{ readonly works: true; readonly result: R; readonly log: string } | Failed> {
  const { signal, limit, env } = options;
  const timeout = AbortSignal.timeout(limit);
  const outcome = await runCommand([process.execPath, child, ...args], {
    signal: AbortSignal.any([signal, timeout]),
    ...(env === undefined ? {} : { env }),
  }).catch((error: unknown) => {
    if (timeout.aborted && !signal.aborted) return "silent" as const;
    throw error;
  });
  if (outcome === "silent") return { works: false, why: "it hangs" };
  if (outcome === undefined) throw new Error(`cannot run ${process.execPath}`);
  const json = /^\{.*\}$/m.exec(outcome.stdout)?.[0];
  if (json === undefined) return explainEnd(outcome.signal, outcome.stderr, options);
  const result = JSON.parse(json) as R;
  if (result.product.join() === expectedProduct) return { works: true, result, log: outcome.stderr };
  const why = `its product of two matrices is wrong (${result.product.join(", ")} is not ${expectedProduct})`;
  return { works: false, why };
}

function explainEnd(
  signal: NodeJS.Signals | undefined,
  stderr: string,
  { instructions, explain }: Pick<TrialOptions, "instructions" | "explain">,
): Failed {
  const [, onLinux, onMac] = /([^\s:']+): cannot open shared object file|Library not loaded: (\S+)/.exec(stderr) ?? [];
  const missing = onLinux ?? onMac;
  if (missing !== undefined) {
    return { works: false, why: `the shared library ${missing} is missing`, missingLibrary: missing };
  }
  const known = explain?.(stderr);
  if (known !== undefined) return { works: false, why: known };
  if (signal === "SIGILL") {
    const named = instructions === undefined ? "" : ` (${instructions})`;
    return { works: false, why: `this CPU lacks instructions that it needs${named}` };
  }
  if (signal !== undefined) return { works: false, why: `it crashes (${signal})` };
  const message = /^(?:\w*Error|Error \[.*\]): (.*)$/m.exec(stderr)?.[1];
  return { works: false, why: message ?? "it does not load" };
}
