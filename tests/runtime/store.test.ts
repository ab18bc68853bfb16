import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { DiagnosticError } from "../../src/compiler/diagnostics/diagnostic.js";
import type { HostTensor, HostTensors } from "../../src/runtime/engines/engine.js";
import { openInput } from "../../src/runtime/stages/inputs.js";
import { openGivenWeights, readGivenWeights } from "../../src/runtime/store/given-weights.js";
import { numericsId, numericsRecord } from "../../src/runtime/store/numerics.js";
import { decodeSafetensors, encodeSafetensors } from "../../src/runtime/store/safetensors.js";
import { allEntries, findEntry, readContent, readWeights, writeEntry } from "../../src/runtime/store/store.js";
import { SafetensorsError } from "../../src/runtime/system/safetensors-header.js";
import { schemaProblem } from "../../src/runtime/system/schema.js";
import { chunks, engine, finished, key, weights } from "./stored.js";

let root = "";
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "fslc-store-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const tensor = fc.oneof(
  fc.float32Array({ maxLength: 12 }).map((data): HostTensor => ({ shape: [data.length], dtype: "f32", data })),
  fc.int32Array({ maxLength: 12 }).map((data): HostTensor => ({ shape: [1, data.length], dtype: "i32", data })),
  fc.uint32Array({ maxLength: 12 }).map((data): HostTensor => ({ shape: [data.length, 1], dtype: "u32", data })),
  fc.uint8Array({ maxLength: 13 }).map((data): HostTensor => ({ shape: [data.length], dtype: "u8", data })),
  fc.float().map((x): HostTensor => ({ shape: [], dtype: "f32", data: new Float32Array([x]) })),
);

test("safetensors: what is written is read back, and equal tensors give equal bytes in any order", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), tensor), (tensors) => {
      fc.pre(!Object.hasOwn(tensors, "__metadata__")); // The format keeps this name for itself.
      const bytes = encodeSafetensors(tensors);
      const shuffled = Object.fromEntries(Object.entries(tensors).reverse());
      expect(encodeSafetensors(shuffled)).toEqual(bytes);
      const back = decodeSafetensors(bytes);
      expect(Object.keys(back).sort()).toEqual(Object.keys(tensors).sort());
      for (const [name, { shape, dtype, data }] of Object.entries(tensors)) {
        expect(back[name]).toEqual({ shape, dtype, data });
      }
    }),
  );
});

test("safetensors: damaged bytes are refused or read as tensors, never anything else", () => {
  const good = encodeSafetensors(weights(1).tensors);
  const decode = (bytes: Uint8Array): HostTensors | undefined => {
    try {
      return decodeSafetensors(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(SafetensorsError);
      return undefined;
    }
  };
  for (let length = 0; length < good.length; length++) expect(decode(good.slice(0, length))).toBeUndefined();
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), (place, value) => {
      const bytes = good.slice();
      bytes[place] = value;
      decode(bytes);
    }),
    { numRuns: 500 },
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decode(bytes)));
});

test("safetensors: the layout is the published one", () => {
  const bytes = encodeSafetensors({ b: { shape: [1], dtype: "u8", data: new Uint8Array([7]) }, ...weights(1).tensors });
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(length % 8).toBe(0);
  expect(JSON.parse(Buffer.from(bytes.slice(8, 8 + length)).toString())).toEqual({
    "encoder.c.weight": { dtype: "F32", shape: [2], data_offsets: [0, 8] },
    b: { dtype: "U8", shape: [1], data_offsets: [8, 9] },
  });
});

test("an entry is found by its key and by the numerics that are allowed", async () => {
  const mine = await writeEntry(root, finished({ weights: weights(1) }));
  const other = await writeEntry(
    root,
    finished({
      weights: weights(2),
      created: "2026-11-25T00:00:00.000Z",
      numerics: numericsRecord({ ...engine, engine: "reference" }, chunks),
    }),
  );
  expect(findEntry(root, key, {})?.dir).toBe(other.dir);
  expect(findEntry(root, key, { engine: "onnx" })?.dir).toBe(mine.dir);
  expect(findEntry(root, key, { engine: "xla" })).toBeUndefined();
  expect(findEntry(root, key, { numerics: numericsId(mine.manifest.numerics) })?.dir).toBe(mine.dir);
  expect(findEntry(root, "b".repeat(64), {})).toBeUndefined();
  expect(readWeights(mine)["encoder.c.weight"]?.data).toEqual(new Float32Array([1, -0]));
  expect(findEntry(root, key, { engine: "onnx" })?.manifest).toEqual(mine.manifest);
  expect(readContent(mine)).toEqual({ stage: { lr: 1 } });
  expect(allEntries(root).map(({ dir }) => dir)).toEqual([other.dir, mine.dir]);
});

test("two kinds of card are two numerics, and what is known of a processor is as it was", async () => {
  const machine = { arch: "x64", instructions: ["avx2"], chunks: { images: 1, episodes: 1 } };
  const cpu = { ...engine, ...machine };
  expect(numericsId(cpu)).toBe("de7d955dff9e614c");
  const cards = ["A100", "H100"].map((adapter) => numericsId({ ...cpu, device: "gpu", adapter }));
  expect(new Set([...cards, numericsId({ ...cpu, device: "gpu" }), numericsId(cpu)]).size).toBe(4);
  const numerics = { ...numericsRecord({ ...engine, device: "gpu", adapter: "A100" }, machine.chunks) };
  const one = await writeEntry(root, finished({ weights: weights(1), numerics }));
  expect(schemaProblem("manifest", JSON.parse(readFileSync(join(one.dir, "manifest.json"), "utf8")))).toBeUndefined();
  expect(findEntry(root, key, { device: "gpu" })?.dir).toBe(one.dir);
  expect(findEntry(root, key, { device: "cpu" })).toBeUndefined();
  const rounded = numericsRecord({ ...engine, precision: "bf16" }, machine.chunks);
  const two = await writeEntry(root, finished({ weights: weights(2), numerics: rounded }));
  expect(schemaProblem("manifest", JSON.parse(readFileSync(join(two.dir, "manifest.json"), "utf8")))).toBeUndefined();
  expect(numericsId({ ...cpu, precision: "bf16" })).not.toBe(numericsId(cpu));
  expect(findEntry(root, key, { precision: "bf16" })?.dir).toBe(two.dir);
  expect(findEntry(root, key, { precision: "f32" })?.dir).toBe(one.dir);
  expect(findEntry(root, key, { device: "gpu", engine: "reference" })).toBeUndefined();
});

test("the manifest follows its schema, and the output digest follows the numbers only", async () => {
  const one = await writeEntry(root, finished({ weights: weights(1) }));
  expect(schemaProblem("manifest", JSON.parse(readFileSync(join(one.dir, "manifest.json"), "utf8")))).toBeUndefined();
  const renamed = finished({ weights: weights(1), stage: { id: "other", kind: "meta" }, seconds: 9 });
  expect((await writeEntry(root, renamed)).manifest.output).toBe(one.manifest.output);
  expect((await writeEntry(root, finished({ weights: weights(2) }))).manifest.output).not.toBe(one.manifest.output);
  const bare = await writeEntry(root, finished());
  expect(bare.manifest.weights).toBeNull();
  const better = finished({ results: [{ metric: "accuracy", mean: 0.6, ci95: 0.1, episodes: 2 }] });
  expect((await writeEntry(root, better)).manifest.output).not.toBe(bare.manifest.output);
});

test("a second writer replaces the entry and leaves nothing beside it", async () => {
  await writeEntry(root, finished({ weights: weights(1) }));
  const again = await writeEntry(root, finished({ weights: weights(2) }));
  expect(readWeights(again)["encoder.c.weight"]?.data[0]).toBe(2);
  expect(readdirSync(root)).toEqual([key]);
});

test("of two writers at the same moment the first one counts, and neither fails", async () => {
  const one = (): ReturnType<typeof writeEntry> => writeEntry(root, finished({ weights: weights(1) }));
  const entries = await Promise.all([one(), one(), one()]);
  expect(new Set(entries.map(({ manifest }) => manifest.output)).size).toBe(1);
  expect(allEntries(root).map(({ manifest }) => manifest.output)).toContain(entries[0]?.manifest.output);
});

test("an input that was replaced is taken from an entry with the same output, and named if there is none", async () => {
  const project = { dir: root, home: join(root, "home") };
  const store = join(project.home, "store");
  const first = await writeEntry(store, finished({ weights: weights(1) }));
  const job = { project, inputs: { base: { key, dir: first.dir, output: first.manifest.output } } };
  expect(openInput(job, "base").dir).toBe(first.dir);
  const same = await writeEntry(store, finished({ weights: weights(1) }));
  expect([openInput(job, "base").dir, same.dir === first.dir]).toEqual([same.dir, false]);
  await writeEntry(store, finished({ weights: weights(2) }));
  expect(() => openInput(job, "base")).toThrow(
    expect.objectContaining({ diagnostic: expect.objectContaining({ code: "FSL7032" }) }),
  );
});

test("a damaged entry is passed over, and its weights are never handed out", async () => {
  const entry = await writeEntry(root, finished({ weights: weights(1) }));
  truncateSync(join(entry.dir, "weights.safetensors"), 20);
  const reading = (): unknown => readWeights(entry);
  expect(reading).toThrow(DiagnosticError);
  expect(reading).toThrow(/FSL7030|cannot be read/);
  const problems: string[] = [];
  writeFileSync(join(entry.dir, "manifest.json"), '{"format":1}');
  expect(findEntry(root, key, {}, (_, problem) => problems.push(problem))).toBeUndefined();
  expect(problems).toHaveLength(1);
  mkdirSync(join(root, key, "half-written"));
  expect(findEntry(root, key, {})).toBeUndefined();
});

test("a store that cannot be written says so", async () => {
  writeFileSync(join(root, "file"), "");
  try {
    await writeEntry(join(root, "file", "store"), finished());
    expect.unreachable();
  } catch (error) {
    expect(error).toBeInstanceOf(DiagnosticError);
    expect((error as DiagnosticError).diagnostic.code).toBe("FSL7031");
  }
});

test("given weights of an unknown type are no numbers, whatever it is called", () => {
  for (const [type, numeric] of [
    ["BF16", true],
    ["I8", false],
    ["toString", false],
  ] as const) {
    const bytes = Buffer.from(encodeSafetensors({ w: { shape: [2], dtype: "f32", data: Float32Array.of(1, 2) } }));
    const header = JSON.stringify({ w: { dtype: type, shape: [2], data_offsets: [0, 4] } }).padEnd(96);
    const file = Buffer.concat([Buffer.alloc(8), Buffer.from(header), bytes.subarray(-4)]);
    file.writeBigUInt64LE(BigInt(header.length));
    writeFileSync(join(root, "w.safetensors"), file);
    const given = readGivenWeights("w.safetensors", { dir: root, home: root });
    expect(given).toMatchObject({ tensors: [{ name: "w", shape: [2], numeric }] });
    expect(openGivenWeights(file).tensor("w") !== undefined).toBe(numeric);
  }
});

test("given weights that are a checkpoint of PyTorch's own, or cut off, are told so", () => {
  const problemOf = (bytes: Uint8Array): string | undefined => {
    writeFileSync(join(root, "w.pt"), bytes);
    const given = readGivenWeights("w.pt", { dir: root, home: root });
    return "problem" in given ? given.problem : undefined;
  };
  // The first bytes of what `torch.save` of 2.x and of 1.5 write.
  const zip = Buffer.from("504b03040000080800000000000000000000", "hex");
  const pickle = Buffer.from("80028a0a6cfc9c46f9206aa850192e", "hex");
  for (const bytes of [zip, pickle]) expect(problemOf(bytes)).toContain("safetensors.torch.save_file");
  const whole = encodeSafetensors({ w: { shape: [200], dtype: "f32", data: new Float32Array(200) } });
  expect(problemOf(whole)).toBeUndefined();
  expect(problemOf(whole.subarray(0, whole.length - 4))).toBe("it is cut off: it ends before the tensor `w` does");
});
