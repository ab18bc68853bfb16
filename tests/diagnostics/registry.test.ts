import { describe, expect, it } from "vitest";
import { registry } from "../../src/compiler/diagnostics/diagnostic.js";
import { allCodes, explain } from "../../src/compiler/diagnostics/explain.js";

describe.each(Object.entries(registry))("%s", (code, entry) => {
  it("has a title, a message, an explanation, an example and a fix", () => {
    expect(code).toMatch(/^FSL\d{4}$/);
    for (const text of [entry.title, entry.message, entry.explanation, entry.example, entry.fix]) {
      expect(text.trim().length).toBeGreaterThan(2);
    }
    expect(entry.explanation.trim()).toMatch(/[.!?`)]$/);
  });
});

describe("explain", () => {
  it("gives cause, example and fix, however the code is written", () => {
    const found = explain("FSL1009");
    expect(found).toMatchObject({ found: true, code: "FSL1009" });
    expect(explain(" fsl1009 ")).toEqual(found);
    expect(explain("1009")).toEqual(found);
    const { explanation, fix, example } = registry.FSL1009;
    const text = found.found ? found.text : "";
    expect(text).toContain(explanation);
    expect(text).toContain(fix);
    expect(text).toContain(example.split("\n")[1]);
  });
  it("suggests a code near an unknown one", () => {
    expect(explain("FSL1099")).toEqual({ found: false, near: expect.stringMatching(/^FSL/) });
    expect(explain("constructor")).toMatchObject({ found: false });
  });
  it("lists every code in order", () => {
    const codes = allCodes().map(({ code }) => code);
    expect(codes).toEqual(Object.keys(registry).sort());
  });
});
