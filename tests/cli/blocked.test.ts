/** Tests that `check` names what a run would refuse, and that `plan` shows such stages. */
import { join } from "node:path";
import { beforeEach, expect, test, vi } from "vitest";
import { tempDir, write } from "../data/support.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 60_000 });

let project = "";
beforeEach(() => {
  project = tempDir();
  write(join(project, "package.json"), "{}");
});

/** A file of safetensors with one tensor of four numbers. */
function tensors(name: string): Buffer {
  const header = JSON.stringify({ [name]: { dtype: "F32", shape: [4], data_offsets: [0, 16] } });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  return Buffer.concat([length, Buffer.from(header), Buffer.alloc(16)]);
}
const head = `fsl 1
import { prototypes } from "fsl:metrics"
import { emoji } from "fsl:datasets"
backbone net { conv(3, 8), flatten as vector }
dataset drawings = emoji() { train resize(16), normalize  eval resize(16), normalize }
episode task = 5 way, 1 shot, 3 query
`;

test("weights that do not fit are an error of `check`, and `plan` shows the stage with its weights", async () => {
  write(join(project, "w.safetensors"), tensors("other.weight"));
  const path = join(project, "a.fsl");
  write(
    path,
    `${head}evaluate test { encoder net  metric prototypes  episodes task from drawings.test, 20 episodes  init encoder from "w.safetensors" }\n`,
  );
  const checked = await fslc("check", path);
  expect(checked.code).toBe(2);
  expect(checked.err).toContain("error FSL5061");
  const planned = await fslc("plan", path);
  expect(planned.code).toBe(0);
  expect(planned.out.replace(/\s+/g, " ")).toContain("cannot run yet: the weights in `w.safetensors` cannot fill");
});

test("a training that no step can hold is an error of `check`", async () => {
  const path = join(project, "b.fsl");
  const meta = "encoder net  metric logistic_regression  episodes task from drawings.train  optimizer adam(lr: 1e-3)";
  write(path, `${head.replace("prototypes", "logistic_regression")}meta m { ${meta}  for 2 epochs of 3 episodes }\n`);
  const checked = await fslc("check", path);
  expect(checked.code).toBe(2);
  expect(checked.err).toContain("error FSL5101");
});
