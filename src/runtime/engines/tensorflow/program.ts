/** Lowers a tensor program to one list of TensorFlow ops over slots, and decides when the tensor of each slot is deleted. */
import type { Program } from "../../../compiler/tensor/ir.js";
import { rootsOf } from "../../../compiler/tensor/program.js";
import { schedule } from "../../../compiler/tensor/schedule.js";
import type { HostTensors } from "../engine.js";
import { type Constant, Emitter, type Instruction, type Kernels, type Slot } from "./emitter.js";
import { lowerNode } from "./lowering/index.js";
import { prepare } from "./prepare.js";
import { RelatedNodes } from "./related.js";

export interface Lowered {
  readonly slots: number;
  readonly constants: readonly Constant[];
  /** The slots of the inputs that take an argument. */
  readonly inputs: ReadonlyMap<string, Slot>;
  /** The slots of the outputs. Each output has its own slot. */
  readonly outputs: ReadonlyMap<string, Slot>;
  readonly steps: readonly Step[];
}
export interface Step extends Instruction {
  /** The slots that no later step reads. */
  readonly frees: readonly Slot[];
}

/** Lowers a program. Inputs named in `constants` become constants. */
export function lowerProgram(program: Program, constants: HostTensors, kernels: Kernels): Lowered {
  const prepared = prepare(program);
  const roots = rootsOf(prepared);
  const order = schedule(roots);
  const e = new Emitter(kernels, new RelatedNodes(order), (emitter, node) =>
    emitter.define(node, lowerNode(emitter, node)),
  );
  const inputs = new Map<string, Slot>();
  for (const { name, node } of prepared.inputs) {
    const constant = constants[name];
    const slot = constant === undefined ? e.slot() : e.constant(node.dtype, node.shape, constant.data);
    if (constant === undefined) inputs.set(name, slot);
    e.define(node, { slot, shape: node.shape, layout: "plain" });
  }
  for (const node of order) e.value(node);

  const results = prepared.outputs.map(({ node }) => e.full(node));
  // An input, a constant, or a result that is used for two outputs gets a second tensor on the same memory.
  const taken = new Set([...inputs.values(), ...e.constants.map(({ slot }) => slot)]);
  const outputs = new Map<string, Slot>();
  prepared.outputs.forEach(({ name }, place) => {
    const slot = results[place] as Slot;
    const own = taken.has(slot) ? e.op("Identity", [slot]) : slot;
    taken.add(own);
    outputs.set(name, own);
  });
  const steps = withFrees(removeUnused(e.instructions, [...outputs.values()]), taken);
  return { slots: e.slots, constants: e.constants, inputs, outputs, steps };
}

/** Removes the instructions that no output depends on, such as a change of layout that nothing used. */
function removeUnused(instructions: readonly Instruction[], outputs: readonly Slot[]): Instruction[] {
  const wanted = new Set(outputs);
  const kept: Instruction[] = [];
  for (const instruction of [...instructions].reverse()) {
    if (!instruction.outputs.some((slot) => wanted.has(slot))) continue;
    kept.push(instruction);
    for (const slot of instruction.inputs) wanted.add(slot);
    for (const slot of instruction.singular ?? []) wanted.add(slot);
  }
  return kept.reverse();
}

/** Adds to each step the slots to delete: those that are not `lasting` after their last reader, and unread results at once. */
function withFrees(instructions: readonly Instruction[], lasting: ReadonlySet<Slot>): Step[] {
  const seen = new Set<Slot>(lasting);
  const steps: Step[] = [];
  for (const instruction of [...instructions].reverse()) {
    const frees: Slot[] = [];
    for (const slot of [...instruction.inputs, ...instruction.outputs]) {
      if (seen.has(slot)) continue;
      seen.add(slot);
      frees.push(slot);
    }
    steps.push({ ...instruction, frees });
  }
  return steps.reverse();
}
