/**
 * Builds the addon from the sources in the npm package. These are two C++ files that use the C interfaces of TensorFlow and Node,
 * so the compiler is called directly. A build system would also need Python, make and Node's own headers.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { findCommand, runCommand } from "../installing/command.js";

export type Compiler = readonly [string, ...string[]];

/**
 * Finds a C++ compiler: `CXX`, which may be a path or a command with arguments (`ccache g++`), or else the usual names.
 * @throws DiagnosticError FSL7071 if there is none.
 */
export async function findCompiler(env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<Compiler> {
  const names = env["CXX"] ? [env["CXX"]] : ["c++", "g++", "clang++"];
  const candidates = names.flatMap((name): Compiler[] => {
    const [command = name, ...args] = name.trim().split(/\s+/);
    return args.length === 0 ? [[command]] : [[name], [command, ...args]];
  });
  const found = await findCommand(candidates, ["--version"], signal);
  if (found !== undefined) return found;
  throw new DiagnosticError(
    diagnostic(
      "FSL7071",
      undefined,
      { tool: `a C++ compiler (${names.join(", ")})`, engine: "TensorFlow" },
      {
        help: [
          "install a C++ compiler (`apt-get install g++`, `dnf install gcc-c++`), then run the same command again",
        ],
      },
    ),
  );
}

/** The inputs and the output of a build of the addon. */
export interface Build {
  readonly compiler: Compiler;
  /** The unpacked npm packages. */
  readonly sources: string;
  readonly nodeHeaders: string;
  /** The folder of TensorFlow from the wheel, with its libraries and include/. */
  readonly tensorflow: string;
  /** The path from the addon's folder to TensorFlow's libraries. */
  readonly libraries: string;
  readonly addon: string;
}

/** Compiles the addon. @throws DiagnosticError FSL7075 if the compiler fails. */
export async function buildAddon(build: Build, signal: AbortSignal): Promise<void> {
  const binding = join(build.sources, "binding");
  const outcome = await runCommand(
    [
      ...build.compiler,
      "-std=c++17",
      "-O2",
      "-fPIC",
      "-shared",
      "-DNAPI_VERSION=8",
      `-I${join(build.nodeHeaders, "include")}`,
      `-I${join(build.tensorflow, "include")}`,
      `-I${build.sources}`,
      ...readdirSync(binding)
        .filter((file) => file.endsWith(".cc"))
        .map((file) => join(binding, file)),
      `-L${build.tensorflow}`,
      "-l:libtensorflow_cc.so.2",
      "-l:libtensorflow_framework.so.2",
      `-Wl,-rpath,$ORIGIN/${build.libraries}`,
      "-o",
      build.addon,
    ],
    { signal },
  );
  if (outcome?.code === 0) return;
  const errors = (outcome?.stderr ?? "").split("\n").filter((line) => /error|undefined reference|cannot/i.test(line));
  const reason =
    errors[0] ?? `${build.compiler.join(" ")} ended with ${outcome?.signal ?? outcome?.code ?? "no exit code"}`;
  throw new DiagnosticError(diagnostic("FSL7075", undefined, { reason }));
}
