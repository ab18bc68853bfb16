/** Assembly of a program from its outputs. Its inputs are those that the outputs depend on, and it is optimized. */
import { CompilerBug } from "../../common/bug.js";
import type { Node, Program, ProgramInput, ProgramOutput } from "../tensor/ir.js";
import { optimize } from "../tensor/passes/optimize.js";
import { reachable } from "../tensor/walk.js";

/** A tensor that is carried from step to step. */
export interface StatePair {
  readonly before: Node;
  readonly after: Node;
}

/** The outputs and states of a program. */
export interface ProgramSpec {
  readonly name: string;
  readonly host: Readonly<Record<string, Node>>;
  readonly states?: readonly StatePair[];
  /** Outputs that stay on the device for other programs, by name. */
  readonly device?: Readonly<Record<string, Node>>;
  /** The names of the inputs that each run provides. All other inputs are weights. */
  readonly feeds: readonly string[];
}

/** Returns the name of the output that replaces a state. */
export const nextName = (state: string): string => `next:${state}`;

/**
 * Returns the optimized program.
 *
 * @throws CompilerBug if a state is no input.
 */
export function assemble({ name, host, states = [], device = {}, feeds }: ProgramSpec): Program {
  const named = (nodes: Readonly<Record<string, Node>>, role: "host" | "device"): ProgramOutput[] =>
    Object.entries(nodes).map(([key, node]) => ({ name: key, node, role }));
  const outputs = [...named(host, "host"), ...named(device, "device")];
  const carried = new Set<string>();
  for (const { before, after } of states) {
    const state = inputNode(before).attrs.name;
    carried.add(state);
    outputs.push({ name: nextName(state), node: after, role: "state" });
  }
  const nodes = reachable([...outputs.map((output) => output.node), ...states.map((state) => state.before)]);
  const inputs = nodes.flatMap((node): ProgramInput[] => {
    if (node.op !== "input") return [];
    const input = node.attrs.name;
    if (carried.has(input)) return [{ name: input, node, role: "state", next: nextName(input) }];
    return [{ name: input, node, role: feeds.includes(input) ? "feed" : "weight" }];
  });
  return optimize({ name, inputs, outputs });
}

function inputNode(node: Node): Node<"input"> {
  if (node.op !== "input") throw new CompilerBug(`a ${node.op} is no state`);
  return node;
}
