/** Reads the text that `-` stands for on the command line: standard input, as editors pass an unsaved file. */

import { readSourceStream } from "../runtime/system/read-file.js";
import { findFslFiles } from "./fsl-files.js";
import type { Streams } from "./reporters/reporter.js";
import { UsageError } from "./usage-error.js";

/** A file that a command works on. `text` is its text if it came from standard input. */
export interface Input {
  readonly path: string;
  readonly text?: string;
}

/** The options of a command that reads standard input. */
export interface StandardInputOptions {
  readonly stdinPath?: string;
}

export const stdinPathOption = [
  "--stdin-path <file>",
  "with `-`: the path that the text from standard input has, for its imports and its messages",
] as const;

/**
 * Returns the inputs that the arguments of a command name. `-` is standard input, which counts as the file of `--stdin-path`.
 *
 * @throws UsageError if `-` stands beside other arguments, or `--stdin-path` without `-`; DiagnosticError FSL7040 if
 * the text is too large.
 */
export async function findInputs(
  { stdin }: Pick<Streams, "stdin">,
  paths: readonly string[],
  { stdinPath }: StandardInputOptions,
): Promise<Input[]> {
  if (!paths.includes("-")) {
    if (stdinPath !== undefined)
      throw new UsageError("`--stdin-path` names the text of `-`, which is not among the files");
    return (await findFslFiles(paths)).map((path) => ({ path }));
  }
  if (paths.length > 1) throw new UsageError("`-` stands for standard input and cannot be combined with other files");
  const path = stdinPath ?? "stdin.fsl";
  try {
    return [{ path, text: await readSourceStream(stdin) }];
  } catch (error) {
    throw (await import("./report-errors.js")).cannotRead(path, error);
  }
}
