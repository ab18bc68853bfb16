/** `fslc serve` over HTTP: the scores of the evaluation, corrections, who may ask, and uploads that mean harm. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { routes } from "../../src/cli/serve/routes.js";
import { noneOfThese } from "../../src/cli/serve/state.js";
import type { View } from "../../src/cli/serve/view.js";
import { fslc } from "./command-line.js";
import { colored, formOf, type ServedProject, type Server, servedProject, startServe } from "./served.js";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 240_000 });

let served: ServedProject;
let server: Server;
beforeAll(async () => {
  served = await servedProject();
  server = await startServe(served.file, "test");
});
afterAll(async () => {
  expect((await server.stop()).code).toBe(0);
  expect(readdirSync(served.project.home).filter((name) => name.includes("predict"))).toEqual([]);
  rmSync(served.project.dir, { recursive: true, force: true });
});

async function viewAfter(...asked: Parameters<Server["ask"]>): Promise<View> {
  const response = await server.ask(...asked);
  const text = await response.text();
  expect(response.status, text).toBe(200);
  return JSON.parse(text) as View;
}
async function empty(): Promise<void> {
  const { classes, queries } = await viewAfter("GET", "/api/view");
  for (const { name } of classes) await viewAfter("DELETE", `/api/classes/${encodeURIComponent(name)}`);
  for (const { id } of queries) await viewAfter("DELETE", `/api/images/${id}`);
}
const bestOf = ({ queries }: View): (string | undefined)[] => queries.map(({ result }) => result?.classes[0]?.name);

test("the scores are those of the evaluation on the same images", async () => {
  const runs = join(served.project.home, "runs");
  const logits = join(runs, readdirSync(runs).sort().at(-1) ?? "", "results", "test", "logits.json");
  const { episodes } = JSON.parse(readFileSync(logits, "utf8")) as {
    episodes: { class: string; support: string[]; query: string[]; logits: number[][] }[][];
  };
  const classes = episodes[0] ?? [];
  const file = (path: string): Buffer => readFileSync(join(served.project.dir, "images", path));
  for (const [way, { support }] of classes.entries()) {
    const form = formOf(...support.map((path) => [path, file(path)] as const));
    await viewAfter("POST", `/api/classes/way-${way}/images`, form);
  }
  const queries = classes.flatMap(({ query }) => query);
  const response = await server.ask(
    "POST",
    "/api/classify",
    formOf(...queries.map((path) => [path, file(path)] as const)),
  );
  const { images } = (await response.json()) as { images: { classes: { name: string; score: number }[] }[] };
  const expected = classes.flatMap(({ logits: rows }) => rows);
  expect(images).toHaveLength(expected.length);
  for (const [i, { classes: ranked }] of images.entries())
    for (const [way, score] of (expected[i] ?? []).entries())
      expect(ranked.find(({ name }) => name === `way-${way}`)?.score).toBeCloseTo(score, 4);
  await empty();
});

describe("corrections", () => {
  test("an image becomes an example at once, an undo takes it back, and a kept set comes back", async () => {
    await viewAfter("POST", "/api/classes/red%20ones/images", formOf(["a.png", await colored("red", 1)]));
    await viewAfter("POST", "/api/classes/green/images", formOf(["b.png", await colored("green", 1)]));
    const asked = await viewAfter("POST", "/api/queries", formOf(["../../etc/c.png", await colored("blue", 1)]));
    const [query] = asked.queries;
    expect(query?.name).toBe("c.png");
    expect(bestOf(asked)).not.toEqual([noneOfThese]);
    const path = `/api/queries/${query?.id}/class`;
    const none = await viewAfter("PUT", path, { class: null });
    expect(bestOf(none)).toEqual([noneOfThese]);
    const named = await viewAfter("PUT", path, { class: "blue" });
    expect(named.classes.map(({ name, images }) => [name, images.length])).toEqual([
      ["red ones", 1],
      ["green", 1],
      ["blue", 1],
    ]);
    expect(named.queries[0]?.said).toBe("blue");
    const more = await viewAfter("POST", "/api/queries", formOf(["d.png", await colored("blue", 2)]));
    expect(bestOf(more)).toEqual(["blue", "blue"]);
    expect(more.queries[0]?.result?.nearest[0]?.class).toBe("blue");
    await viewAfter("PUT", "/api/sets/colors", undefined);
    for (let i = 0; i < 3; i++) await viewAfter("POST", "/api/undo");
    const undone = await viewAfter("GET", "/api/view");
    expect(undone.queries[0]?.said).toBeUndefined();
    expect(undone.classes).toHaveLength(2);
    const loaded = await viewAfter("POST", "/api/sets/colors/load");
    expect(loaded.classes.map(({ name }) => name)).toEqual(["red ones", "green", "blue"]);
    expect(bestOf(loaded)).toEqual(["blue"]);
    expect(loaded.sets).toEqual(["colors"]);
    const picture = await server.ask("GET", `/api/images/${query?.id}`);
    expect(picture.headers.get("content-type")).toBe("image/png");
    await empty();
  });

  test("a metric that needs equal numbers says so, and its page stays", async () => {
    const other = await startServe(served.file, "attention");
    const add = async (name: string, count: number): Promise<void> => {
      const images = await Promise.all(Array.from({ length: count }, (_, i) => colored("red", i)));
      await other.ask("POST", `/api/classes/${name}/images`, formOf(...images.map((one) => ["x.png", one] as const)));
    };
    await add("one", 1);
    await add("two", 2);
    const response = await other.ask("POST", "/api/queries", formOf(["q.png", await colored("blue", 1)]));
    const { problem } = (await response.json()) as View;
    expect(problem).toContain("it needs the same number of each");
    await other.stop();
  });
});

describe("who may ask", () => {
  const status = (headers: Record<string, string>, path = "/api/view"): Promise<number> =>
    new Promise((resolve, reject) => {
      const { hostname, port } = new URL(server.origin);
      httpRequest({ hostname, port, path, headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end();
    });
  const bearer = (): { Authorization: string } => ({ Authorization: `Bearer ${server.token}` });

  test("only requests with the token, under the server's name, from its own page", async () => {
    expect(await status({})).toBe(401);
    expect(await status({ Authorization: `Bearer ${"x".repeat(server.token.length)}` })).toBe(401);
    expect(await status(bearer())).toBe(200);
    expect(await status({ ...bearer(), Host: "evil.example" })).toBe(421);
    expect(await status({ ...bearer(), Host: `evil.example:${new URL(server.origin).port}` })).toBe(421);
    expect(await status({ ...bearer(), Origin: "http://evil.example" })).toBe(403);
    expect(await status({ ...bearer(), Origin: "null" })).toBe(403);
    expect(await status({ ...bearer(), "Sec-Fetch-Site": "cross-site" })).toBe(403);
    expect(await status({ ...bearer(), Origin: server.origin })).toBe(200);
  });

  test("the address sets a cookie and leaves the token behind; every answer has the headers", async () => {
    const first = await fetch(server.address, { redirect: "manual" });
    expect([first.status, first.headers.get("location")]).toEqual([303, "/"]);
    const cookie = first.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/; HttpOnly; SameSite=Strict$/);
    const page = await fetch(`${server.origin}/`, { headers: { Cookie: cookie.split(";")[0] ?? "" } });
    expect(page.status).toBe(200);
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'");
    expect(page.headers.get("x-content-type-options")).toBe("nosniff");
    const script = await fetch(`${server.origin}/page.js`, { headers: { Cookie: cookie.split(";")[0] ?? "" } });
    expect((await script.text()).length).toBeLessThan(150_000);
  });
});

describe("uploads that mean harm", () => {
  /** A PNG that says it has this many pixels, and has no data. */
  function hugePng(width: number, height: number): Buffer {
    const png = Buffer.from("89504e470d0a1a0a0000000d494844520000000000000000080200000000000000", "hex");
    png.writeUInt32BE(width, 16);
    png.writeUInt32BE(height, 20);
    return png;
  }
  const refused = async (body: FormData, headers?: Record<string, string>): Promise<[number, string]> => {
    const response = await server.ask("POST", "/api/classify", body, headers);
    expect(response.headers.get("content-type")).toBe("application/problem+json");
    const { detail } = (await response.json()) as { detail: string };
    expect(detail).not.toContain(served.project.dir);
    return [response.status, detail];
  };

  test("other kinds of files, drawings that could name other files, broken and huge images", async () => {
    expect(await refused(formOf(["a.png", Buffer.from("no image")]))).toEqual([
      415,
      "`a.png` is no image that is read: PNG, JPEG, WebP, AVIF, GIF, TIFF, BMP or PNM",
    ]);
    expect((await refused(formOf(["a.svg", Buffer.from("<svg xmlns='http://www.w3.org/2000/svg'/>")])))[0]).toBe(415);
    expect((await refused(formOf(["a.png", hugePng(60_000, 60_000)])))[0]).toBe(415);
    expect((await refused(formOf(["a.png", (await colored("red", 1)).subarray(0, 60)])))[0]).toBe(415);
    expect((await refused(new FormData()))[0]).toBe(400);
  });

  test("too large and too many images, and JSON that is none", async () => {
    const large = Buffer.alloc(11 * 2 ** 20);
    large.set(await colored("red", 1));
    expect((await refused(formOf(["large.png", large])))[0]).toBe(413);
    const many = Array.from({ length: 101 }, (_, i) => [`${i}.png`, Buffer.from("x")] as const);
    expect(await refused(formOf(...many))).toEqual([413, "one request has at most 100 images"]);
    const badJson = await server.ask("PUT", "/api/queries/x/class", [1] as object);
    expect(badJson.status).toBe(400);
    expect((await server.ask("PUT", "/api/sets/..%2F..%2Fx")).status).toBe(400);
    expect(
      (await server.ask("POST", "/api/classes/%00/images", formOf(["a.png", await colored("red", 1)]))).status,
    ).toBe(400);
    expect((await server.ask("GET", "/api/images/..%2F..%2Fstripes.fsl")).status).toBe(404);
    expect((await server.ask("PATCH", "/api/view")).status).toBe(405);
  });

  test("a body that says it has a gigabyte is refused before it is sent, and half a form is no form", async () => {
    const { hostname, port } = new URL(server.origin);
    const send = (headers: Record<string, string | number>, body: string): Promise<number> =>
      new Promise((resolve, reject) => {
        const request = httpRequest({ hostname, port, path: "/api/classify", method: "POST", headers }, (response) => {
          response.resume();
          resolve(response.statusCode ?? 0);
        });
        request.on("error", reject);
        request.write(body);
        if (!("Content-Length" in headers)) request.end();
      });
    const type = { "Content-Type": "multipart/form-data; boundary=b", Authorization: `Bearer ${server.token}` };
    expect(await send({ ...type, "Content-Length": 2 ** 30 }, "--b\r\n")).toBe(413);
    expect(await send(type, '--b\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n\r\nhalf')).toBe(
      400,
    );
    expect(await send({ ...type, "Content-Type": "multipart/form-data" }, "x")).toBe(400);
  });

  test("a hundred at the same time are all answered, and none is lost", async () => {
    const images = await Promise.all(Array.from({ length: 100 }, (_, i) => colored("red", i)));
    const asked = images.map((image, i) =>
      server.ask("POST", `/api/classes/c${i % 5}/images`, formOf([`${i}.png`, image])),
    );
    expect(new Set((await Promise.all(asked)).map((response) => response.status))).toEqual(new Set([200]));
    const { classes } = await viewAfter("GET", "/api/view");
    expect(classes.map(({ images: own }) => own.length)).toEqual([20, 20, 20, 20, 20]);
    await empty();
  });
});

test("kept sets are added to, listed, used by predictions and removed", async () => {
  const { dir } = served.project;
  const support = (...argv: string[]) => fslc("support", ...argv, "--project", dir);
  const image = (path: string): string => join(dir, "images", "test", path);
  expect((await support("add", "mine", join(dir, "images", "test"))).code).toBe(0);
  expect((await support("add", "mine", image("test-0/0.png"), image("test-0/1.png"), "--class", "new")).out).toMatch(
    /mine +new +2$/m,
  );
  await support("add", "mine", image("test-0/0.png"), "--class", "new");
  const listed = JSON.parse((await support("list", "--json")).out) as { name: string; classes: unknown[] }[];
  expect(listed.find(({ name }) => name === "mine")?.classes).toEqual([
    { name: "test-0", images: 12 },
    { name: "test-1", images: 12 },
    { name: "test-2", images: 12 },
    { name: "new", images: 2 },
  ]);
  const predicted = await fslc("predict", served.file, "test", image("test-1/3.png"), "--support", "mine", "--csv");
  expect(predicted.out).toMatch(/^file,class,probability,test-0,test-1,test-2,new\n/);
  expect((await support("rm", "mine")).code).toBe(0);
  expect((await support("rm", "mine")).err).toContain("there is no such set");
  expect((await support("add", "../mine", image("test-0"), "--class", "x")).code).toBe(3);
});

test("the OpenAPI description has every route, and an answer is as it says", async () => {
  const { paths, components } = (await (await server.ask("GET", "/openapi.json")).json()) as {
    paths: Record<string, Record<string, unknown>>;
    components: { schemas: object };
  };
  expect(routes.filter(({ path, method }) => paths[path]?.[method.toLowerCase()] === undefined)).toEqual([]);
  await viewAfter("POST", "/api/classes/a/images", formOf(["a.png", await colored("red", 1)]));
  await viewAfter("POST", "/api/classes/b/images", formOf(["b.png", await colored("green", 1)]));
  const view = await viewAfter("POST", "/api/queries", formOf(["c.png", await colored("red", 2)]));
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: "api", components });
  expect(ajv.validate({ $ref: "api#/components/schemas/View" }, view), ajv.errorsText()).toBe(true);
  await empty();
});

test("a transductive metric, an unknown stage, a port in use and a port that is none are refused", async () => {
  const together = await fslc("serve", served.file, "together");
  expect(together.code).toBe(3);
  expect(together.err.replace(/\s+/g, " ")).toContain("is transductive: it classifies many images together");
  expect((await fslc("serve", served.file, "tst")).err).toContain("FSL7041");
  const { port } = new URL(server.origin);
  expect((await fslc("serve", served.file, "test", "--port", port)).err).toContain(
    "another program listens at this port",
  );
  expect((await fslc("serve", served.file, "test", "--port", "x")).code).toBe(3);
});
