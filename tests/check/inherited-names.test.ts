/** Names that every JavaScript object inherits are names like others: nothing is found under them that nobody declared. */
import { expect, test } from "vitest";
import { stageKey } from "../../src/compiler/stages/index.js";
import { digests } from "../lower/fixtures.js";
import { compileText } from "./helper.js";

const words = ["constructor", "toString", "__proto__", "hasOwnProperty", "valueOf"];

test.each(words)("`%s` can be declared, as an output, a learned value, a parameter, a data set and a stage", (word) => {
  const { experiment, diagnostics } = compileText(`fsl 1
import { emoji } from "fsl:datasets"
param rate = 0.1
backbone ${word}b { conv(8, 3), relu, global_avg_pool as ${word} }
episode task = 5 way, 1 shot, 3 query
metric own(${word}p = 2.0) {
  learn w = ${word}p
  classify(support: ${word} [way, shot], query: ${word}) -> logits [way] {
    w * -squared_distance(query, mean(support over shot) over feature)
  }
}
dataset drawings = emoji() { train resize(32), normalize eval resize(32), normalize }
meta ${word} {
  encoder ${word}b  metric own  episodes task from drawings.train  optimizer adam(lr: rate)
  for 1 epochs of 8 episodes, 4 episodes per step
}
evaluate test { of ${word}  episodes task from drawings.test, 20 episodes  report accuracy }
`);
  expect(diagnostics).toEqual([]);
  const [trained, test] = experiment?.stages ?? [];
  if (experiment === undefined || trained === undefined || test === undefined) throw new Error("it compiles");
  expect(trained.id).toBe(word);
  // Its needs are found under their own names only: without them its key is open.
  const data = Object.fromEntries(Object.keys(experiment.datasets).map((id) => [id, digests("data")]));
  expect(stageKey(test, experiment, { seed: 0, outputs: {}, data })).toBeUndefined();
  expect(stageKey(test, experiment, { seed: 0, outputs: Object.fromEntries([[word, "output"]]), data })).toMatch(
    /^\w{64}$/,
  );
});

test.each(words)("`%s` is not found where nobody declared it", (word) => {
  const types = compileText(
    `fsl 1\nmetric m { classify(support: ${word} [way, shot], query: ${word}) -> logits [way] { query } }\n`,
  );
  const lines = compileText(
    `fsl 1\ndataset d = ${word}()\nevaluate e { of ${word}  episodes ${word} from ${word}.${word}  report ${word} }\n`,
  );
  const values = compileText(`fsl 1\nparam a: ${word} = 1\nfn f(x) { x + ${word}(x) }\n`);
  expect(lines.experiment).toBeUndefined();
  expect(values.experiment).toBeUndefined();
  for (const { message } of [...types.diagnostics, ...lines.diagnostics, ...values.diagnostics])
    expect(message).not.toMatch(/native code|\[object/);
});
