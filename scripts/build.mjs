// Compiles to dist/, and prepares there what would take time at every start: the trees of the library, the decisions of the
// parser, functions that check the JSON schemas, and the command line as a few files instead of hundreds. It runs as `postprepare`, so that `npx fslc` works after
// `npm ci` on a fresh clone. Not as `prepare`, which npm counts among the install scripts of a packed file and warns of. It also
// runs before a package is packed, with --clean, which removes older builds.
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

const { writeSchemaChecks } = await import("../dist/src/runtime/system/schema-checks.js");
writeSchemaChecks();

// The scripts of the pages run in browsers, one file for each.
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "src/pages"], { stdio: "inherit" });
const pages = await rolldown({ input: { serve: "src/pages/serve/main.ts" }, platform: "browser" });
await pages.write({ dir: "dist/pages", minify: true });
await pages.close();

// Packages are not bundled. Modules that are loaded on demand stay in files of their own. The files of an older build stay
// beside them, for a run that started with it.
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
      // A module that looks for files beside itself finds them beside its original in dist/src.
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
