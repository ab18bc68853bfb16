// Compiles to dist/. Runs as `prepare`, so that `npm ci` on a fresh clone leaves a working `fslc`.
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync } from "node:fs";

execFileSync(process.execPath, ["node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json"], { stdio: "inherit" });
if (existsSync("dist/src/cli/main.js")) chmodSync("dist/src/cli/main.js", 0o755);
