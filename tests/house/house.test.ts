/** The structure of the source: which room may import which, which files may import one another, and that what texts name exists. */
import { describe, expect, it } from "vitest";
import { missingReferences } from "./references.js";
import { permittedCircles, roomOf, rooms } from "./rooms.js";
import { circles, importGraph, sourceFiles } from "./sources.js";

const files = new Map([...sourceFiles("grammar"), ...sourceFiles("src")]);
const graph = importGraph(files);

describe("rooms", () => {
  it("stand in an order in which each imports only what stands below it", () => {
    const order = Object.keys(rooms);
    const upward = Object.entries(rooms).flatMap(([room, allowed]) =>
      allowed.filter((other) => order.indexOf(other) >= order.indexOf(room)).map((other) => `${room} -> ${other}`),
    );
    expect(upward).toEqual([]);
  });
  it("hold every file", () => {
    expect([...files.keys()].filter((file) => roomOf(file) === undefined)).toEqual([]);
  });
  it("import only what they may", () => {
    const forbidden = [...graph].flatMap(([file, imports]) => {
      const room = roomOf(file) ?? "";
      return [...imports].flatMap((other) => {
        const target = roomOf(other) ?? "";
        return target === room || rooms[room]?.includes(target) ? [] : [`${file} -> ${other}`];
      });
    });
    expect(forbidden).toEqual([]);
  });
  it("may import nothing that they do not", () => {
    const used = new Set(
      [...graph].flatMap(([file, imports]) => [...imports].map((other) => `${roomOf(file)} -> ${roomOf(other)}`)),
    );
    const unused = Object.entries(rooms).flatMap(([room, allowed]) =>
      allowed.map((other) => `${room} -> ${other}`).filter((arrow) => !used.has(arrow)),
    );
    expect(unused).toEqual([]);
  });
});

it("files import one another only where a reason is given", () => {
  const permitted = permittedCircles.map(({ files: circle }) => [...circle].sort());
  expect(circles(graph)).toEqual(expect.arrayContaining(permitted));
  expect(circles(graph).filter((circle) => !permitted.some((known) => known.join() === circle.join()))).toEqual([]);
});

/** The files that write to a stream directly: what they write has colors or is redrawn, and its parts are cleaned before; or it is a file. */
const directWriters = [
  "src/cli/commands/fmt.ts",
  "src/cli/commands/plan.ts",
  "src/cli/commands/run.ts",
  "src/cli/progress.ts",
  "src/cli/report-errors.ts",
  "src/cli/reporters/ink.tsx",
  "src/cli/reporters/json.ts",
  "src/cli/reporters/plain.ts",
  "src/cli/say.ts",
  "src/cli/watch.ts",
];

it("the command line prints with `say`, so that no name from outside acts on the terminal", () => {
  const writers = [...files].filter(([file, text]) => file.startsWith("src/cli/") && /\.write\(|console\./.test(text));
  expect(writers.map(([file]) => file).sort()).toEqual(directWriters);
});

it("files that comments and documents name exist", () => {
  expect(missingReferences()).toEqual([]);
});
