// Compiles to dist/, the library's .fsl files too: to trees. Runs as `prepare`, so that `npm ci` on a fresh clone leaves a
// working `npx fslc`, and before a package is packed; then with --clean, so that nothing of an older build is left.
import { execFileSync } from "node:child_process";
import { chmodSync, rmSync } from "node:fs";

const BIN = "dist/src/cli/main.js";

if (process.argv.includes("--clean")) rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
chmodSync(BIN, 0o755);
const { writeLibraryTrees } = await import("../dist/src/runtime/library.js");
writeLibraryTrees(new URL("../specs/", import.meta.url));
