import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { fetchPackages, type PinnedPackage } from "../../src/runtime/system/npm-packages.js";
import { failsWith, tempDir, write } from "./support.js";
import { integrityOf, tarball } from "./tarball.js";

const archive = tarball({ "package/icons.json": '{"icons":{}}' });
const integrity = integrityOf(archive);
const pinned: PinnedPackage = { name: "@icons/few", version: "1.0.0", integrity };
const token = "a-token-of-the-users";

/** A registry that wants its token. */
let server: Server;
let registry = "";
let asked: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request.url ?? "");
    if (request.headers.authorization !== `Bearer ${token}`) {
      response.writeHead(401).end("{}");
    } else if (request.url === "/@icons%2ffew") {
      const dist = { tarball: `${registry}few.tgz`, integrity };
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          name: pinned.name,
          "dist-tags": { latest: "1.0.0" },
          versions: { "1.0.0": { name: pinned.name, version: "1.0.0", dist } },
        }),
      );
    } else if (request.url === "/few.tgz") response.end(archive);
    else response.writeHead(404).end("{}");
  });
  await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
  registry = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});
afterAll(() => server.close());
afterEach(() => {
  vi.unstubAllEnvs();
  asked = [];
});

/** A project whose .npmrc names the registry, its token and a cache of its own. */
function project(host = registry, secret = token): string {
  const dir = tempDir();
  write(join(dir, "package.json"), "{}");
  const auth = `${host.replace("http:", "")}:_authToken=${secret}`;
  write(
    join(dir, ".npmrc"),
    [`registry=${host}`, auth, `cache=${join(dir, "npm-cache")}`, "fetch-retries=0"].join("\n"),
  );
  for (const name of Object.keys(process.env))
    if (/^npm_config_(registry|cache)$/i.test(name)) vi.stubEnv(name, undefined);
  return dir;
}
async function fetched(dir: string, packages: readonly PinnedPackage[]): Promise<string> {
  await fetchPackages(packages, () => join(dir, "out"), {
    projectDir: dir,
    signal: new AbortController().signal,
    onBytes: () => undefined,
  });
  return readFileSync(join(dir, "out/icons.json"), "utf8");
}

describe("data packages", () => {
  test("come from the registry of the user's npm configuration, with its authentication, and unpacked", async () => {
    expect(await fetched(project(), [pinned])).toBe('{"icons":{}}');
    expect(asked).toContain("/few.tgz");
  });

  test("are refused where their bytes are not the pinned ones", async () => {
    const other = { ...pinned, integrity: integrityOf(Buffer.from("other")) };
    const { message } = await failsWith("FSL6021", () => fetched(project(), [other]));
    expect(message).toContain("@icons/few@1.0.0");
  });

  test("that cannot be had say why and what fixes it", async () => {
    const offline = await failsWith("FSL6020", () => fetched(project("http://127.0.0.1:9/"), [pinned]));
    expect(offline.help.join()).toContain("npm ping");
    const refused = await failsWith("FSL6020", () => fetched(project(registry, "wrong"), [pinned]));
    expect(refused.help.join()).toContain("npm login");
    const unknown = await failsWith("FSL6020", () => fetched(project(), [{ ...pinned, version: "2.0.0" }]));
    expect(unknown.help.join()).toContain("npm config get registry");
  });
});
