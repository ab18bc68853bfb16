/** Formatting loses nothing. The texts are those on which an earlier formatter did. */
import { expect, test } from "vitest";
import { format } from "../../grammar/format.js";
import { parse } from "../../grammar/parse.js";

const stage = (groups: string): string => `fsl 1
pretrain p {
  optimizer sgd(lr: 0.05) { ${groups} }
}
`;

test.each([
  ["**.weight lr: 0.2; **.bias lr: 0.1", "    **.weight lr: 0.2;\n    **.bias lr: 0.1\n"],
  ["encoder.** lr: 0.1; *.weight frozen", "    encoder.** lr: 0.1;\n    *.weight frozen\n"],
  ["encoder.** frozen; **.bias frozen // both", "    encoder.** frozen;\n    **.bias frozen // both\n"],
  ["**.weight lr: 0.2; head.** lr: 0.1", "    **.weight lr: 0.2\n    head.** lr: 0.1\n"],
])("the groups `%s` stay two groups", (groups, lines) => {
  const result = format(stage(`${groups}\n`), "x.fsl");
  expect(result).toMatchObject({ kind: "formatted" });
  expect(result.kind === "formatted" ? result.text : "").toContain(lines);
});

test.each(["b(())", "emoji(((())))", "sum(())"])(
  "`%s` has no value in its parentheses, and is not formatted",
  (call) => {
    const text = `fsl 1\ndataset d = ${call}\n`;
    expect(parse(text, "x.fsl").errors).toMatchObject([{ kind: "unexpected", found: ")", expected: "a value" }]);
    expect(format(text, "x.fsl").kind).toBe("invalid");
  },
);

test.each([
  ["1e999", "too large"],
  [`1${"0".repeat(400)}`, "a whole number, and too large"],
  ["1e21", "large"],
  ["0.0000001", "small"],
  ["1.5", "not a whole number"],
])("the version %.9s, which is %s, is printed as a number", (version) => {
  expect(format(`fsl ${version}\nparam a = 1\n`, "x.fsl")).toMatchObject({ kind: "formatted" });
});

test.each(["from", "for", "from.encoder"])("`encoder untrained %s` keeps its modifier", (value) => {
  const text = `fsl 1\nevaluate e {\n  encoder untrained ${value}\n}\n`;
  expect(format(text, "x.fsl")).toMatchObject({ kind: "formatted" });
});

test("two counts of parts stay in their order", () => {
  const text = "fsl 1\npretrain p {\n  for 2 epochs, 64 parts per step, 3 parts per step\n}\n";
  expect(format(text, "x.fsl")).toEqual({ kind: "formatted", text });
});

test.each([
  ["for 2 epochs, 64 images per step, 2 parts per step, 7 images per step", "7"],
  ["for 2 epochs, drop last, drop last", "drop"],
  ["validate task from d.val, 10 episodes, 20 episodes", "20"],
  ["validate task from d.val, every epoch, every 2 epochs", "every"],
  ["validate task from d.val, keep best, keep best", "keep"],
  ["encoder frozen frozen net", "frozen"],
])("`%s` has a part too many, which is a mistake and not dropped", (line, found) => {
  const { errors } = parse(`fsl 1\nmeta m {\n  ${line}\n}\n`, "x.fsl");
  expect(errors).toMatchObject([{ kind: "unexpected", found }]);
});

test("a version has no unit", () => {
  expect(parse("fsl 1 shot\n", "x.fsl").errors).toMatchObject([{ kind: "unexpected", found: "shot" }]);
});

test.each(["encoder.conv.0.weight", "encoder.stage.1.0.conv.*", "encoder.conv.0", "encoder.conv[0].weight"])(
  "`%s` is a path, as `fslc plan` prints it",
  (path) => {
    const text = `fsl 1\nmeta m {\n  optimizer adam(lr: 1e-3) { ${path} frozen }\n}\n`;
    expect(parse(text, "x.fsl").errors).toEqual([]);
    expect(format(text, "x.fsl")).toMatchObject({ kind: "formatted", text: expect.stringContaining(`${path} frozen`) });
  },
);
