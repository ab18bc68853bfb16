/** Compiles experiments written in a test, with the library of `specs/` and data that are said to exist. */
import { readFileSync } from "node:fs";
import { compile } from "../../src/compiler/compile.js";
import type { DatasetFacts, Experiment, Network } from "../../src/compiler/typed/tree.js";
import { describeSources } from "../../src/runtime/data/sources/index.js";

const split = (classes: number, each: number) => ({
  classes,
  images: classes * each,
  smallest: { name: "one", images: each },
});
const usual: DatasetFacts = { splits: { train: split(64, 600), val: split(25, 600), test: split(25, 600) } };

/** `described` is the count of numbers that every table tells of a class. */
export function experimentOf(
  text: string,
  set: Record<string, string> = {},
  { facts = usual, described = 4 }: { readonly facts?: DatasetFacts; readonly described?: number } = {},
): Experiment {
  const result = compile(
    {
      readFile: (id) => {
        if (id === "test.fsl") return text;
        if (!id.startsWith("fsl:")) return undefined;
        return readFileSync(new URL(`../../specs/${id.slice("fsl:".length)}.fsl`, import.meta.url), "utf8");
      },
      resolveImport: (_, specifier) => {
        const name = /^(?:fsl:|\.\/)([a-z-]+)(?:\.fsl)?$/.exec(specifier)?.[1];
        return name === undefined ? undefined : `fsl:${name}`;
      },
      libraryIds: () => [],
      sources: describeSources(),
      facts: () => facts,
      describe: () => ({ size: described, digest: "a table" }),
    },
    "test.fsl",
    { set },
  );
  const { experiment } = result;
  if (experiment === undefined)
    throw new Error(result.diagnostics.map((d) => `${d.code} ${d.message} ${d.help.join("; ")}`).join("\n"));
  return experiment;
}

/** Returns the network of layers that are written as in a file, for images of 3 × `pixels` × `pixels`. Their last value is the output `vector`. */
export function networkOf(layers: string, pixels = 6, declared = ""): Network {
  const experiment = experimentOf(`fsl 1
import { emoji } from "fsl:datasets"
import { cosine_prototypes } from "fsl:metrics"
dataset d = emoji() { train resize(${pixels}), normalize  eval resize(${pixels}), normalize }
episode task = 2 way, 1 shot, 1 query
${declared}
backbone net { ${layers} as vector }
meta m {
  encoder net  metric cosine_prototypes  episodes task from d.train
  optimizer adam(lr: 1e-3)
  for 1 epoch of 4 episodes, 4 episodes per step
}`);
  const [stage] = experiment.stages;
  if (stage?.kind !== "meta") throw new Error("no network");
  return stage.encoder.value;
}
