import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Span } from "../../grammar/ast.js";
import type { Diagnostic } from "../../src/compiler/diagnostics/diagnostic.js";
import { render } from "../../src/compiler/diagnostics/render.js";
import { columnsOf } from "../../src/compiler/diagnostics/source.js";

const text = "fsl 1\nparam shots = 5 shot\n\nparam scale = 2.0\n";
const spanOf = (part: string, file = "a.fsl", within = text): Span => {
  const start = within.indexOf(part);
  return { file, start, end: start + part.length };
};
const made = (fields: Partial<Diagnostic>): Diagnostic => ({
  code: "FSL2001",
  severity: "error",
  message: "nothing is called `x` here",
  span: spanOf("shots"),
  labels: [],
  help: [],
  ...fields,
});
const plain = { color: false, width: 80 };
const source = (file: string): string | undefined => (file === "a.fsl" ? text : undefined);

describe("render", () => {
  it("points at the place, with help below", () => {
    expect(render(made({ help: ["did you mean `y`?\nor `z`"] }), source, plain)).toBe(
      [
        "error FSL2001: nothing is called `x` here",
        " ┌ a.fsl:2:7",
        " │",
        "2│ param shots = 5 shot",
        " │       ^^^^^",
        "  = help: did you mean `y`?",
        "          or `z`",
      ].join("\n"),
    );
  });

  it("shows second places of the same file and of others", () => {
    const other = "param scale = 1.0\n";
    const labels = [
      { span: spanOf("scale"), text: "clashes with this" },
      { span: spanOf("1.0", "b.fsl", other), text: "declared here" },
    ];
    const files = (file: string): string => (file === "a.fsl" ? text : other);
    expect(render(made({ severity: "warning", labels }), files, plain)).toBe(
      [
        "warning FSL2001: nothing is called `x` here",
        " ┌ a.fsl:2:7",
        " │",
        "2│ param shots = 5 shot",
        " │       ^^^^^",
        " ·",
        "4│ param scale = 2.0",
        " │       ----- clashes with this",
        " ┌ b.fsl:1:15",
        " │",
        "1│ param scale = 1.0",
        " │               --- declared here",
      ].join("\n"),
    );
  });

  it("does without a place or without the file's text", () => {
    expect(render(made({ span: undefined, help: ["run it"] }), source, plain)).toBe(
      "error FSL2001: nothing is called `x` here\n = help: run it",
    );
    expect(render(made({ span: spanOf("shots", "gone.fsl") }), source, plain)).toContain("gone.fsl");
  });

  it("keeps carets under wide characters, tabs and combining marks", () => {
    const line = '\tparam 名前 = "é́" bad';
    const shown = render(made({ span: spanOf("bad", "a.fsl", line) }), () => line, plain).split("\n");
    const code = shown.find((row) => row.startsWith("1│"))?.slice(3) ?? "";
    const carets = shown.find((row) => row.includes("^"))?.slice(3) ?? "";
    expect(carets.indexOf("^")).toBe(columnsOf(code.slice(0, code.indexOf("bad"))));
  });

  it("colours only where it may", () => {
    const esc = String.fromCharCode(27);
    expect(render(made({}), source, plain)).not.toContain(esc);
    expect(render(made({}), source, { color: true, width: 80 })).toContain(esc);
  });

  it("never throws, never writes control characters of the source, and keeps code within the width", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 300 }),
        fc.nat(320),
        fc.nat(320),
        fc.integer({ min: 30, max: 120 }),
        (any, a, b, width) => {
          const span = { file: "a.fsl", start: Math.min(a, b), end: Math.max(a, b) };
          const shown = render(made({ span }), () => any, { color: false, width });
          expect(shown).not.toMatch(/[^\P{Cc}\n]/u);
          for (const row of shown.split("\n").slice(1)) expect(columnsOf(row)).toBeLessThanOrEqual(width + 2);
        },
      ),
    );
  });
});
