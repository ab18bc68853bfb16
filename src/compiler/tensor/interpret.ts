/** The interpreter, which defines the meaning of the IR. It computes in f64, and integers exactly. Engines are tested against it. */
import { CompilerBug } from "../../common/bug.js";
import { decompose } from "./decompose.js";
import { compositeKernels } from "./interpret/composite.js";
import { convKernels } from "./interpret/conv.js";
import { elementwiseKernels } from "./interpret/elementwise.js";
import { linearKernels } from "./interpret/linear.js";
import { structureKernels } from "./interpret/structure.js";
import { allocate, type Data, type Kernel, type Kernels, type Value } from "./interpret/value.js";
import { windowKernels } from "./interpret/window.js";
import type { DType, Node, OpName, PrimitiveName, Program, Shape } from "./ir.js";
import { rewriteProgram } from "./program.js";
import { schedule } from "./schedule.js";
import { elementCount, sameShape, typeText } from "./shape.js";

const primitiveKernels: Kernels<PrimitiveName> = {
  ...elementwiseKernels,
  ...structureKernels,
  ...linearKernels,
  ...convKernels,
  ...windowKernels,
};

const kernels: Partial<Kernels<OpName>> = { ...primitiveKernels, ...compositeKernels };

/** A tensor given to the interpreter, row-major. */
export interface InputTensor {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly data: ArrayLike<number>;
}
/** A result. f32 values are held in f64. */
export type OutputTensor = Value;
export type Interpreted = (inputs: Readonly<Record<string, InputTensor>>) => Record<string, OutputTensor>;

export interface InterpretOptions {
  /** Runs every composite as its primitives, even if the interpreter has a kernel for it. */
  readonly primitivesOnly?: boolean;
}

/**
 * Runs `program` once.
 *
 * @throws CompilerBug if an input is missing or of another type, or an index is out of range.
 */
export function interpret(
  program: Program,
  inputs: Readonly<Record<string, InputTensor>>,
  options: InterpretOptions = {},
): Record<string, OutputTensor> {
  return prepare(program, options)(inputs);
}

/** Prepares `program` to run many times: expands composites without a kernel, orders the steps and finds lifetimes. */
export function prepare(program: Program, options: InterpretOptions = {}): Interpreted {
  const whole = (op: OpName): boolean => op in compositeKernels && options.primitivesOnly !== true;
  const { inputs: declared, outputs } = rewriteProgram(program, (graph, roots) => decompose(graph, roots, whole));
  const order = schedule(outputs.map((output) => output.node));
  const lastUse = new Map<Node, number>();
  order.forEach((node, step) => {
    for (const input of node.inputs) lastUse.set(input, step);
  });
  for (const output of outputs) lastUse.set(output.node, order.length);
  const dying = order.map((node, step) => [...new Set(node.inputs)].filter((input) => lastUse.get(input) === step));

  return (given) => {
    const values = new Map<Node, Value>();
    for (const input of declared) values.set(input.node, accept(input.name, input.node, given[input.name]));
    order.forEach((node, step) => {
      if (node.op !== "input")
        values.set(
          node,
          compute(
            node,
            node.inputs.map((input) => valueOf(values, input)),
          ),
        );
      for (const dead of dying[step] ?? []) values.delete(dead);
    });
    return Object.fromEntries(outputs.map((output) => [output.name, valueOf(values, output.node)]));
  };
}

function valueOf(values: ReadonlyMap<Node, Value>, node: Node): Value {
  const value = values.get(node);
  if (value === undefined) throw new CompilerBug(`${node.op} ${node.id} has no value`);
  return value;
}

function compute<K extends OpName>(node: Node<K>, inputs: readonly Value[]): Value {
  const kernel = kernels[node.op] as Kernel<K> | undefined;
  if (kernel === undefined) throw new CompilerBug(`${node.op} is not expanded`);
  const { shape, dtype } = node;
  const data = kernel(inputs as unknown as Parameters<Kernel<K>>[0], node.attrs as Parameters<Kernel<K>>[1], node);
  if (data.length !== elementCount(shape))
    throw new CompilerBug(`${node.op} gave ${data.length} elements for ${typeText(node)}`);
  return { shape, dtype, data };
}

function accept(name: string, node: Node, tensor: InputTensor | undefined): Value {
  if (tensor === undefined) throw new CompilerBug(`input ${name} is not given`);
  const { shape, dtype } = node;
  if (tensor.dtype !== dtype || !sameShape(tensor.shape, shape) || tensor.data.length !== elementCount(shape))
    throw new CompilerBug(
      `input ${name} is ${typeText(node)}, given ${typeText(tensor)} of ${tensor.data.length} elements`,
    );
  const data: Data = allocate(dtype, tensor.data.length);
  data.set(tensor.data);
  return { shape, dtype, data };
}
