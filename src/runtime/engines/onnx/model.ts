/** Lowers a tensor program to a single ONNX model. */
import type { Node, Program } from "../../../compiler/tensor/ir.js";
import { reachable } from "../../../compiler/tensor/walk.js";
import type { HostTensors } from "../engine.js";
import { Emitter, type Kernels } from "./emitter.js";
import { cpuKernels, webgpuKernels } from "./kernels.js";
import { type Fusion, findFusions, separablePools } from "./lowering/fusions.js";
import { lowerNode } from "./lowering/index.js";
import { type OnnxDevice, prepare } from "./prepare.js";
import type { OnnxGraph, ValueInfo } from "./proto.js";

const kernels: Readonly<Record<OnnxDevice, Kernels>> = { cpu: cpuKernels, gpu: webgpuKernels };

export interface LowerOptions {
  /** Channels per block, see `blockSize`. Without it the convolutions are plain ONNX. */
  readonly block?: number;
  readonly device?: OnnxDevice;
}

/** Lowers a program. Inputs named in `constants` become initializers. Output `name` becomes the graph output `out:name`. */
export function lowerProgram(program: Program, constants: HostTensors = {}, options: LowerOptions = {}): OnnxGraph {
  const device = options.device ?? "cpu";
  const { program: prepared, centered } = prepare(program, device);
  const roots = prepared.outputs.map((output) => output.node);
  const nodes = reachable(roots);
  const e = new Emitter({
    centered,
    separablePools: separablePools(nodes),
    block: options.block ?? 0,
    kernels: kernels[device],
  });
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
  const fusions = findFusions(nodes);
  for (const node of operandsFirst(roots, fusions)) {
    if (node.op === "input") continue;
    const fusion = fusions.get(node);
    e.within(node, () => (fusion !== undefined ? fusion.emit(e) : lowerNode(e, node)));
  }
  const outputs: ValueInfo[] = [];
  for (const { name, node } of prepared.outputs) {
    e.alias(e.full(node), outputName(name), node.dtype);
    outputs.push({ name: outputName(name), type: node.dtype, shape: node.shape });
  }
  return { name: program.name, nodes: e.nodes, initializers: e.initializers, inputs, outputs };
}

/** Returns the nodes to emit for `roots`, operands first. A fusion reads its own inputs instead of those of its node. */
function operandsFirst(roots: readonly Node[], fusions: ReadonlyMap<Node, Fusion>): Node[] {
  const seen = new Set<Node>();
  const open = [...roots];
  for (let node = open.pop(); node; node = open.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    open.push(...(fusions.get(node)?.inputs ?? node.inputs));
  }
  return [...seen].sort((a, b) => a.id - b.id);
}

/** Returns the name of a graph output. ONNX has one namespace for inputs and outputs, and in a program both may have the same name. */
export const outputName = (name: string): string => `out:${name}`;
