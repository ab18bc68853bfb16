/** `fslc runs crate` writes a folder that is whole: what its metadata name is there, and what is there is named. */
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createRunFolder } from "../../src/runtime/run/run-folder.js";
import { saveResults } from "../../src/runtime/store/run-results.js";
import { writeEntry } from "../../src/runtime/store/store.js";
import type { Project } from "../../src/runtime/system/project.js";
import { finished } from "../runtime/stored.js";
import { fslc } from "./command-line.js";
import { fakeRun } from "./fake-run.js";

let project: Project;
beforeEach(() => {
  const dir = mkdtempSync(join(tmpdir(), "fslc-crate-"));
  project = { dir, home: join(dir, ".fslc") };
});
afterEach(() => rmSync(project.dir, { recursive: true, force: true }));

interface Entity {
  readonly "@id": string;
  readonly "@type": string;
  readonly identifier?: string;
  readonly name?: string;
  readonly value?: unknown;
}

test("what the metadata name is there, and what is there is named", async () => {
  const folder = createRunFolder(project, "20260101-120000");
  for (const event of fakeRun({ steps: 4, stepsPerEpoch: 2 })) folder.append(event);
  folder.write("source/e.fsl", "fsl 1\n");
  folder.write("logs/proto.log", "not for the crate");
  saveResults(folder.dir, "test", await writeEntry(join(project.home, "store"), finished()));
  folder.close();
  const crate = join(project.dir, "crate");
  const { code, out } = await fslc("runs", "crate", "-o", crate, "--project", project.dir);
  expect([code, out]).toEqual([0, `${relative(process.cwd(), join(crate, "ro-crate-metadata.json"))}\n`]);

  const { "@graph": graph } = JSON.parse(readFileSync(join(crate, "ro-crate-metadata.json"), "utf8")) as {
    "@graph": Entity[];
  };
  const ids = graph.map((entity) => entity["@id"]);
  expect(new Set(ids).size).toBe(ids.length);
  // Every reference leads to an entity, save that to the specification.
  const references = JSON.stringify(graph).matchAll(/\{"@id":"([^"]*)"\}/g);
  const missing = [...references].map(([, id = ""]) => id).filter((id) => !ids.includes(id));
  expect(missing).toEqual(["https://w3id.org/ro/crate/1.1"]);
  const written = readdirSync(crate, { recursive: true, encoding: "utf8" }).filter((name) =>
    statSync(join(crate, name)).isFile(),
  );
  const files = graph.filter((entity) => entity["@type"] === "File");
  expect(files.map((file) => file["@id"]).sort()).toEqual(
    written.filter((name) => !name.startsWith("ro-crate")).sort(),
  );
  expect(written.filter((name) => name.includes("log"))).toEqual([]);
  for (const { "@id": id, identifier } of files) {
    expect(identifier).toBe(
      `sha256:${createHash("sha256")
        .update(readFileSync(join(crate, id)))
        .digest("hex")}`,
    );
  }
  expect(graph.find(({ name }) => name === "seed")?.value).toBe("0");

  const again = await fslc("runs", "crate", "-o", crate, "--project", project.dir);
  expect(again.code).toBe(1);
  expect(again.err).toContain("it is not empty");
});
