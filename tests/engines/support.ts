/** What the tests of engines share: an op, or a small program, on an engine and on the f64 interpreter. */
import fc from "fast-check";
import { type InputTensor, interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, OpName, Program } from "../../src/compiler/tensor/ir.js";
import type { Engine, HostTensor, TypedData } from "../../src/runtime/engines/engine.js";
import { cases } from "../tensor/cases.js";
import { draw, expectClose, freshOps, programOf, random, type Spread } from "../tensor/support.js";

export function typed(dtype: DType, data: ArrayLike<number>): TypedData {
  if (dtype === "f32") return Float32Array.from(data);
  if (dtype === "i32") return Int32Array.from(data);
  if (dtype === "u32") return Uint32Array.from(data);
  return Uint8Array.from(data);
}
const hostTensor = ({ shape, dtype, data }: InputTensor): HostTensor => ({ shape, dtype, data: typed(dtype, data) });

/** Runs the program on both; floats agree to `tolerance` of the largest element (and 1), everything else exactly. */
export async function agrees(
  engine: Engine,
  program: Program,
  inputs: Readonly<Record<string, InputTensor>>,
  tolerance: number,
): Promise<void> {
  const feeds = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, hostTensor(tensor)]));
  const executable = await engine.compile(program);
  const { host } = await executable.run(feeds);
  await executable.dispose();
  const wanted = interpret(program, feeds);
  for (const { name, node } of program.outputs)
    expectClose(host[name]?.data ?? [], wanted[name]?.data ?? [], node.dtype === "f32" ? tolerance : 0);
}

/** One op on random shapes; distinct values, ties, constants. */
export async function opAgrees(engine: Engine, op: OpName, tolerance: number, runs = 25): Promise<void> {
  const spreads: fc.Arbitrary<Spread> = fc.constantFrom("distinct", "ties", "constant");
  await fc.assert(
    fc.asyncProperty(cases[op], spreads, fc.integer(), async (it, spread, seed) => {
      const o = freshOps();
      const next = random(seed);
      const nodes = it.operands.map(({ shape, dtype }, place) => o.input(`x${place}`, shape, dtype));
      const result = it.build(o, nodes as never);
      const inputs = Object.fromEntries(
        it.operands.map((operand, place) => [`x${place}`, draw(operand, spread, next)]),
      );
      await agrees(engine, programOf([result], nodes), inputs, tolerance);
    }),
    { numRuns: runs, seed: 7 },
  );
}
