/** Runs the programs of an installation (pip, a compiler, npm) and keeps what they print, because it tells why one failed. */
import { spawn } from "node:child_process";

export interface Outcome {
  /** Undefined if a signal ended the program. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** Runs the program through the system's shell, which Windows needs for scripts. */
  readonly shell?: boolean;
}

/**
 * Runs a program until it ends. Returns undefined if there is no such program or it may not be run.
 * @throws the reason of `options.signal`, if it aborts, as soon as the program has ended.
 */
export async function runCommand(
  [command, ...args]: readonly [string, ...string[]],
  options: CommandOptions,
): Promise<Outcome | undefined> {
  options.signal.throwIfAborted();
  const outcome = await new Promise<Outcome | undefined>((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: ["ignore", "pipe", "pipe"],
      shell: options.shell ?? false,
      windowsHide: true,
    });
    const stop = (): void => void child.kill();
    options.signal.addEventListener("abort", stop);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    child.on("error", (error) => {
      options.signal.removeEventListener("abort", stop);
      if ("code" in error && (error.code === "ENOENT" || error.code === "EACCES")) resolve(undefined);
      else reject(error);
    });
    child.on("close", (code, signal) => {
      options.signal.removeEventListener("abort", stop);
      resolve({ code: code ?? undefined, signal: signal ?? undefined, stdout, stderr });
    });
  });
  options.signal.throwIfAborted();
  return outcome;
}

/** Returns the first of `candidates` that runs successfully with `args`, for a program that has several names. */
export async function findCommand(
  candidates: readonly (readonly [string, ...string[]])[],
  args: readonly string[],
  signal: AbortSignal,
): Promise<readonly [string, ...string[]] | undefined> {
  for (const candidate of candidates) {
    const outcome = await runCommand([...candidate, ...args], { signal });
    if (outcome?.code === 0) return candidate;
  }
  return undefined;
}
