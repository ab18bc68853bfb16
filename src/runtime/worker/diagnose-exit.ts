/** Why a worker process died: by how it ended, what native code wrote before, and what the system did meanwhile. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";

export interface WorkerExit {
  readonly stage: string;
  readonly engine: string;
  /** `signal SIGSEGV`, `exit code 3`. */
  readonly how: string;
  /** The file that the process wrote to, and its size before. */
  readonly log: { readonly path: string; readonly from: number };
  /** `outOfMemoryKills` before the process was started. */
  readonly kills: number | undefined;
}

/** What native code and Node write when memory runs out where nobody can catch it: the words that are told, and the signs. */
const outOfMemory =
  /JavaScript heap out of memory|reaching memory limit|std::bad_alloc|OOM when allocating[^\n]*|CUDA_ERROR_OUT_OF_MEMORY|VK_ERROR_OUT_OF_\w+|Allocation failed[^\n]*|(?:cannot|failed to) allocate memory|out of memory/i;
const deviceLost =
  /device (?:was |is )?lost|DeviceLost|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_\w+|GPU has fallen off the bus/i;

/** Enough of a log for what was said at the end; crashes print stacks after it. */
const read = 65_536;

export function diagnoseExit({ stage, engine, how, log, kills }: WorkerExit): Diagnostic {
  const said = tail(log.path, log.from);
  const memory = outOfMemory.exec(said)?.[0];
  if (memory !== undefined) return diagnostic("FSL7004", undefined, { stage, engine, detail: memory });
  const lost = deviceLost.exec(said)?.[0];
  if (lost !== undefined) return diagnostic("FSL7005", undefined, { stage, engine, detail: lost });
  const now = outOfMemoryKills();
  if (how === "signal SIGKILL" && kills !== undefined && now !== undefined && now > kills) {
    const detail = "the system's memory ran out, and the system ended the process";
    return diagnostic("FSL7004", undefined, { stage, engine, detail });
  }
  return diagnostic("FSL7020", undefined, { stage, how: said.trim() === "" ? how : `${how}; see ${log.path}` });
}

/** How many processes the system has ended since it started because memory ran out; undefined where it does not say. */
export function outOfMemoryKills(): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined; // Not Linux.
  }
}

/** What was written after `from`, the last of it. */
function tail(path: string, from: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // Somebody has removed the run's folder.
  }
  try {
    const { size } = fstatSync(file);
    const start = Math.max(from, size - read);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, start));
  } finally {
    closeSync(file);
  }
}
