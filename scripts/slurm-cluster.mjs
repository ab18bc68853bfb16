// A Slurm of two nodes on this machine, without installing it and without its services, for tests and campaigns:
//   node scripts/slurm-cluster.mjs fetch [FOLDER]    downloads Debian's packages and unpacks them
//   node scripts/slurm-cluster.mjs start STATE       starts a cluster with its state in a folder, until Ctrl-C
import { execFileSync, spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { userInfo } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

const packages = [
  ...["slurmctld", "slurmd", "slurm-client", "slurm-wlm-basic-plugins"],
  ...["munge", "libmunge2", "libhwloc15", "liblua5.1-0"],
];
export const defaultFolder = fileURLToPath(new URL("../node_modules/.cache/slurm", import.meta.url));

/** Unpacks the packages into a folder. @throws an error if they cannot be had. */
export function fetchSlurm(folder = defaultFolder) {
  if (existsSync(join(folder, "usr/sbin/slurmctld-wlm"))) return;
  mkdirSync(dirname(folder), { recursive: true });
  const beside = mkdtempSync(`${folder}-`);
  try {
    execFileSync("apt-get", ["download", ...packages], { cwd: beside, stdio: ["ignore", "ignore", "pipe"] });
    for (const name of readdirSync(beside).filter((one) => one.endsWith(".deb"))) {
      execFileSync("dpkg", ["-x", join(beside, name), beside]);
      rmSync(join(beside, name));
    }
    execFileSync("mv", ["-T", beside, folder]);
  } finally {
    rmSync(beside, { recursive: true, force: true });
  }
}

/** Returns why no cluster can be started from a folder, or undefined if one can. */
export function whyNoSlurm(folder = defaultFolder) {
  if (existsSync(join(folder, "usr/sbin/slurmctld-wlm"))) return undefined;
  return "Debian's packages of Slurm are not unpacked: node scripts/slurm-cluster.mjs fetch";
}

/**
 * Starts a controller and two nodes with two cores each. Returns the environment of its clients, the daemons by name, and a function
 * that starts a daemon again.
 */
export async function startCluster(state, folder = defaultFolder) {
  const lib = join(
    folder,
    "usr/lib",
    readdirSync(join(folder, "usr/lib")).find((name) => name.endsWith("-linux-gnu")),
  );
  const user = userInfo().username;
  const isRoot = process.getuid() === 0;
  mkdirSync(join(state, "ctld"), { recursive: true });
  const [ctldPort, port1, port2] = await freePorts(3);
  const conf = join(state, "slurm.conf");
  const socket = join(state, "munge.socket");
  writeFileSync(
    conf,
    [
      ...["ClusterName=fslc", "SlurmctldHost=localhost(127.0.0.1)", `SlurmctldPort=${ctldPort}`],
      ...[`SlurmUser=${user}`, `SlurmdUser=${user}`, `StateSaveLocation=${join(state, "ctld")}`],
      ...[
        `SlurmdSpoolDir=${state}/spool-%n`,
        `SlurmdPidFile=${state}/slurmd-%n.pid`,
        `SlurmctldPidFile=${state}/ctld.pid`,
      ],
      ...[
        `SlurmctldLogFile=${state}/ctld.log`,
        `SlurmdLogFile=${state}/slurmd-%n.log`,
        `PluginDir=${join(lib, "slurm-wlm")}`,
      ],
      ...["ProctrackType=proctrack/linuxproc", "TaskPlugin=task/none", "JobAcctGatherType=jobacct_gather/none"],
      ...["AccountingStorageType=accounting_storage/none", "MpiDefault=none", "SelectType=select/cons_tres"],
      ...["SelectTypeParameters=CR_Core", "SchedulerParameters=bf_interval=1,sched_interval=1", "ReturnToService=2"],
      ...["KillWait=5", "SlurmdParameters=config_overrides", "MinJobAge=300"],
      // Without munge nobody is authenticated, which an ordinary user can run. Root is refused so, and runs a munge of its own.
      ...(isRoot
        ? ["AuthType=auth/munge", `AuthInfo=socket=${socket},cred_expire=5`]
        : ["AuthType=auth/none", "CredType=cred/none"]),
      ...[port1, port2].map(
        (port, i) => `NodeName=n${i + 1} NodeHostname=localhost NodeAddr=127.0.0.1 Port=${port} CPUs=2 RealMemory=2000`,
      ),
      "PartitionName=main Nodes=n1,n2 Default=YES MaxTime=INFINITE State=UP",
      "",
    ].join("\n"),
  );
  const env = {
    ...process.env,
    SLURM_CONF: conf,
    LD_LIBRARY_PATH: `${lib}:${join(lib, "slurm-wlm")}`,
    PATH: `${join(folder, "usr/bin")}:${process.env.PATH}`,
  };
  const sbin = (name) => join(folder, "usr/sbin", name);
  const commands = {
    munge: [
      ...[sbin("munged"), "--force", "--foreground", `--key-file=${join(state, "munge.key")}`, `--socket=${socket}`],
      ...[`--pid-file=${state}/munge.pid`, `--log-file=${state}/munge.log`, `--seed-file=${state}/munge.seed`],
    ],
    ctld: [sbin("slurmctld-wlm"), "-D", "-i"],
    n1: [sbin("slurmd-wlm"), "-D", "-N", "n1", "-d", sbin("slurmstepd-wlm")],
    n2: [sbin("slurmd-wlm"), "-D", "-N", "n2", "-d", sbin("slurmstepd-wlm")],
  };
  const daemons = {};
  const start = (name) => {
    const [program, ...words] = commands[name];
    daemons[name] = spawn(program, words, { env, stdio: "ignore" });
  };
  if (isRoot) {
    writeFileSync(join(state, "munge.key"), Buffer.alloc(128, 7), { mode: 0o600 });
    chmodSync(state, 0o755);
    start("munge");
    await until(() => existsSync(socket), "munge");
  }
  start("ctld");
  await until(() => answers(ctldPort), "slurmctld");
  start("n1");
  start("n2");
  const idle = () => execFileSync("sinfo", ["-h", "-N", "-o", "%T"], { env, encoding: "utf8" }) === "idle\nidle\n";
  await until(() => idle(), "the nodes");
  const stop = async () => {
    execFileSync("scancel", ["-u", user], { env, stdio: "ignore" });
    const empty = () => execFileSync("squeue", ["-h"], { env, encoding: "utf8" }) === "";
    await until(empty, "the jobs to end").catch(() => {});
    for (const name of ["n1", "n2", "ctld", "munge"]) await ended(daemons[name]);
  };
  return { env, daemons, start, stop };
}

async function ended(child) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const exit = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  await Promise.race([exit, sleep(5000).then(() => child.kill("SIGKILL"))]);
}

async function until(holds, what) {
  for (let i = 0; i < 150; i++) {
    if (
      await Promise.resolve()
        .then(holds)
        .catch(() => false)
    )
      return;
    await sleep(200);
  }
  throw new Error(`${what} did not start in 30 seconds`);
}

function answers(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(socket.destroy() !== undefined));
    socket.once("error", () => resolve(false));
  });
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer());
  await Promise.all(servers.map((one) => new Promise((resolve) => one.listen(0, "127.0.0.1", resolve))));
  const ports = servers.map((one) => one.address().port);
  await Promise.all(servers.map((one) => new Promise((resolve) => one.close(resolve))));
  return ports;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [what, folder] = process.argv.slice(2);
  if (what === "fetch") fetchSlurm(folder);
  else if (what === "start" && folder !== undefined) {
    const { env, stop } = await startCluster(folder);
    console.log(["SLURM_CONF", "LD_LIBRARY_PATH", "PATH"].map((name) => `export ${name}=${env[name]}`).join("\n"));
    await new Promise((resolve) => process.once("SIGINT", resolve).once("SIGTERM", resolve));
    await stop();
  } else {
    console.error("usage: node scripts/slurm-cluster.mjs fetch [FOLDER] | start STATE");
    process.exit(3);
  }
}
