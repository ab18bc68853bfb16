/**
 * Builds the addon from the npm package's sources. It is two files of C++ against the C interfaces of TensorFlow and Node,
 * so the compiler is called as it is: a build system would want Python, make and Node's own headers besides.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { findCommand, runCommand } from "./command.js";

export type Compiler = readonly [string, ...string[]];

/**
 * `CXX`, a path or a command with arguments as make has it (`ccache g++`), else what the platform calls its compiler of C++.
 * @throws DiagnosticError FSL7071 where there is none.
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
      { tool: `a compiler of C++ (${names.join(", ")})` },
      {
        help: [
          "`apt-get install g++`, `dnf install gcc-c++` or what the system's packages call it; then the same command again",
        ],
      },
    ),
  );
}

export interface Build {
  readonly compiler: Compiler;
  /** The unpacked npm packages. */
  readonly sources: string;
  readonly nodeHeaders: string;
  /** The folder of the wheel's TensorFlow: its libraries and include/. */
  readonly tensorflow: string;
  /** Where the addon finds TensorFlow's libraries: a path from its own folder. */
  readonly libraries: string;
  readonly addon: string;
}

/** @throws DiagnosticError FSL7075 where the compiler refuses. */
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
  const reason = errors[0] ?? `${build.compiler.join(" ")} ended with ${outcome?.signal ?? outcome?.code ?? "nothing"}`;
  throw new DiagnosticError(diagnostic("FSL7075", undefined, { reason }));
}
