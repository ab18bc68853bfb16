/** Measures the kernels of a session by ONNX Runtime's own profiler, which writes a file that is read when the session ends. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { KernelListener } from "../engine.js";
import { nodeName, type OnnxNode } from "./proto.js";
import type * as ort from "./runtime.js";

/** An entry of the profiler's file. Times are in µs. */
interface Entry {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args: { readonly op_name?: string };
}

export class Measurement {
  private readonly folder = mkdtempSync(join(tmpdir(), "fslc-kernels-"));
  /** The options that turn the profiler on. */
  readonly options = { enableProfiling: true, profileFilePrefix: join(this.folder, "kernels") };

  /** The nodes of the model by their names and by the names of their results. */
  private readonly named = new Map<string, OnnxNode>();

  constructor(
    nodes: readonly OnnxNode[],
    private readonly onKernel: KernelListener,
  ) {
    for (const [index, node] of nodes.entries())
      for (const name of [nodeName(node.op, index), ...node.outputs]) this.named.set(name, node);
  }

  /** Ends the profiler of the session and reports the kernels of all its runs. */
  end(session: ort.InferenceSession): void {
    try {
      session.endProfiling();
      for (const file of readdirSync(this.folder)) this.report(readFileSync(join(this.folder, file), "utf8"));
    } finally {
      this.dispose();
    }
  }

  dispose(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  private report(text: string): void {
    const entries = (JSON.parse(text) as Entry[]).filter(({ dur }) => dur >= 0);
    const runs = entries.filter(({ name }) => name === "model_run").sort((a, b) => a.ts - b.ts);
    const kernels = entries.filter(({ cat, name }) => cat === "Node" && name.endsWith("_kernel_time"));
    let run = 0;
    for (const { name, ts, dur, args } of kernels.sort((a, b) => a.ts - b.ts)) {
      for (let next = runs[run + 1]; next !== undefined && next.ts <= ts; next = runs[run + 1]) run++;
      const kernel = args.op_name ?? name;
      const start = (ts - (runs[run]?.ts ?? ts)) / 1000;
      this.onKernel({ kernel, node: this.nodeOf(name, kernel), run, start, duration: dur / 1000 });
    }
  }

  /**
   * Returns the node of a kernel. ONNX Runtime names a fused kernel after a node of the model, or after the result of one, mostly the
   * last of those that it replaces; the node that the kernel is for is before that one.
   */
  private nodeOf(name: string, op: string): OnnxNode["of"] {
    for (const [word] of name.matchAll(/[A-Za-z]+_?\d+/g)) {
      let node = this.named.get(word);
      const named = node;
      while (node !== undefined && node.op !== op) node = this.named.get(node.inputs[0] ?? "");
      if (named !== undefined) return (node ?? named).of;
    }
    return undefined;
  }
}
