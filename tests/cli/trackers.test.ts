/** The numbers of a run for other programs: TensorBoard's files, read by a decoder of our own, and MLflow's requests. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { maskedCrc } from "../../src/cli/trackers/event-file.js";
import { fslc } from "./command-line.js";
import { writeReportRun } from "./report-run.js";

let project = "";
let run = "";
beforeEach(() => {
  project = mkdtempSync(join(tmpdir(), "fslc-trackers-"));
  run = writeReportRun(project);
});
afterEach(() => rmSync(project, { recursive: true, force: true }));

const attach = (...options: string[]) => fslc("attach", run, "--project", project, "--reporter", "json", ...options);

/** Returns the fields of a message of Protocol Buffers: numbers, and the bytes of texts and inner messages. */
function fieldsOf(message: Buffer): Map<number, number | Buffer> {
  const fields = new Map<number, number | Buffer>();
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = message.readUInt8(at++);
      value += (byte % 128) * factor;
      if (byte < 128) return value;
    }
  };
  while (at < message.length) {
    const key = varint();
    const field = Math.floor(key / 8);
    const kind = key % 8;
    if (kind === 0) {
      fields.set(field, varint());
      continue;
    }
    const length = { 1: 8, 5: 4 }[kind] ?? varint();
    const bytes = message.subarray(at, at + length);
    at += length;
    fields.set(field, kind === 1 ? bytes.readDoubleLE() : kind === 5 ? bytes.readFloatLE() : bytes);
  }
  return fields;
}

/** Returns the messages of a file, whose checksums must be right. */
function messagesOf(file: Buffer): Map<number, number | Buffer>[] {
  const messages: Map<number, number | Buffer>[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const message = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 8)).toBe(maskedCrc(file.subarray(at, at + 8)));
    expect(file.readUInt32LE(at + 12 + length)).toBe(maskedCrc(message));
    messages.push(fieldsOf(message));
    at += length + 16;
  }
  return messages;
}

const inner = (value: number | Buffer | undefined) => fieldsOf(value as Buffer);

/** Returns [tag, step, value] of each number in the file of a stage. */
function scalars(dir: string, stage: string): [string, number, number][] {
  const seconds = Date.UTC(2026, 0, 1, 12) / 1000;
  const [version, ...rest] = messagesOf(readFileSync(join(dir, run, stage, `events.out.tfevents.${seconds}.fslc`)));
  expect(String(version?.get(3))).toBe("brain.Event:2");
  return rest.map((event) => {
    const value = inner(inner(event.get(5)).get(1));
    return [String(value.get(1)), event.get(2) as number, value.get(2) as number];
  });
}

test("checksums are those of CRC-32C", () => {
  // The check value of the polynomial for these digits is e3069283; records have it rotated and shifted.
  const crc = 0xe3069283;
  expect(maskedCrc(Buffer.from("123456789"))).toBe((((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0);
});

test("--tensorboard writes a file for each stage, and the same bytes when a run is replayed", async () => {
  const dir = join(project, "logs");
  expect((await attach("--tensorboard", dir)).err).toBe("");
  const made = scalars(dir, "proto");
  const losses = made.filter(([tag]) => tag === "train/loss");
  expect(losses.map(([, step]) => step)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
  expect(losses[39]?.[2]).toBeLessThan(losses[0]?.[2] ?? 0);
  expect(made.filter(([tag]) => tag === "validate/accuracy").map(([, step]) => step)).toEqual([10, 20, 30, 40]);
  expect(scalars(dir, "pixels")).toEqual([
    ["result/accuracy", 0, Math.fround(0.4127)],
    ["result/accuracy_ci95", 0, Math.fround(0.0061)],
  ]);
  const file = join(dir, run, "proto", `events.out.tfevents.${Date.UTC(2026, 0, 1, 12) / 1000}.fslc`);
  const before = readFileSync(file);
  await attach("--tensorboard", dir);
  expect(readFileSync(file)).toEqual(before);
});

interface Asked {
  readonly path: string;
  readonly body: Record<string, unknown>;
}

/** Starts a server that answers as MLflow does, and keeps what it was asked. Requests to `refuses` are refused. */
async function mlflow(refuses = ""): Promise<{ server: Server; url: string; asked: Asked[] }> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let text = "";
    request.on("data", (piece) => {
      text += piece;
    });
    request.on("end", () => {
      const path = (request.url ?? "").replace("/api/2.0/mlflow/", "").replace(/\?.*/, "");
      asked.push({ path, body: JSON.parse(text || "{}") });
      const missing = path === "experiments/get-by-name" ? { error_code: "RESOURCE_DOES_NOT_EXIST" } : undefined;
      const refused = path === refuses ? { error_code: "INVALID_PARAMETER_VALUE", message: "no" } : missing;
      response.writeHead(refused === undefined ? 200 : 400);
      response.end(JSON.stringify(refused ?? { experiment_id: "7", run: { info: { run_id: "abc" } } }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { server, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked };
}

test("--mlflow makes an experiment and a run, and sends parameters, numbers and the end in their order", async () => {
  const { server, url, asked } = await mlflow();
  const { err } = await attach("--mlflow", url);
  server.close();
  expect(err).toBe("");
  const kinds = asked.map(({ path }) => path);
  expect(kinds.slice(0, 4)).toEqual([
    "experiments/search",
    "experiments/get-by-name",
    "experiments/create",
    "runs/create",
  ]);
  expect(asked[2]?.body).toEqual({ name: "birds" });
  expect(asked[3]?.body).toMatchObject({ experiment_id: "7", run_name: run });
  expect(asked[4]?.body).toMatchObject({
    run_id: "abc",
    params: expect.arrayContaining([{ key: "shots", value: "5" }]),
  });
  expect(asked.at(-1)).toMatchObject({ path: "runs/update", body: { run_id: "abc", status: "FINISHED" } });
  const metrics = asked.flatMap(({ body }) => (body["metrics"] ?? []) as { key: string; step: number }[]);
  expect(metrics.filter(({ key }) => key === "proto/train/loss").map(({ step }) => step)).toEqual(
    Array.from({ length: 40 }, (_, i) => i + 1),
  );
  expect(metrics.filter(({ key }) => key === "test/result/accuracy")).toMatchObject([{ value: 0.7831, step: 0 }]);
});

test("a server that fails is named once, and the run is shown to its end", async () => {
  const { server, url } = await mlflow("runs/log-batch");
  const { code, out, err } = await attach("--mlflow", url);
  server.close();
  expect(err.match(/MLflow gets no more of this run/g)).toHaveLength(1);
  expect(err).toContain("INVALID_PARAMETER_VALUE no");
  expect([code, out.includes('"run.done"')]).toEqual([0, true]);
});

test("an address without a server is refused before anything runs", async () => {
  for (const url of ["ftp://x", "http://127.0.0.1:9"]) {
    const { code, out, err } = await attach("--mlflow", url);
    expect([code, out]).toEqual([expect.any(Number), ""]);
    expect(err).toContain("FSL7042");
  }
});
