/** Finds out why a worker process died, from how it ended, what native code wrote, and what the system did meanwhile. */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { type Diagnostic, diagnostic } from "../../compiler/diagnostics/diagnostic.js";

/** The known facts about a worker process that died. */
export interface WorkerExit {
  readonly stage: string;
  readonly engine: string;
  /** The end of the process in words, for example `signal SIGSEGV` or `exit code 3`. */
  readonly how: string;
  /** The file with the output of the process, and its size before the process started. */
  readonly log: { readonly path: string; readonly from: number };
  /** The value of `outOfMemoryKills` before the process started. */
  readonly kills: number | undefined;
}

/** Matches what native code and Node write when memory runs out in a place where no error can be caught. The match is shown. */
const outOfMemory =
  /JavaScript heap out of memory|reaching memory limit|std::bad_alloc|OOM when allocating[^\n]*|CUDA_ERROR_OUT_OF_MEMORY|VK_ERROR_OUT_OF_\w+|Allocation failed[^\n]*|(?:cannot|failed to) allocate memory|out of memory/i;
/** Matches what drivers write when a device is lost. The match is shown. */
const deviceLost =
  /device (?:was |is )?lost|DeviceLost|VK_ERROR_DEVICE_LOST|DXGI_ERROR_DEVICE_\w+|GPU has fallen off the bus/i;

/** The number of bytes of a log to search, from its end. Crashes print stacks after the message. */
const tailBytes = 65_536;

/** Returns the diagnostic of a worker that died: out of memory (FSL7004), device lost (FSL7005) or any other end (FSL7020). */
export function diagnoseExit({ stage, engine, how, log, kills }: WorkerExit): Diagnostic {
  const output = tail(log.path, log.from);
  const memory = outOfMemory.exec(output)?.[0];
  if (memory !== undefined) return diagnostic("FSL7004", undefined, { stage, engine, detail: memory });
  const lost = deviceLost.exec(output)?.[0];
  if (lost !== undefined) return diagnostic("FSL7005", undefined, { stage, engine, detail: lost });
  const now = outOfMemoryKills();
  if (how === "signal SIGKILL" && kills !== undefined && now !== undefined && now > kills) {
    const detail = "the system's memory ran out, and the system ended the process";
    return diagnostic("FSL7004", undefined, { stage, engine, detail });
  }
  return diagnostic("FSL7020", undefined, { stage, how: output.trim() === "" ? how : `${how}; see ${log.path}` });
}

/** Returns how many processes the system has killed since it started because memory ran out, or undefined if it does not tell. */
export function outOfMemoryKills(): number | undefined {
  try {
    const count = /^oom_kill (\d+)$/m.exec(readFileSync("/proc/vmstat", "utf8"))?.[1];
    return count === undefined ? undefined : Number(count);
  } catch {
    return undefined; // Not Linux.
  }
}

/** Returns the end of what was written after the position `from`. */
function tail(path: string, from: number): string {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return ""; // The run's folder has been removed.
  }
  try {
    const { size } = fstatSync(file);
    const start = Math.max(from, size - tailBytes);
    const bytes = Buffer.alloc(Math.max(0, size - start));
    return bytes.toString("utf8", 0, readSync(file, bytes, 0, bytes.length, start));
  } finally {
    closeSync(file);
  }
}
