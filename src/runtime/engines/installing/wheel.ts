/** Downloads wheels with pip, checks their pinned digests, keeps them until the installation is done, and unpacks parts of them. */
import { createHash } from "node:crypto";
import { createReadStream, createWriteStream, existsSync } from "node:fs";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { openPromise } from "yauzl";
import { DiagnosticError, diagnostic } from "../../../compiler/diagnostics/diagnostic.js";
import { folderSize } from "../../system/folder-size.js";
import { findCommand, runCommand } from "./command.js";

export interface PinnedWheel {
  /** The name in the Python package index. */
  readonly project: string;
  readonly version: string;
  readonly file: string;
  /** The size of the wheel. */
  readonly bytes: number;
  /** The approximate size of the files that are unpacked from it. */
  readonly unpacked: number;
  readonly sha256: string;
}

/** Finds the command that runs pip. @throws DiagnosticError FSL7071 if there is none. */
export async function findPip(engine: string, signal: AbortSignal): Promise<readonly [string, ...string[]]> {
  const found = await findCommand(
    [["python3", "-m", "pip"], ["python", "-m", "pip"], ["pip3"], ["pip"]],
    ["--version"],
    signal,
  );
  if (found !== undefined) return found;
  throw new DiagnosticError(
    diagnostic(
      "FSL7071",
      undefined,
      { tool: "pip, Python's package installer,", engine },
      {
        help: [
          "install pip (`apt-get install python3-pip`, `dnf install python3-pip`), then run the same command again",
        ],
      },
    ),
  );
}

export interface FetchWheel {
  readonly pip: readonly [string, ...string[]];
  /** The folder for finished downloads. */
  readonly folder: string;
  readonly signal: AbortSignal;
  readonly onBytes: (done: number) => void;
}

/** Tells whether the wheel was downloaded completely. A damaged file is removed. */
export async function isDownloaded(wheel: PinnedWheel, folder: string, signal: AbortSignal): Promise<boolean> {
  const path = join(folder, wheel.file);
  if (!existsSync(path)) return false;
  if ((await sha256(path, signal)) === wheel.sha256) return true;
  await rm(path);
  return false;
}

/**
 * Downloads the wheel with pip, which uses the index, proxy and certificates of the user's pip configuration.
 * @throws DiagnosticError FSL7073 if it cannot be downloaded, FSL7074 if it is not the pinned file.
 */
export async function fetchWheel(wheel: PinnedWheel, options: FetchWheel): Promise<void> {
  await download(wheel, options);
  if (!existsSync(join(options.folder, wheel.file)))
    throw downloadFailed(wheel, "pip downloaded a file with another name");
  if (!(await isDownloaded(wheel, options.folder, options.signal))) {
    throw new DiagnosticError(diagnostic("FSL7074", undefined, { wheel: wheel.file }));
  }
  options.onBytes(wheel.bytes);
}

async function download(wheel: PinnedWheel, { pip, folder, signal, onBytes }: FetchWheel): Promise<void> {
  // pip writes to the temporary folder first. This one is on the disk with enough space, and its size tells the progress.
  const under = join(folder, `${wheel.project}.part`);
  await rm(under, { recursive: true, force: true });
  await mkdir(under, { recursive: true });
  const requirement = join(folder, `${wheel.project}.txt`);
  const timer = setInterval(() => {
    // The folder may change while its size is computed. Then this update is skipped.
    folderSize(under).then(onBytes, () => undefined);
  }, 250);
  try {
    await writeFile(requirement, `${wheel.project}==${wheel.version} --hash=sha256:${wheel.sha256}\n`);
    const outcome = await runCommand([...pip, ...pipArguments(wheel), "-r", requirement, "-d", folder], {
      signal,
      env: { ...process.env, TMPDIR: under, TEMP: under, TMP: under },
    });
    if (outcome?.code === 0) return;
    const lines = (outcome?.stderr ?? "").split("\n").map((line) => line.trim());
    // The last error is the cause. Earlier ones count attempts or are about other files.
    const reason = lines.findLast((line) => line.startsWith("ERROR:")) ?? lines.findLast((line) => line !== "");
    if (reason?.includes("DO NOT MATCH THE HASHES")) {
      throw new DiagnosticError(diagnostic("FSL7074", undefined, { wheel: wheel.file }));
    }
    throw downloadFailed(wheel, reason?.replace(/^ERROR: /, "") ?? "pip failed without a message");
  } finally {
    clearInterval(timer);
    for (const path of [under, requirement]) await rm(path, { recursive: true, force: true });
  }
}

function downloadFailed(wheel: PinnedWheel, reason: string): DiagnosticError {
  return new DiagnosticError(diagnostic("FSL7073", undefined, { wheel: wheel.file, reason }));
}

/** Returns the arguments that download this one file, without its dependencies, whichever Python pip itself runs on. */
function pipArguments(wheel: PinnedWheel): readonly string[] {
  const [, , , abi = "none", platforms = "any"] = wheel.file.replace(/\.whl$/, "").split("-");
  return [
    "--disable-pip-version-check",
    "--no-input",
    "download",
    "--no-deps",
    "--no-cache-dir",
    "--require-hashes",
    "--progress-bar=off",
    "--only-binary=:all:",
    "--implementation=cp",
    "--python-version=3.11",
    `--abi=${abi}`,
    ...platforms.split(".").map((platform) => `--platform=${platform}`),
  ];
}

async function sha256(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20, signal })) hash.update(chunk as Buffer);
  return hash.digest("hex");
}

/** Unpacks the files of a wheel whose paths match one of `needed` into `folder`, with the paths that they have in the wheel. */
export async function unpackWheel(
  path: string,
  folder: string,
  options: {
    readonly needed: readonly RegExp[];
    readonly signal: AbortSignal;
    readonly onBytes: (done: number) => void;
  },
): Promise<void> {
  const zip = await openPromise(path, { autoClose: false });
  let done = 0;
  try {
    for await (const entry of zip.eachEntry()) {
      if (!options.needed.some((pattern) => pattern.test(entry.fileName))) continue;
      const target = join(folder, entry.fileName);
      await mkdir(dirname(target), { recursive: true });
      const executable = ((entry.externalFileAttributes >>> 16) & 0o111) !== 0;
      const content = await zip.openReadStreamPromise(entry);
      content.on("data", (chunk: Buffer) => {
        done += chunk.length;
        options.onBytes(done);
      });
      await pipeline(content, createWriteStream(target, { mode: executable ? 0o755 : 0o644 }), {
        signal: options.signal,
      });
    }
  } finally {
    zip.close();
  }
}
