/** A tensor program as ONE ONNX model. */
import type { Program } from "../../../compiler/tensor/ir.js";
import { reachable } from "../../../compiler/tensor/walk.js";
import type { HostTensors } from "../engine.js";
import { Emitter } from "./emitter.js";
import { lowerNode } from "./lowering/index.js";
import { prepare } from "./prepare.js";
import { encodeModel, type OnnxGraph, type ValueInfo } from "./proto.js";

/** Inputs named in `constants` become initializers. Output `name` is the graph output `out:name`. */
export function lowerProgram(program: Program, constants: HostTensors = {}): OnnxGraph {
  const prepared = prepare(program);
  const e = new Emitter();
  const inputs: ValueInfo[] = [];
  for (const { name, node } of prepared.inputs) {
    const constant = constants[name];
    if (constant === undefined) {
      inputs.push({ name, type: node.dtype, shape: node.shape });
      e.define(node, { name, shape: node.shape });
    } else {
      e.define(node, { name: e.constant(node.dtype, node.shape, constant.data), shape: node.shape });
    }
  }
  for (const node of reachable(prepared.outputs.map((output) => output.node)))
    if (node.op !== "input") e.define(node, lowerNode(e, node));
  const outputs: ValueInfo[] = [];
  for (const { name, node } of prepared.outputs) {
    e.alias(e.full(node), outputName(name));
    outputs.push({ name: outputName(name), type: node.dtype, shape: node.shape });
  }
  return { name: program.name, nodes: e.nodes, initializers: e.initializers, inputs, outputs };
}

/** ONNX has one name space for inputs and outputs; an output may be called as an input is. */
export const outputName = (name: string): string => `out:${name}`;

export function encodeProgram(program: Program, constants?: HostTensors): Uint8Array {
  return encodeModel(lowerProgram(program, constants));
}
