/** Shapes, weight paths and initial weights of networks, held against the published sizes. */
import { describe, expect, it } from "vitest";
import type { Network } from "../../src/compiler/typed/tree.js";
import { compileText, experimentOf, found, stageOf } from "../check/helper.js";

/** The encoder that `backbone` becomes for images of `pixels` × `pixels` in three channels. */
function networkOf(backbone: string, pixels: number): Network {
  const experiment = experimentOf(textOf(backbone, pixels));
  return stageOf(experiment, "meta", "m").encoder.value;
}
function textOf(backbone: string, pixels: number): string {
  return `fsl 1
import { cosine_prototypes } from "fsl:metrics"
import { emoji } from "fsl:datasets"
import { conv64, conv32, conv_two_depths, resnet12, resnet18, resnet50, wrn28_10, vit_small, convnext_tiny } from "fsl:backbones"
${backbone}
dataset d = emoji() { train resize(${pixels}), normalize  eval resize(${pixels}), normalize }
episode task = 5 way, 1 shot, 3 query
meta m {
  encoder net  metric cosine_prototypes  episodes task from d.train
  optimizer adam(lr: 1e-3)
  for 1 epoch of 100 episodes, 4 episodes per step
}`;
}
const sizes = (network: Network, output: string): number[] => (network.outputs[output] ?? []).map((axis) => axis.size);
const trainable = (network: Network): number =>
  network.weights.filter((w) => w.trainable).reduce((n, w) => n + w.shape.reduce((a, b) => a * b, 1), 0);
const weight = (network: Network, path: string) => {
  const known = network.weights.find((w) => w.path === path);
  if (known === undefined) throw new Error(`no ${path} in ${network.weights.map((w) => w.path).join(" ")}`);
  return known;
};

describe("published shapes", () => {
  it.each([
    ["conv64", 84, [64, 5, 5], 1600],
    ["conv64", 28, [64, 1, 1], 64],
    ["conv32", 84, [32, 5, 5], 800],
    ["conv64(pools: 2)", 84, [64, 21, 21], 28224],
    ["resnet12", 84, [640, 5, 5], 640],
    ["resnet18", 84, [512, 11, 11], 512],
  ])("%s at %i px", (backbone, pixels, map, vector) => {
    const network = networkOf(`backbone net = ${backbone}`, pixels);
    expect(network.outputs.map?.map((axis) => axis.name)).toEqual(["channel", "height", "width"]);
    expect(sizes(network, "map")).toEqual(map);
    expect(network.outputs.vector).toEqual([{ name: "feature", size: vector }]);
  });

  it.each([
    ["conv_two_depths", 84, 79_872],
    ["conv_two_depths(first: 64, second: 64, third: 64, fourth: 64, dropout: 0.0)", 32, 1600],
  ])("%s at %i px gives what its last two blocks give", (backbone, pixels, vector) => {
    const network = networkOf(`backbone net = ${backbone}`, pixels);
    expect(network.outputs.vector).toEqual([{ name: "feature", size: vector }]);
  });

  it.each([
    ["resnet50", 224, [2048, 7, 7], 2048, 23_508_032],
    ["wrn28_10", 84, [640, 21, 21], 640, 36_472_784],
    ["vit_small", 224, [], 384, 21_665_664],
    ["convnext_tiny", 224, [768, 7, 7], 768, 27_820_128],
  ])("%s at %i px has as many weights as PyTorch's", (backbone, pixels, map, vector, weights) => {
    const network = networkOf(`backbone net = ${backbone}`, pixels);
    expect(sizes(network, "map")).toEqual(map);
    expect(network.outputs.vector).toEqual([{ name: "feature", size: vector }]);
    expect(trainable(network)).toBe(weights);
  });

  it("counts conv64's weights: 3×3 kernels with biases, and scale and shift of each channel", () => {
    const blocks = 9 * 3 * 64 + 3 * 9 * 64 * 64;
    expect(trainable(networkOf("backbone net = conv64", 84))).toBe(blocks + 4 * 64 + 4 * 2 * 64);
  });
});

describe("weights", () => {
  const network = networkOf(
    "backbone net { c1: conv(5, 8), batch_norm, conv(3, 4, bias: false), flatten as vector }",
    16,
  );

  it("have paths from labels, else numbers by kind", () => {
    expect(network.weights.map((w) => w.path)).toEqual([
      "c1.weight",
      "c1.bias",
      "batch_norm.0.weight",
      "batch_norm.0.bias",
      "batch_norm.0.running_mean",
      "batch_norm.0.running_var",
      "conv.0.weight",
    ]);
    expect(weight(network, "c1.weight").shape).toEqual([8, 3, 5, 5]);
  });

  it("begin as PyTorch's do: uniform within 1/√fan_in; batch norm as the identity", () => {
    const bound = 1 / Math.sqrt(3 * 5 * 5);
    for (const path of ["c1.weight", "c1.bias"]) {
      expect(weight(network, path)).toMatchObject({
        init: { kind: "uniform", low: -bound, high: bound },
        trainable: true,
      });
    }
    const constants = { weight: 1, bias: 0, running_mean: 0, running_var: 1 };
    for (const [name, value] of Object.entries(constants)) {
      expect(weight(network, `batch_norm.0.${name}`)).toMatchObject({
        init: { kind: "constant", value },
        trainable: !name.startsWith("running"),
      });
    }
  });

  it("begin by fan-out where it is asked for", () => {
    const kaiming = networkOf("backbone net { conv(3, 8, init: fan_out_normal), flatten as vector }", 16);
    expect(weight(kaiming, "conv.0.weight").init).toEqual({ kind: "normal", mean: 0, std: Math.sqrt(2 / (8 * 9)) });
  });

  it("take the word of a parameter", () => {
    const net = (init: string) =>
      networkOf(
        `backbone given(init: one_of(fan_in_uniform, fan_out_normal) = fan_out_normal) { conv(3, 8, init: init), flatten as vector }
backbone net = given(${init})`,
        16,
      );
    expect(weight(net(""), "conv.0.weight").init.kind).toBe("normal");
    expect(weight(net("init: fan_in_uniform"), "conv.0.weight").init.kind).toBe("uniform");
  });

  it.each(["resnet12", "resnet18"])(
    "%s's convolutions are normal by their outputs, or as PyTorch's where it is said",
    (name) => {
      for (const [init, kind] of [
        ["", "normal"],
        ["init: fan_in_uniform", "uniform"],
      ] as const) {
        const convolutions = networkOf(`backbone net = ${name}(${init})`, 84).weights.filter(({ path }) =>
          path.includes("conv"),
        );
        expect(convolutions.length).toBeGreaterThan(12);
        for (const { shape, init: own } of convolutions) {
          const [out = 0, , height = 0, width = 0] = shape;
          if (kind === "normal") expect(own).toEqual({ kind, mean: 0, std: Math.sqrt(2 / (out * height * width)) });
          else expect(own.kind).toBe(kind);
        }
      }
    },
  );
});

describe("structure", () => {
  it("conv64 has a leaky ReLU where a slope is given", () => {
    const slopes = (backbone: string) =>
      networkOf(backbone, 84).layers.flatMap(({ op }) => (op.kind === "activation" ? [op] : []));
    expect(slopes("backbone net = conv64")).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining({ fn: "relu" })),
    );
    expect(slopes("backbone net = conv64(slope: 0.2)")).toEqual(
      Array.from({ length: 4 }, () => expect.objectContaining({ fn: "leaky_relu", slope: 0.2 })),
    );
  });

  it("resnet12's DropBlock reaches its rate over the steps of `ramp`", () => {
    const ramps = (backbone: string) =>
      networkOf(backbone, 84).layers.flatMap(({ op }) => (op.kind === "drop_block" ? [op.rampSteps] : []));
    expect(ramps("backbone net = resnet12")).toEqual([0, 0]);
    expect(ramps("backbone net = resnet12(ramp: 40000)")).toEqual([40_000, 40_000]);
  });

  it("writes loops and static branches out, with `i` from 0", () => {
    const network = networkOf(
      "backbone net { repeat 3 as i { conv(3, 4 * (i + 1)), if i < 2 { max_pool(2) } else { relu } } flatten as vector }",
      16,
    );
    expect(network.layers.map((layer) => layer.op.kind)).toEqual([
      "conv",
      "max_pool",
      "conv",
      "max_pool",
      "conv",
      "activation",
      "flatten",
    ]);
    expect(sizes(network, "vector")).toEqual([12 * 4 * 4]);
  });

  it("joins parallel branches along an axis and adds residuals", () => {
    const network = networkOf(
      "backbone net { parallel { conv(3, 4) } { conv(5, 6) } along channel, residual { conv(3, 10) } flatten as vector }",
      8,
    );
    expect(sizes(network, "vector")).toEqual([640]);
  });

  it.each([
    ["conv(3, 4, stride: 2)", 4, 8],
    ["conv(3, 4, pad: 0)", 4, 13],
    ["conv(2, 4)", 4, 14],
    ["max_pool(3, stride: 2, pad: 1)", 3, 8],
    ["avg_pool(4)", 3, 3],
  ])("%s on 15 px", (layer, channels, side) => {
    const network = networkOf(`backbone net { batch_norm, ${layer} as map, flatten as vector }`, 15);
    expect(sizes(network, "map")).toEqual([channels, side, side]);
  });
});

it.each([
  ["backbone net { repeat 5 { conv(3, 8), max_pool(2) } flatten as vector }", "FSL4003"],
  ["backbone net { residual { conv(3, 8) } flatten as vector }", "FSL4004"],
  ["backbone net { bach_norm, flatten as vector }", "FSL4001"],
  ["backbone net { flatten, conv(3, 8) as vector }", "FSL4002"],
])("%s: %s", (backbone, code) => {
  expect(found(compileText(textOf(backbone, 16))).map((line) => line.slice(0, 7))).toContain(code);
});
