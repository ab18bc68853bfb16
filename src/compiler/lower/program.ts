/** Assembling a program from its outputs: the inputs are those that they reach, and the passes have run. */
import { CompilerBug } from "../../common/bug.js";
import type { Node, Program, ProgramInput, ProgramOutput } from "../tensor/ir.js";
import { optimize } from "../tensor/passes/optimize.js";
import { reachable } from "../tensor/walk.js";

/** A tensor carried from step to step. */
export interface StatePair {
  readonly before: Node;
  readonly after: Node;
}

export interface ProgramSpec {
  readonly name: string;
  readonly host: Readonly<Record<string, Node>>;
  readonly states?: readonly StatePair[];
  /** What stays on the device for other programs, by name. */
  readonly device?: Readonly<Record<string, Node>>;
  /** Names of inputs that a run gives afresh; all others are weights. */
  readonly feeds: readonly string[];
}

/** The output that replaces the state of this name. */
export const nextName = (state: string): string => `next:${state}`;

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
