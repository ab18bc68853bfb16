/** A checkpoint, images and logits of PyTorch (`tests/fixtures/torch_conv.py`): ours on the same episodes are the same. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { compileFile } from "../../src/runtime/host/compile-file.js";
import { run } from "../../src/runtime/run/run.js";
import { resultsDir } from "../../src/runtime/store/run-results.js";
import { decodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { projectPaths } from "../../src/runtime/system/project.js";
import { follow } from "./tiny.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const fixture = (name: string): URL => new URL(`../fixtures/torch-conv.${name}`, import.meta.url);
const text = (init: string): string => `fsl 1
import { folder }     from "fsl:datasets"
import { prototypes } from "fsl:metrics"
dataset noise = folder(root: "images") {
  train  resize(16), center_crop(16), normalize(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25])
  eval   resize(16), center_crop(16), normalize(mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25])
}
backbone net {
  block_of(4), block_of(6), block_of(6),
  flatten, linear(5) as vector
}
block block_of(channels) { conv(3, channels), batch_norm, leaky_relu(0.2), max_pool(2) }
evaluate theirs {
  encoder  net
  metric   prototypes
  episodes "episodes.json" from noise.test
  init ${init}
  report   logits
}
`;
const expected = decodeSafetensors(readFileSync(fixture("expected.safetensors")));
let dir = "";
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "fslc-torch-"));
  copyFileSync(fixture("safetensors"), join(dir, "torch.safetensors"));
  copyFileSync(fixture("episodes.json"), join(dir, "episodes.json"));
  const { shape = [], data = new Uint8Array() } = expected["images"] ?? {};
  const [classes = 0, perClass = 0, channels = 0, height = 0, width = 0] = shape;
  for (let c = 0; c < classes; c++) {
    const folder = join(dir, "images", "test", `c${c}`);
    mkdirSync(folder, { recursive: true });
    for (let i = 0; i < perClass; i++) {
      const size = height * width;
      const first = (c * perClass + i) * channels * size;
      const pixels = Buffer.from(
        Array.from(
          { length: channels * size },
          (_, at) => data[first + (at % channels) * size + Math.floor(at / channels)] ?? 0,
        ),
      );
      await sharp(pixels, { raw: { width, height, channels: 3 } })
        .png()
        .toFile(join(folder, `${i}.png`));
    }
  }
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

async function logits(init: string): Promise<Float32Array> {
  const path = join(dir, "theirs.fsl");
  writeFileSync(path, text(init));
  const { experiment, project, diagnostics } = compileFile(path, { projectDir: dir });
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  if (experiment === undefined) throw new Error("it does not compile");
  const { summary } = await follow(run(experiment, { project, threads: 2 }));
  expect(summary.failures).toEqual([]);
  const file = join(resultsDir(join(projectPaths.runs(project), summary.run), "theirs"), "logits.safetensors");
  const found = decodeSafetensors(readFileSync(file))["logits"];
  expect(found?.shape).toEqual(expected["logits"]?.shape);
  return found?.data as Float32Array;
}

test.each([
  ["found by shape and number", 'encoder from "torch.safetensors" { "fc.*" -> unused }'],
  [
    "named by rules",
    `from "torch.safetensors" {
    "features.{i}.0.*" -> "encoder.block_of.{i}.conv.0.*"
    "features.{i}.1.*" -> "encoder.block_of.{i}.batch_norm.0.*"
    "embed.*"          -> "encoder.linear.0.*"
    "fc.*"             -> unused
  }`,
  ],
])("weights %s give PyTorch's logits", async (_, init) => {
  const own = await logits(init);
  const theirs = expected["logits"]?.data ?? [];
  let furthest = 0;
  for (const [i, value] of own.entries()) furthest = Math.max(furthest, Math.abs(value - (theirs[i] ?? Number.NaN)));
  expect(furthest).toBeLessThan(1e-4);
});
