/** Compiles a tensor program: decides which nodes are in memory, builds the steps and plans the memory. */
import type { Node, Program } from "../../../compiler/tensor/ir.js";
import { rootsOf } from "../../../compiler/tensor/program.js";
import { schedule } from "../../../compiler/tensor/schedule.js";
import { elementCount } from "../../../compiler/tensor/shape.js";
import type { HostTensors, Precision } from "../engine.js";
import { Builder } from "./builder.js";
import type { Library } from "./library.js";
import { isLoopOp, isSource, isView } from "./loops/expressions.js";
import { lowerNode } from "./lowering.js";
import type { Slot } from "./memory.js";
import { Patterns } from "./patterns.js";
import { prepare } from "./prepare.js";
import { kernelStep } from "./steps.js";

export interface Lowered {
  readonly builder: Builder;
  /** The slots of the inputs that take an argument. */
  readonly inputs: ReadonlyMap<string, Slot>;
  /** The slots of the outputs, row-major. Those of states and device outputs are bound, each to memory of its own. */
  readonly outputs: ReadonlyMap<string, Slot>;
}

/** Lowers a program. Inputs named in `constants` become constants. */
export function lowerProgram(
  library: Library,
  program: Program,
  constants: HostTensors,
  precision: Precision = "f32",
): Lowered {
  const prepared = prepare(program);
  const roots = rootsOf(prepared);
  const order = schedule(roots);
  const patterns = new Patterns(order, new Set(roots));
  const builder = new Builder(library, patterns, precision, lowerNode);
  const inputs = new Map<string, Slot>();
  for (const { name, node } of prepared.inputs) {
    const constant = constants[name];
    if (constant !== undefined) builder.constant(node, constant.data);
    else {
      const layout = builder.plainLayout(node);
      const slot = builder.slot(layout, node.dtype, "bound");
      builder.define(node, { slot, layout });
      inputs.set(name, slot);
    }
  }
  const stored = storedNodes(order, new Set(roots), patterns);
  for (const node of order) if (stored.has(node)) builder.compute(node);
  const outputs = new Map<string, Slot>();
  const taken = new Set<Slot>(inputs.values());
  for (const { name, node, role } of prepared.outputs) {
    const slot = builder.plain(node);
    const own = role === "host" ? slot : ownSlot(builder, node, slot, taken);
    taken.add(own);
    outputs.set(name, own);
  }
  return { builder, inputs, outputs };
}

/** Returns a bound slot for an output: the one that holds it, or a copy if that belongs to another value too. */
function ownSlot(builder: Builder, node: Node, slot: Slot, taken: ReadonlySet<Slot>): Slot {
  if (slot.place === "arena" && !taken.has(slot)) {
    slot.place = "bound";
    return slot;
  }
  const copy = builder.slot(slot, node.dtype, "bound");
  builder.steps.push(
    kernelStep("copy", (...arrays) => arrays[1]?.set(arrays[0] ?? []), { reads: [slot], writes: [copy] }),
  );
  return copy;
}

/** The largest number of nodes that are computed within one loop. */
const longestLoop = 48;

/**
 * Returns the nodes that are written to memory. The others are computed within the loops that read them: views always, and
 * arithmetic that one reader needs, once for each of its elements.
 */
function storedNodes(order: readonly Node[], roots: ReadonlySet<Node>, patterns: Patterns): ReadonlySet<Node> {
  const stored = new Set<Node>();
  const lengths = new Map<Node, number>();
  /** Returns how often an element of the node is read, if every reader is a loop. Infinity if a reader needs it in memory. */
  const uses = (node: Node): number => {
    if (roots.has(node)) return Number.POSITIVE_INFINITY;
    let sum = 0;
    for (const reader of patterns.readersOf(node)) {
      if (!isView(reader.op)) {
        const inLoop = computesInLoop(reader, patterns);
        sum += inLoop ? 1 : Number.POSITIVE_INFINITY;
      } else if (elementCount(reader.shape) > elementCount(node.shape)) return Number.POSITIVE_INFINITY;
      else sum += uses(reader);
    }
    return sum;
  };
  for (const node of order) {
    if (node.op === "input" || isSource(node) || patterns.absorbed.has(node)) continue;
    if (!isLoopOp(node.op) || patterns.isFused(node) || patterns.elementwise.has(node)) {
      stored.add(node);
      continue;
    }
    if (node.op === "const") continue;
    const length = 1 + node.inputs.reduce((sum, input) => sum + (stored.has(input) ? 0 : (lengths.get(input) ?? 0)), 0);
    lengths.set(node, length);
    if (isView(node.op) ? roots.has(node) : uses(node) > 1 || length > longestLoop) stored.add(node);
  }
  return stored;
}

/** Tells whether the node's loop can compute its operands, instead of reading them. */
function computesInLoop(node: Node, patterns: Patterns): boolean {
  if (!isLoopOp(node.op)) return reducesByLoop.has(node.op);
  return node.op !== "gather" && !patterns.elementwise.has(node);
}

/** The ops besides arithmetic whose loops compute their operand. */
const reducesByLoop: ReadonlySet<string> = new Set(["reduce_sum", "reduce_max", "pad", "concat"]);
