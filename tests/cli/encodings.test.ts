/** Tests that a file in another encoding than UTF-8 gives one message that names the encoding, and that a byte order mark is no part of a text. */
import { join } from "node:path";
import { beforeEach, describe, expect, test, vi } from "vitest";
import { tempDir, write } from "../data/support.js";
import { fslc } from "./command-line.js";

vi.setConfig({ testTimeout: 60_000 });

let project = "";
beforeEach(() => {
  project = tempDir();
  write(join(project, "package.json"), "{}");
});
function file(name: string, bytes: Buffer | string): string {
  write(join(project, name), bytes);
  return join(project, name);
}

const text = "fsl 1\n// caf\u00e9\nparam a = 1\n";
const utf32 = (body: string): Buffer =>
  Buffer.concat([...body].map((letter) => Buffer.from([letter.charCodeAt(0), 0, 0, 0])));
const encodings: readonly (readonly [string, Buffer, string])[] = [
  ["UTF-16 with a mark", Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(text, "utf16le")]), "it is UTF-16"],
  [
    "UTF-16, high byte first",
    Buffer.concat([Buffer.from([0xfe, 0xff]), Buffer.from(text, "utf16le").swap16()]),
    "it is UTF-16",
  ],
  ["UTF-16 without a mark", Buffer.from(text, "utf16le"), "it is UTF-16"],
  ["UTF-32 with a mark", Buffer.concat([Buffer.from([0xff, 0xfe, 0, 0]), utf32(text)]), "it is UTF-32"],
  ["UTF-32 without a mark", utf32(text), "it is UTF-32"],
  ["Latin-1", Buffer.from(text, "latin1"), "it is in Latin-1"],
  [
    "the bytes of an image",
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13, 255, 254]),
    "it is a binary file",
  ],
];

describe.each(encodings)("%s", (_, bytes, message) => {
  test("is named for an experiment, once", async () => {
    const { code, err } = await fslc("check", file("experiment.fsl", bytes));
    expect(code).toBe(3);
    expect(err).toContain(message);
    expect(err.match(/error FSL/g)).toHaveLength(1);
  });
  test("is named for an imported file, at the import", async () => {
    file("other.fsl", bytes);
    const { err } = await fslc("check", file("main.fsl", 'fsl 1\nimport { a } from "./other.fsl"\nparam b = a\n'));
    expect(err).toContain("error FSL2002");
    expect(err).toContain(message);
    expect(err.match(/error FSL/g)).toHaveLength(1);
  });
  test("is named by fmt, which leaves the file as it is", async () => {
    const { err } = await fslc("fmt", file("experiment.fsl", bytes));
    expect(err).toContain(message);
  });
  test("is named for a file of parameters", async () => {
    const { err } = await fslc(
      "check",
      file("experiment.fsl", "fsl 1\nparam a = 1\n"),
      "--params",
      file("p.json", bytes),
    );
    expect(err).toContain("FSL7043");
    expect(err).toContain(message);
  });
});

test("a byte order mark is no part of an experiment or of parameters", async () => {
  const experiment = file("experiment.fsl", "\ufefffsl 1\nparam a = 1\nparam b = a\nfn f(x) { x + b }\n");
  const { code } = await fslc("check", experiment, "--params", file("p.json", '\ufeff{ "a": 3 }'));
  expect(code).toBe(0);
});
