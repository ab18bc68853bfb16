/** The short form of `scripts/slurm.mjs`: a sweep on a real Slurm of two nodes, whose process and one job are killed. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
// `node scripts/slurm-cluster.mjs fetch` unpacks Debian's packages there. Where they cannot be had, the test counts as skipped.
const isUnpacked = existsSync(`${root}node_modules/.cache/slurm/usr/sbin/slurmctld-wlm`);

test.skipIf(!isUnpacked)(
  "a sweep on Slurm, whose process and one job are killed, has the bits of a sweep without Slurm",
  {
    timeout: 300_000,
  },
  () => {
    const { status, stdout, stderr } = spawnSync(process.execPath, ["scripts/slurm.mjs", "--short"], {
      cwd: root,
      encoding: "utf8",
    });
    expect(status, stdout + stderr).toBe(0);
  },
);
