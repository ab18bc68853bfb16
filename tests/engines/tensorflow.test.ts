/** Tests the TensorFlow engine: compares the special cases of its lowering with the f64 interpreter, and checks for leaks. */
import { afterAll, beforeAll, describe, expect, test as runsHere } from "vitest";
import { gradient } from "../../src/compiler/tensor/derivative.js";
import { interpret } from "../../src/compiler/tensor/interpret.js";
import type { DType, Node } from "../../src/compiler/tensor/ir.js";
import type { Ops } from "../../src/compiler/tensor/ops.js";
import type { Handle, HostTensor } from "../../src/runtime/engines/engine.js";
import type { TensorflowEngine } from "../../src/runtime/engines/tensorflow/engine.js";
import { engineError } from "../../src/runtime/engines/tensorflow/errors.js";
import { draw, freshOps, programOf, random, type Spread } from "../tensor/support.js";
import { agrees, engines, titleOf } from "./support.js";

const candidate = engines.tensorflow;
const test = runsHere.skipIf(candidate.missing !== undefined);
let engine: TensorflowEngine;
beforeAll(() => {
  if (candidate.missing === undefined) engine = candidate.make() as TensorflowEngine;
});
afterAll(() => engine?.dispose());

const real = (shape: readonly number[]) => ({ shape, dtype: "f32", domain: "real" }) as const;

describe(`forms that the lowering treats apart, on ${titleOf(candidate)}`, () => {
  /** Runs the program that `build` makes, on inputs of the given shapes. */
  async function holds(
    shapes: readonly (readonly number[])[],
    build: (o: Ops, x: readonly Node[]) => readonly Node[],
    spread: Spread = "distinct",
    tolerance = 5e-6,
  ): Promise<void> {
    const o = freshOps();
    const nodes = shapes.map((shape, place) => o.input(`x${place}`, shape));
    const next = random(shapes.flat().reduce((sum, size) => sum * 7 + size, 1));
    const inputs = Object.fromEntries(shapes.map((shape, place) => [`x${place}`, draw(real(shape), spread, next)]));
    await agrees(engine, programOf(build(o, nodes), nodes), inputs, tolerance);
  }
  const at = (nodes: readonly Node[], place: number): Node => nodes[place] as Node;

  test("images and filters stay in their layouts through what lies between convolutions", async () => {
    const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
    await holds([[2, 3, 5, 4], [4, 3, 3, 3], [4], [2, 4, 5, 4]], (o, [x, w, b, plain] = []) => {
      if (x === undefined || w === undefined || b === undefined || plain === undefined)
        throw new RangeError("four inputs");
      const y = o.add(o.conv2d(x, w, attrs), o.broadcast(b, [2, 4, 5, 4], [1]));
      const gradient = o.conv2dFilterGrad(x, plain, { ...attrs, filterSize: [3, 3] });
      return [
        o.mul(o.add(y, plain), 2),
        o.concat([y, plain, y], 1),
        o.slice(y, [0, 1, 0, 2], [2, 4, 5, 4], [1, 2, 2, 1]),
        o.slice(y, [1, 0, 1, 0], [2, 4, 3, 4]),
        o.pad(y, [0, 1, 2, 0], [1, 0, 0, 3], 0.5),
        o.reverse(y, [1, 3]),
        o.sum(y, [0]),
        o.sum(y, [1]),
        o.sum(y, [2, 3]),
        o.reduceMax(y, [0, 2, 3]),
        o.sum(y),
        o.reshape(y, [2, 80]),
        o.transpose(y, [2, 1, 0, 3]),
        o.argmax(y, 1),
        o.softmax(y, 1),
        o.dot(y, plain, [[1], [1]], [[0], [0]]),
        o.gather(y, o.constant([3], [2, 0, 2], "i32"), 1),
        o.sub(w, o.mul(gradient, 0.5)),
        o.conv2d(x, o.sub(w, o.mul(gradient, 0.5)), attrs),
        o.select(o.gt(y, 0), y, o.mul(plain, 3)),
      ];
    });
  });

  test("padding that is none of TensorFlow's own two kinds", async () => {
    for (const [pad, stride] of [
      [
        [0, 2, 1, 0],
        [1, 2],
      ],
      [
        [2, 2, 2, 2],
        [2, 2],
      ],
      [
        [1, 1, 1, 1],
        [2, 2],
      ],
    ] as const) {
      const attrs = { stride, pad, groups: 1 };
      await holds(
        [
          [2, 3, 6, 5],
          [4, 3, 3, 3],
        ],
        (o, x) => {
          const y = o.conv2d(at(x, 0), at(x, 1), attrs);
          return [
            y,
            o.conv2dInputGrad(y, at(x, 1), { ...attrs, inputSize: [6, 5] }),
            o.conv2dFilterGrad(at(x, 0), y, { ...attrs, filterSize: [3, 3] }),
          ];
        },
        "distinct",
        1e-5,
      );
    }
  });

  test.each(["distinct", "ties", "constant"] as const)("activations move behind max pools: %s", async (spread) => {
    const window = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;
    for (const activation of ["relu", "leaky"] as const)
      await holds(
        [
          [2, 3, 5, 6],
          [2, 3, 2, 3],
        ],
        (o, x) => {
          const y = activation === "relu" ? o.relu(at(x, 0)) : o.leakyRelu(at(x, 0), 0.1);
          const pooled = o.maxPool(y, window);
          const scattered = o.maxPoolGrad(y, pooled, at(x, 1), window);
          return [
            pooled,
            activation === "relu"
              ? o.graph.op("relu_grad", [at(x, 0), scattered], {})
              : o.graph.op("leaky_relu_grad", [at(x, 0), scattered], { slope: 0.1 }),
          ];
        },
        spread,
      );
  });

  test("a network that has diverged is NaN behind its max pools too", async () => {
    for (const [norm, pad] of [
      [true, 0],
      [false, 0],
      [false, 1],
    ] as const)
      for (const differentiated of [true, false]) {
        const o = freshOps();
        const [x, w] = [o.input("x", [2, 2, 6, 6]), o.input("w", [3, 2, 3, 3])];
        const seen = o.conv2d(x, w, { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 });
        const settings = { eps: 1e-5, groups: 1 };
        const y = o.relu(norm ? o.batchNorm(seen, o.full([3], 1), o.full([3], 0), settings) : seen);
        const window = { size: [2, 2], stride: [2, 2], pad: [pad, pad, pad, pad] } as const;
        const pooled = o.maxPool(y, window);
        const loss = o.mean(pooled);
        const slopes = differentiated ? [o.mean(o.maxPoolGrad(y, pooled, pooled, window))] : [];
        const executable = await engine.compile(programOf([loss, ...slopes], [x, w]));
        const filters = new Float32Array(54).fill(1).fill(Number.NaN, 17, 18);
        const { host } = await executable.run({
          x: { shape: x.shape, dtype: "f32", data: new Float32Array(144).fill(1) },
          w: { shape: w.shape, dtype: "f32", data: filters },
        });
        for (const { data } of Object.values(host)) expect(Array.from(data)).toEqual([Number.NaN]);
        await executable.dispose();
      }
  });

  test("a scale and a shift after a convolution go into it, and its result stays where it is wanted", async () => {
    const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
    for (const [bias, wanted] of [
      [false, false],
      [true, false],
      [true, true],
    ])
      await holds([[2, 3, 5, 4], [4, 3, 3, 3], [4], [4], [4]], (o, [x, w, b, scale, shift] = []) => {
        if (x === undefined || w === undefined || b === undefined || scale === undefined || shift === undefined)
          throw new RangeError("five inputs");
        const conv = o.conv2d(x, w, attrs);
        const y = bias ? o.add(conv, o.broadcast(b, conv.shape, [1])) : conv;
        const out = o.relu(o.channelAffine(y, scale, shift));
        return wanted ? [out, y] : [out];
      });
  });

  test("norms in primitives, forwards and twice backwards, between convolutions", async () => {
    for (const groups of [1, 2])
      await holds(
        [[4, 2, 4, 3], [3, 2, 1, 1], [3], [3], [4, 3, 4, 3]],
        (o, [x, w, gamma, beta, t] = []) => {
          if (x === undefined || w === undefined || gamma === undefined || beta === undefined || t === undefined)
            throw new RangeError("five inputs");
          const y = o.conv2d(x, w, { stride: [1, 1], pad: [0, 0, 0, 0], groups: 1 });
          const loss = o.sum(o.mul(o.square(o.batchNorm(y, gamma, beta, { eps: 0.1, groups })), t));
          const [dw = loss, dgamma = loss] = gradient(o.graph, loss, [w, gamma]);
          const both = o.add(o.sum(o.square(dw)), o.sum(o.square(dgamma)));
          return [loss, dw, dgamma, ...gradient(o.graph, both, [x, w, gamma, beta, t])];
        },
        "distinct",
        3e-5,
      );
  });

  test("a norm's statistics and gradients come from its kernel, in groups too", async () => {
    for (const groups of [1, 2])
      await holds(
        [[4, 3, 2, 2], [3], [3], [4, 3, 2, 2]],
        (o, [x, gamma, beta, dy] = []) => {
          if (x === undefined || gamma === undefined || beta === undefined || dy === undefined)
            throw new RangeError("four inputs");
          const attrs = { eps: 0.1, groups };
          return [
            o.batchNorm(x, gamma, beta, attrs),
            o.batchMean(x, groups),
            o.batchVariance(x, groups),
            o.graph.op("batch_norm_grad_x", [x, gamma, dy], attrs),
            o.graph.op("batch_norm_grad_gamma", [x, dy], attrs),
            o.sum(dy, [0, 2, 3]),
            // This gamma depends on a result of the same kernel, which cannot wait for itself.
            o.graph.op("batch_norm_grad_x", [x, o.sum(dy, [0, 2, 3]), dy], attrs),
          ];
        },
        "distinct",
        1e-5,
      );
  });

  test("types other than f32 go through what moves elements", async () => {
    for (const dtype of ["i32", "u32", "u8", "bool"] as const) {
      const o = freshOps();
      const x = o.input("x", [3, 4], dtype);
      const moved = [
        o.reshape(x, [2, 6]),
        o.transpose(x, [1, 0]),
        o.slice(x, [1, 0], [3, 4], [1, 2]),
        o.concat([x, x], 0),
        o.reverse(x, [1]),
        o.gather(x, o.constant([2], [2, 0], "i32"), 0),
        o.broadcast(x, [3, 2, 4], [0, 2]),
        o.select(o.constant([3, 4], [1, 0, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0], "bool"), x, o.reverse(x, [0])),
        o.eq(x, o.reverse(x, [1])),
        o.lt(x, o.reverse(x, [1])),
        o.cast(x, "f32"),
        o.cast(x, "i32"),
        o.pad(x, [1, 0], [0, 2], 1),
      ];
      const top: Record<DType, number> = { f32: 0, i32: 2 ** 31, u32: 2 ** 32, u8: 256, bool: 2 };
      const next = random(3);
      const data = Array.from({ length: 12 }, () => Math.floor(next() * top[dtype]));
      await agrees(engine, programOf(moved, [x]), { x: { shape: [3, 4], dtype, data } }, 1e-6);
    }
  });

  test("integers wrap, divide towards zero, and compare as what they are", async () => {
    for (const dtype of ["i32", "u32"] as const) {
      const o = freshOps();
      const [x, y] = [o.input("x", [4], dtype), o.input("y", [4], dtype)];
      const results = [o.add(x, y), o.sub(x, y), o.mul(x, y), o.max(x, y), o.min(x, y), o.div(x, y), o.ge(x, y)];
      const sums = [o.sum(x), o.reduceMax(x)];
      const data = (values: readonly number[]) => ({ shape: [4], dtype, data: values });
      const inputs =
        dtype === "i32"
          ? { x: data([-7, 2 ** 31 - 1, -(2 ** 31), 5]), y: data([2, 3, -1 + 4, -2]) }
          : { x: data([7, 2 ** 32 - 1, 2 ** 31, 5]), y: data([2, 3, 2 ** 31 + 4, 2 ** 32 - 2]) };
      await agrees(engine, programOf([...results, ...sums], [x, y]), inputs, 0);
    }
  });

  test("a matrix that has no factor gives NaN, not a failure", async () => {
    const o = freshOps();
    const [a, b] = [o.input("a", [2, 2]), o.input("b", [2, 1])];
    const executable = await engine.compile(programOf([o.solveSpd(a, b)], [a, b]));
    const f32 = (shape: readonly number[], ...data: number[]): HostTensor => ({
      shape,
      dtype: "f32",
      data: Float32Array.from(data),
    });
    const { host } = await executable.run({ a: f32([2, 2], Number.NaN, 0, 0, 1), b: f32([2, 1], 1, 1) });
    expect(Array.from(host["0"]?.data ?? [])).toEqual([Number.NaN, Number.NaN]);
    await executable.dispose();
  });
});

/** Makes a step of gradient descent with every kind of op that a training step has. */
function descent() {
  const o = freshOps();
  const [w, x, gamma] = [o.input("w", [4, 2, 3, 3]), o.input("x", [6, 2, 8, 8]), o.input("gamma", [4])];
  const attrs = { stride: [1, 1], pad: [1, 1, 1, 1], groups: 1 } as const;
  const window = { size: [2, 2], stride: [2, 2], pad: [0, 0, 0, 0] } as const;
  const y = o.relu(o.batchNorm(o.conv2d(x, w, attrs), gamma, o.full([4], 0), { eps: 1e-5, groups: 1 }));
  const pooled = o.maxPool(y, window);
  const scattered = o.maxPoolGrad(y, pooled, pooled, window);
  const gradient = o.conv2dFilterGrad(x, scattered, { ...attrs, filterSize: [3, 3] });
  return {
    name: "descent",
    inputs: [
      { name: "w", node: w, role: "state" as const, next: "after" },
      { name: "x", node: x, role: "feed" as const },
      { name: "gamma", node: gamma, role: "weight" as const },
    ],
    outputs: [
      { name: "after", node: o.sub(w, o.mul(gradient, 1e-4)), role: "state" as const },
      { name: "loss", node: o.mean(o.square(pooled)), role: "host" as const },
      { name: "kept", node: pooled, role: "device" as const },
    ],
  };
}

describe(`what is left behind on ${titleOf(candidate)}`, () => {
  const tensor = (shape: readonly number[], seed: number): HostTensor => {
    const { data } = draw(real(shape), "distinct", random(seed));
    return { shape, dtype: "f32", data: Float32Array.from(data) };
  };

  test("a thousand steps leave as many tensors as the first, and as much memory", async () => {
    const program = descent();
    const executable = await engine.compile(program);
    const gamma = engine.upload(tensor([4], 1));
    let w: Handle = engine.upload(tensor([4, 2, 3, 3], 2));
    const x = tensor([6, 2, 8, 8], 3);
    const expected = interpret(program, { w: tensor([4, 2, 3, 3], 2), x, gamma: tensor([4], 1) });
    let tensors = 0;
    let memory = 0;
    for (let step = 0; step < 1000; step++) {
      const { device, host } = await executable.run({ w, x, gamma });
      if (step === 0) expect(host["loss"]?.data[0]).toBeCloseTo(Number(expected["loss"]?.data[0]), 4);
      w = device["w"] as Handle;
      engine.free(device["kept"] as Handle);
      if (step === 0) tensors = engine.addon.getNumOfTensors();
      if (step === 200) memory = process.memoryUsage().rss;
      expect(engine.addon.getNumOfTensors()).toBe(tensors);
    }
    expect(process.memoryUsage().rss - memory).toBeLessThan(64 * 2 ** 20);
    await executable.dispose();
    engine.free(gamma);
    engine.free(w);
  });

  test("an executable, an engine, and a run that fails leave nothing", async () => {
    const before = engine.addon.getNumOfTensors();
    const other = candidate.make();
    const executable = await other.compile(descent());
    const args = { w: other.upload(tensor([4, 2, 3, 3], 2)), gamma: other.upload(tensor([4], 1)) };
    await expect(executable.run({ ...args, x: tensor([6, 2, 8, 7], 3) })).rejects.toMatchObject({ kind: "internal" });
    // This addon fails at its tenth op, in the middle of a run.
    const { addon } = other as TensorflowEngine;
    let calls = 0;
    const failing: typeof addon = {
      TF_Version: addon.TF_Version,
      isUsingGpuDevice: () => false,
      createTensor: addon.createTensor,
      deleteTensor: addon.deleteTensor,
      tensorDataSync: addon.tensorDataSync,
      getNumOfTensors: addon.getNumOfTensors,
      executeOp: (...call) => {
        if (++calls === 10) throw new Error("OOM when allocating tensor with shape[1]");
        return addon.executeOp(...call);
      },
    };
    Object.assign(other, { addon: failing });
    await expect(executable.run({ ...args, x: tensor([6, 2, 8, 8], 3) })).rejects.toMatchObject({
      kind: "out-of-memory",
    });
    // This addon fails between the constants of a program.
    let made = Number.NaN;
    const full: typeof addon = {
      ...failing,
      executeOp: addon.executeOp,
      createTensor: (...call) => {
        if (++made === 3) throw new Error("OOM when allocating tensor with shape[1]");
        return addon.createTensor(...call);
      },
    };
    Object.assign(other, { addon: full });
    // The first program also probes the kernels of this addon, with other tensors.
    await (await other.compile(descent())).dispose();
    const held = engine.addon.getNumOfTensors();
    made = 0;
    await expect(other.compile(descent())).rejects.toMatchObject({ kind: "out-of-memory" });
    expect(engine.addon.getNumOfTensors()).toBe(held);
    Object.assign(other, { addon });
    const { host } = await executable.run({ ...args, x: tensor([6, 2, 8, 8], 3) });
    expect(host["loss"]?.data[0]).toBeGreaterThan(0);
    await executable.dispose();
    await other.dispose();
    expect(engine.addon.getNumOfTensors()).toBe(before);
  });
});

runsHere("TensorFlow's messages become kinds, without their stacks", () => {
  const of = (message: string) => engineError(new Error(message), "running");
  expect(of("OOM when allocating tensor with shape[1024,1024] and type float on /job:localhost").kind).toBe(
    "out-of-memory",
  );
  // oneDNN reports it as a number only.
  expect(of("Operation received an exception:Status: 1, message: could not create a primitive").kind).toBe(
    "out-of-memory",
  );
  expect(of("Resource exhausted: failed to allocate memory").kind).toBe("out-of-memory");
  expect(of("Op type not registered 'Foo' in binary running on host").kind).toBe("unsupported-op");
  expect(of("Could not find device for node: {{node Foo}}").kind).toBe("unsupported-op");
  expect(of("CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered").kind).toBe("device-lost");
  expect(of("Invalid TF_Status: 3\nMessage: shapes differ").message).toContain("running: shapes differ");
  expect(of("something else\n  at /a/place").kind).toBe("internal");
  expect(of("something else\n  at /a/place").message).not.toContain("/a/place");
});
