/** Runs lowered programs in the f64 interpreter. */
import {
  initialWeights,
  orderFeed,
  type SegmentedProgram,
  type TrainingProgram,
} from "../../src/compiler/lower/index.js";
import { type InputTensor, type Interpreted, prepare } from "../../src/compiler/tensor/interpret.js";
import type { Program } from "../../src/compiler/tensor/ir.js";

export type Values = Record<string, number[]>;

/** A small deterministic stream of numbers in [0, 1). */
export function stream(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Weights, optimizer states and step before the first step. */
export function initialState(training: TrainingProgram, seed = 1): Values {
  const state: Values = {};
  for (const [path, tensor] of Object.entries(initialWeights(training.weights, seed))) state[path] = [...tensor.data];
  for (const { name, shape, fill } of training.extra) {
    state[name] = Array<number>(shape.reduce((a, b) => a * b, 1)).fill(fill);
  }
  return state;
}

const prepared = new WeakMap<Program, Interpreted>();

/** Runs a program on plain arrays, and its runtime loops to their ends. Values that no input takes are ignored. */
export function run(program: Program | SegmentedProgram, values: Values): Values {
  if (!("segments" in program)) return once(program, values);
  let known = values;
  let out: Values = {};
  for (const segment of program.segments) {
    for (let round = 0; round < (segment.kind === "run" ? 1 : segment.bound); round++) {
      out = once(segment.program, known);
      const next = { ...known, ...out };
      for (const { name, next: from } of segment.program.inputs) if (from !== undefined) next[name] = out[from] ?? [];
      if (segment.kind === "loop") for (const { to, from } of segment.moves) next[to] = known[from] ?? [];
      known = next;
      if (segment.kind === "loop" && segment.active !== undefined && out[segment.active]?.[0] === 0) break;
    }
    if (segment.kind === "loop")
      for (const { carried, result } of segment.results) known = { ...known, [result]: known[carried] ?? [] };
  }
  return out;
}

/** The order of queries where a test says none. */
function asTheyCome({ name, node }: Program["inputs"][number]): number[] | undefined {
  const [episodes = 1, queries = 1] = node.shape;
  return name === orderFeed ? Array.from({ length: episodes * queries }, (_, i) => i % queries) : undefined;
}

function once(program: Program, values: Values): Values {
  const inputs = Object.fromEntries(
    program.inputs.map((input): [string, InputTensor] => {
      const data = values[input.name] ?? asTheyCome(input);
      if (data === undefined) throw new Error(`no value for input ${input.name}`);
      const { shape, dtype } = input.node;
      return [input.name, { shape, dtype, data }];
    }),
  );
  const ready = prepared.get(program) ?? prepare(program);
  prepared.set(program, ready);
  const outputs = ready(inputs);
  return Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, Array.from(value.data, Number)]));
}

/** One training step: host outputs, and the state after it. */
export function step(training: TrainingProgram, state: Values, feeds: Values): { host: Values; state: Values } {
  const out = run(training.program, { ...state, ...feeds });
  const after: Values = { ...state };
  for (const input of training.program.inputs) {
    if (input.role !== "state" || input.next === undefined) continue;
    const next = out[input.next];
    if (next === undefined) throw new Error(`no output ${input.next}`);
    after[input.name] = next;
  }
  return { host: out, state: after };
}
