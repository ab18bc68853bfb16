/**
 * Makes ONNX models for other programs. They use the operators of ONNX alone, and the number of images of one input is open.
 *
 * A program has fixed shapes. So it is lowered for two numbers of images, and the two graphs are compared. Where they differ only in
 * the shapes that a Reshape is given, and by the factor of the numbers, the size follows from the tensor (-1), for any number.
 */
import type { Program } from "../../../compiler/tensor/ir.js";
import { sameShape } from "../../../compiler/tensor/shape.js";
import type { HostTensors } from "../engine.js";
import { lowerProgram } from "./model.js";
import { encodeModel, type Initializer, type ModelLabel, type OnnxGraph, type UnshapedGraph } from "./proto.js";

/** Two numbers of images that are nothing else in a graph by chance: both are prime. */
const trials = [61, 67] as const;

/** A program that can be lowered for any number of images. */
export interface OpenProgram {
  readonly name: string;
  /** Returns the program for `size` times the smallest number of images. */
  readonly lower: (size: number) => Program;
}

/**
 * Returns the bytes of a model whose first axis of the inputs and outputs of that number is called by `open.name`, or undefined if the
 * program cannot have an open number. Weights in `constants` become part of it.
 */
export function portableOpenModel(
  open: OpenProgram,
  constants: HostTensors,
  label: ModelLabel,
): Uint8Array | undefined {
  const [small, large] = trials.map((size) => portableGraph(open.lower(size), constants));
  const graph = small && large && openGraph(small, large, open.name);
  return graph && encodeModel(graph, label);
}

/** Returns the bytes of a model with fixed shapes, or undefined if it needs operators that only one runtime has. */
export function portableModel(program: Program, constants: HostTensors, label: ModelLabel): Uint8Array | undefined {
  const graph = portableGraph(program, constants);
  return graph && encodeModel(graph, label);
}

/** Returns the graph with outputs by their own names, or undefined if an operator is not ONNX's. The lowering for GPUs has no others. */
function portableGraph(program: Program, constants: HostTensors): OnnxGraph | undefined {
  const graph = lowerProgram(program, constants, { device: "gpu" });
  if (graph.nodes.some(({ domain }) => domain !== "")) return undefined;
  const own = (name: string): string => name.replace(/^out:/, "");
  return {
    ...graph,
    nodes: graph.nodes.map((node) => ({ ...node, outputs: node.outputs.map(own) })),
    outputs: graph.outputs.map((output) => ({ ...output, name: own(output.name) })),
  };
}

/** Returns the graph of two that stands for every size, or undefined if they differ in more than the shapes of Reshapes. */
function openGraph(small: OnnxGraph, large: OnnxGraph, name: string): UnshapedGraph | undefined {
  if (nodesText(small) !== nodesText(large)) return undefined;
  if (small.initializers.length !== large.initializers.length) return undefined;
  const initializers = small.initializers.map((one, i) => openInitializer(one, large.initializers[i], small));
  if (initializers.some((one) => one === undefined)) return undefined;
  const shapes = (values: OnnxGraph["inputs"], others: OnnxGraph["inputs"]): UnshapedGraph["inputs"] =>
    values.map((value, i) => {
      const shape = value.shape.map((size, axis) => (size === others[i]?.shape[axis] ? size : name));
      return { ...value, shape };
    });
  return {
    ...small,
    initializers: initializers.flatMap((one) => one ?? []),
    inputs: shapes(small.inputs, large.inputs),
    outputs: shapes(small.outputs, large.outputs),
  };
}

/** Returns all nodes of a graph as they stand in a file. The program behind them, whose nodes contain each other, is left out. */
function nodesText({ nodes }: OnnxGraph): string {
  return JSON.stringify(nodes.map(({ of: _, ...written }) => written));
}

/** Returns the constant for every size, or undefined if the two differ in another way than as the shape of a Reshape. */
function openInitializer(one: Initializer, other: Initializer | undefined, graph: OnnxGraph): Initializer | undefined {
  if (other === undefined || one.name !== other.name || one.type !== other.type) return undefined;
  if (!sameShape(one.shape, other.shape)) return undefined;
  if (Buffer.compare(one.raw, other.raw) === 0) return one;
  const isShape = graph.nodes.every(
    ({ op, inputs }) => !inputs.includes(one.name) || (op === "Reshape" && inputs[1] === one.name),
  );
  if (one.type !== "i64" || !isShape) return undefined;
  const [a, b] = [one, other].map(({ raw }) => new BigInt64Array(raw.slice().buffer));
  if (a === undefined || b === undefined) return undefined;
  const differing = [...a.keys()].filter((i) => a[i] !== b[i]);
  const [place] = differing;
  if (place === undefined || differing.length > 1 || a.includes(-1n)) return undefined;
  const [first, second] = [a[place] ?? 0n, b[place] ?? 0n];
  if (first * BigInt(trials[1]) !== second * BigInt(trials[0])) return undefined;
  const sizes = a.map((size, i) => (i === place ? -1n : size));
  return { ...one, raw: new Uint8Array(sizes.buffer) };
}
