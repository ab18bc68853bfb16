/**
 * Copies of the library's methods with one silent mistake each, of the kinds that implementations have been found with:
 * the checker must say what is wrong, and point at it.
 */
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import type { Diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { compileText } from "../check/helper.js";

interface Mutant {
  readonly method: string;
  readonly from: string;
  readonly to: string;
  readonly code: string;
  /** The text that the diagnostic points at. */
  readonly at: string;
  /** Lines of the meta stage, and of the evaluation. */
  readonly meta?: string;
  readonly evaluate?: string;
}
const contrast = "loss classify + 0.1 * contrast";
const mutants: Record<string, Mutant> = {
  // The wrong axis.
  "prototypes over ways": {
    method: "metrics/prototypes",
    from: "mean(support over shot)",
    to: "mean(support over way)",
    code: "FSL3005",
    at: "-distance(query, mean(support over way) over feature)",
  },
  "distances along the ways": {
    method: "metrics/prototypes",
    from: "over shot) over feature",
    to: "over shot) over way",
    code: "FSL3001",
    at: "way",
  },
  "attention within each class, which always sums to 1": {
    method: "metrics/matching",
    from: "over way, shot) over shot",
    to: "over shot) over shot",
    code: "FSL3033",
    at: "sum(softmax(scale * cosine(query, support over feature) over shot) over shot)",
  },
  "attention over classes, summed over shots": {
    method: "metrics/matching",
    from: "over way, shot) over shot",
    to: "over way) over shot",
    code: "FSL3016",
    at: "sum(softmax(scale * cosine(query, support over feature) over way) over shot)",
  },
  "descriptors of a class beside those of all": {
    method: "metrics/dn4",
    from: "[shot, height, width] as item",
    to: "[way, height, width] as item",
    code: "FSL3005",
    at: "sum(top(k, cosine(q, s over channel) over item as best) over patch, best)",
  },
  "every class rebuilds with the supports of all": {
    method: "metrics/frn",
    from: "merge(support, [shot, height, width] as item)",
    to: "merge(support, [way, shot, height, width] as item)",
    code: "FSL3005",
    at: "-gamma * mean(squared_distance(rebuilt, q[channel as out] over out) over patch)",
  },
  "maps side by side instead of on top of each other": {
    method: "metrics/relation",
    from: "over shot), query along channel",
    to: "over shot), query along feature",
    code: "FSL3001",
    at: "feature",
  },
  "an entropy of means over the classes": {
    method: "transductive/tim",
    from: "mean(p over n) over way",
    to: "mean(p over way) over n",
    code: "FSL3033",
    at: "mean(p over way)",
  },
  // Labels of something else.
  "labels of the shots": {
    method: "metrics/feat",
    from: "label(way')",
    to: "label(shot)",
    code: "FSL3003",
    at: "label(shot)",
    meta: contrast,
  },
  "labels against every row of scores": {
    method: "finetuning/baseline",
    from: "support[way']",
    to: "support",
    code: "FSL3031",
    at: "label(way')",
  },
  "the targets of a regression are its labels": {
    method: "meta/r2d2",
    from: "one_hot(label(item))",
    to: "one_hot(label(shot))",
    code: "FSL3003",
    at: "one_hot(label(shot))",
  },
  // Episodes, and queries, that see each other.
  "queries attend to the tasks of the step": {
    method: "metrics/prototypes",
    from: "mean(support over shot)",
    to: "mean(support over task, shot)",
    code: "FSL3001",
    at: "task",
  },
  "queries that see each other without saying so": {
    method: "meta/maml",
    from: "transductive ->",
    to: "->",
    code: "FSL3023",
    at: "queries: image [n]",
  },
  "batch statistics of the query": {
    method: "meta/maml_inductive",
    from: "body(query, norm: from(support))",
    to: "body(query, norm: batch)",
    code: "FSL3022",
    at: "norm: batch",
  },
  "nobody says which statistics": {
    method: "meta/maml",
    from: "body(queries, norm: batch)",
    to: "body(queries)",
    code: "FSL3021",
    at: "body(queries)",
  },
  "the order of the queries read": {
    method: "transductive/tim",
    from: "mean(entropy(p over way) over n)",
    to: "mean(cross_entropy(near(q, w), label(n)) over n)",
    code: "FSL3015",
    at: "n",
  },
  "an evaluation by the statistics of the last step": {
    method: "metrics/relation",
    from: "batch_norm, relu",
    to: "batch_norm(momentum: 1.0), relu",
    code: "FSL4005",
    at: "1.0",
  },
  // Adaptation that adapts nothing.
  "the inner loss by the head that does not move": {
    method: "meta/anil",
    from: "top(support[way'])",
    to: "head(support[way'])",
    code: "FSL3032",
    at: "top",
  },
  "the inner loss by the body that does not move": {
    method: "meta/maml",
    from: "top(body(support",
    to: "top(encoder(support",
    code: "FSL3032",
    at: "body",
  },
  "queries embedded by the body before it adapted": {
    method: "meta/maml",
    from: "top(body(queries",
    to: "top(encoder(queries",
    code: "FSL3034",
    at: "body",
  },
  "queries scored by the head before it adapted": {
    method: "meta/anil",
    from: "top(query)",
    to: "head(query)",
    code: "FSL3034",
    at: "top",
  },
  "a loss of each shot": {
    method: "meta/anil",
    from: "over all)",
    to: "over way')",
    code: "FSL3006",
    at: "mean(cross_entropy(top(support[way']), label(way')) over way')",
  },
  // Sizes and masks settled elsewhere.
  "five ways in the head": {
    method: "meta/anil",
    from: "linear(way)",
    to: "linear(5)",
    code: "FSL3018",
    at: "label(way')",
  },
  "ten ways for a head of five": {
    method: "meta/anil",
    from: "rate = 0.01",
    to: "rate = 0.02",
    code: "FSL5018",
    at: "of m",
    evaluate: "episodes wide from emoji.test, 600 episodes",
  },
  "a mask of the stage that matches no weight": {
    method: "meta/boil",
    from: "rate = 0.5",
    to: "rate = 0.4",
    code: "FSL5014",
    at: "metric.linear.**",
    meta: "optimizer adam(lr: 1e-3) { metric.linear.** frozen }",
  },
  "a rate of the inner loop that is no weight's": {
    method: "finetuning/discriminative_fine_tuning",
    from: "body.*.* lr",
    to: "body.stage.* lr",
    code: "FSL5014",
    at: "body.stage.*",
  },
  "a mask of the inner loop for what it does not move": {
    method: "meta/boil",
    from: "by sgd(lr: rate)",
    to: "by sgd(lr: rate) { head frozen }",
    code: "FSL5014",
    at: "head",
  },
  "learned values that no stage has trained": {
    method: "meta/r2d2",
    from: "lambda_start = 50.0",
    to: "lambda_start = 40.0",
    code: "FSL5012",
    at: "metric r2d2",
    evaluate: "encoder m.encoder  metric r2d2  episodes task from emoji.test, 600 episodes",
  },
  "more ways than there are classes": {
    method: "metrics/prototypes",
    from: "over shot)",
    to: "over shot) ",
    code: "FSL5004",
    at: "crowd",
    evaluate: "of m  episodes crowd from emoji.test, 600 episodes",
  },
  "validated on the test classes": {
    method: "metrics/prototypes",
    from: "over shot)",
    to: "over shot) ",
    code: "FSL5024",
    at: "emoji.test",
    meta: "validate task from emoji.test, 100 episodes, every epoch",
  },
};

const usual = "of m  episodes task from emoji.test, 600 episodes";
function diagnose({ method, from, to, meta = "", evaluate = usual }: Mutant): [string, readonly Diagnostic[]] {
  const [file = "", name = ""] = method.split("/");
  const library = readFileSync(new URL(`../../specs/${file}.fsl`, import.meta.url), "utf8");
  const [, own] = library.split(new RegExp(`^(?=metric ${name}\\b)`, "m"));
  const body = own?.slice(0, own.indexOf("\n}\n") + 3) ?? "";
  expect(body.split(from).length, `"${from}" stands in ${method}`).toBeGreaterThan(1);
  const text = `fsl 1
import { conv64 } from "fsl:backbones"
import { emoji } from "fsl:datasets"
import { cosine, ridge, ridge_with_offset } from "fsl:functions"
${body.replace(from, to)}
episode task = 5 way, 2 shot, 6 query
episode wide = 10 way, 2 shot, 6 query
episode crowd = 200 way, 2 shot, 6 query
meta m {
  encoder conv64(pools: 1)  metric ${name}  episodes task from emoji.train
  ${meta.startsWith("optimizer") ? "" : "optimizer adam(lr: 1e-3)"}
  for 1 epoch of 100 episodes, 4 episodes per step
  ${meta}
}
evaluate final { ${evaluate.startsWith("episodes") ? `of m  ${evaluate}` : evaluate} }
`;
  const { diagnostics } = compileText(text);
  return [text, diagnostics.filter(({ code }) => code !== "FSL2007")];
}

it.each(Object.entries(mutants))("%s", (_, mutant) => {
  const [text, found] = diagnose(mutant);
  const places = found.map(({ code, span }) => `${code} ${span !== undefined ? text.slice(span.start, span.end) : ""}`);
  expect(places).toContain(`${mutant.code} ${mutant.at}`);
});

it("finds nothing in them before they are changed", () => {
  for (const { method, from } of Object.values(mutants)) {
    const [, found] = diagnose({ method, from, to: from, code: "", at: "", meta: "" });
    expect(
      found.map(({ code, message }) => `${code} ${message}`),
      method,
    ).toEqual([]);
  }
});
