// Compiles to dist/, and works out there what would take time at every start: the library's trees, the parser's decisions,
// and the command line as a few files instead of hundreds. Runs as `prepare`, so that `npm ci` on a fresh clone leaves a
// working `npx fslc`, and before a package is packed; then with --clean, so that nothing of an older build is left.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";
import { basename, isAbsolute, relative } from "node:path";
import { rolldown } from "rolldown";

const Cli = "dist/cli";

if (process.argv.includes("--clean")) rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });

const { recoveringParser } = await import("../dist/grammar/parser.js");
const decisions = JSON.stringify(JSON.stringify(recoveringParser().decisions));
const { writeLibraryTrees } = await import("../dist/src/runtime/host/library.js");
writeLibraryTrees(new URL("../specs/", import.meta.url));

// Packages stay outside. What is loaded on demand stays so, in files of its own; an older build's lie beside them, for a
// run that began with it.
const bundle = await rolldown({
  input: { main: "dist/src/cli/main.js" },
  platform: "node",
  external: (id) => !id.startsWith(".") && !isAbsolute(id),
  plugins: [
    {
      name: "known-decisions",
      load: (id) =>
        basename(id) === "known-decisions.js" ? `export const knownDecisions = JSON.parse(${decisions});` : null,
    },
    {
      // Files that a module finds beside itself lie beside what it was made from.
      name: "own-places",
      transform(code, id) {
        const place = `new URL(${JSON.stringify(relative(Cli, id))}, import.meta.url).href`;
        return code.includes("import.meta.url") ? code.replaceAll("import.meta.url", place) : null;
      },
    },
  ],
});
await bundle.write({ dir: Cli, chunkFileNames: "[name]-[hash].js" });
await bundle.close();
chmodSync(`${Cli}/main.js`, 0o755);
