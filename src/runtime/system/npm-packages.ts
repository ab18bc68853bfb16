/** Fetches npm packages that are pinned by version and SHA-512, with the npm configuration of the user. */
import { rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import Config from "@npmcli/config";
import npm from "@npmcli/config/lib/definitions/index.js";
import pacote from "pacote";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";
import { folderSize } from "./folder-size.js";
import { temporaryPath } from "./temporary.js";

export interface PinnedPackage {
  readonly name: string;
  readonly version: string;
  /** The subresource integrity of the tarball. */
  readonly integrity: string;
}

/**
 * Returns the npm configuration for `projectDir` as npm itself reads it: from the .npmrc of the project, of the user and of the
 * machine, and from the environment. fslc never chooses a registry, proxy, certificate or authentication itself.
 */
async function npmOptions(projectDir: string): Promise<Record<string, unknown>> {
  const config = new Config({
    definitions: npm.definitions,
    shorthands: npm.shorthands,
    flatten: npm.flatten,
    nerfDarts: npm.nerfDarts,
    // The built-in npmrc in the folder of npm is part of the configuration too.
    npmPath: npmPath(),
    argv: [process.execPath, "npm"],
    env: { ...process.env },
    cwd: projectDir,
    warn: false,
  });
  await config.load();
  return config.flat;
}
function npmPath(): string {
  const script = process.env["npm_execpath"];
  return script === undefined ? dirname(process.execPath) : dirname(dirname(script));
}

export interface FetchOptions {
  readonly projectDir: string;
  /** Ends the download, also in the middle of a package. */
  readonly signal: AbortSignal;
  /** Is called while packages arrive, with the bytes that are unpacked, and all that will be if the registry tells. */
  readonly onBytes: (done: number, total: number | undefined) => void;
}

/**
 * Fetches each package and unpacks it to its folder, `place(package)`.
 *
 * @throws DiagnosticError FSL6020 if a package cannot be fetched, FSL6021 if its bytes are not the pinned ones; the reason of `signal`.
 * Other errors, such as that of a full disk, are those of the file system.
 */
export async function fetchPackages(
  packages: readonly PinnedPackage[],
  place: (pinned: PinnedPackage) => string,
  { projectDir, signal, onBytes }: FetchOptions,
): Promise<void> {
  const npmrc = { ...(await npmOptions(projectDir)), signal, preferOffline: true, packumentCache: new Map() };
  /** Runs a request of npm's client for each package, one after the other. */
  const forEach = async <T>(request: (pinned: PinnedPackage, spec: string) => Promise<T>): Promise<T[]> => {
    const answers: T[] = [];
    for (const pinned of packages) {
      const spec = `${pinned.name}@${pinned.version}`;
      signal.throwIfAborted();
      const answer = request(pinned, spec).catch((error: unknown) => {
        signal.throwIfAborted();
        throw fetchError(spec, error);
      });
      answers.push(await answer);
    }
    return answers;
  };
  const sizes = await forEach(async (_, spec) => unpackedSize(await pacote.manifest(spec, npmrc)));
  const total = sizes.every((size) => size !== undefined) ? sizes.reduce((sum, size) => sum + size, 0) : undefined;
  // npm's client unpacks while it downloads, so the files on the disk tell the progress.
  const measure = async (): Promise<void> => {
    const done = await Promise.all(packages.map((pinned) => folderSize(place(pinned)).catch(() => 0)));
    const sum = done.reduce((a, b) => a + b, 0);
    onBytes(total === undefined ? sum : Math.min(sum, total), total);
  };
  const timer = setInterval(() => void measure(), 250);
  try {
    await forEach((pinned, spec) => pacote.extract(spec, place(pinned), { ...npmrc, integrity: pinned.integrity }));
  } finally {
    clearInterval(timer);
  }
  for (const pinned of packages) await requireSpace(place(pinned));
  await measure();
}

/** The number of bytes that must still find room. */
const spare = 2 ** 20;

/**
 * Writes a file of some size beside what was unpacked, and removes it. npm's client leaves truncated files on a full disk without an error,
 * and then this fails too.
 */
async function requireSpace(dir: string): Promise<void> {
  const probe = temporaryPath(join(dir, "space"));
  try {
    await writeFile(probe, Buffer.alloc(spare));
  } finally {
    await rm(probe, { force: true });
  }
}

/** Returns the size that the registry gives for the unpacked package. Not every registry does. */
function unpackedSize({ dist }: { readonly dist?: unknown }): number | undefined {
  const size = (dist as { readonly unpackedSize?: unknown } | undefined)?.unpackedSize;
  return typeof size === "number" ? size : undefined;
}

const offline = [
  "ENOTFOUND",
  "EAI_AGAIN",
  "ECONNREFUSED",
  "ECONNRESET",
  "ETIMEDOUT",
  "ENETUNREACH",
  "ENOTCACHED",
  "FETCH_ERROR",
];

function fetchError(spec: string, error: unknown): DiagnosticError {
  const code = String((error as { code?: unknown }).code ?? "");
  const message = (error instanceof Error ? error.message : String(error)).split("\n", 1)[0] ?? "";
  if (code === "EINTEGRITY") {
    return new DiagnosticError(diagnostic("FSL6021", undefined, { package: spec, reason: message }), { cause: error });
  }
  const help: string[] = [];
  if (offline.includes(code))
    help.push("check the network: `npm ping` contacts the registry of your npm configuration");
  else if (code === "E401" || code === "E403")
    help.push("the registry requires authentication: run `npm login`, or check the token in your .npmrc");
  else if (code === "E404" || code === "ETARGET")
    help.push(
      "the registry of your npm configuration does not have the package; `npm config get registry` prints the registry",
    );
  const reason = code === "" || message.startsWith(code) ? message : `${code}: ${message}`;
  return new DiagnosticError(diagnostic("FSL6020", undefined, { package: spec, reason }, { help }), { cause: error });
}
