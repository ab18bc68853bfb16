/** Fetches npm packages that are pinned by version and SHA-512, with the npm configuration of the user. */
import { dirname } from "node:path";
import Config from "@npmcli/config";
import npm from "@npmcli/config/lib/definitions/index.js";
import pacote from "pacote";
import { DiagnosticError, diagnostic } from "../../compiler/diagnostics/diagnostic.js";

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

/**
 * Fetches each package and unpacks it to its folder, `place(package)`.
 *
 * @throws DiagnosticError FSL6020 if a package cannot be fetched, FSL6021 if its bytes are not the pinned ones.
 */
export async function fetchPackages(
  packages: readonly PinnedPackage[],
  place: (pinned: PinnedPackage) => string,
  options: { readonly projectDir: string; readonly signal: AbortSignal; readonly onFetched: (done: number) => void },
): Promise<void> {
  const npmrc = await npmOptions(options.projectDir);
  for (const [i, pinned] of packages.entries()) {
    options.signal.throwIfAborted();
    const spec = `${pinned.name}@${pinned.version}`;
    try {
      await pacote.extract(spec, place(pinned), { ...npmrc, integrity: pinned.integrity, preferOffline: true });
    } catch (error) {
      throw fetchError(spec, error);
    }
    options.onFetched(i + 1);
  }
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
