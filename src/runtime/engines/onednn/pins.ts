/** The downloads of `fslc engines install onednn`, each pinned by its digest. */
import type { PinnedPackage } from "../../system/npm-packages.js";
import type { PinnedWheel } from "../installing/wheel.js";

/** The wheel that holds oneDNN 3.2 for CPUs, with GNU's OpenMP. It has no Python code. */
const wheelX64: PinnedWheel = {
  project: "onednn-cpu-gomp",
  version: "2023.2.0",
  file: "onednn_cpu_gomp-2023.2.0-py2.py3-none-manylinux1_x86_64.whl",
  bytes: 38888991,
  unpacked: 54569528,
  sha256: "2f22a54d6a890ed14bfa185d42a4be65d8b5b1df85dc1f0f3a9abe31620416fb",
};
/** The version of the library in the wheel. */
export const onednnVersion = "3.2.0";
/** The path of the library in the wheel, and in the folder of the installation. */
export const libraryPath = "onednn_cpu_gomp-2023.2.0.data/data/lib/libdnnl.so.3";

const koffiVersion = "3.3.4";
const koffi: PinnedPackage = {
  name: "koffi",
  version: koffiVersion,
  integrity: "sha512-31Vr+LM+w1dEsNcOJtJWvYyUTjVc/SWOxNDZJxfhsBC6qZ5YVn98n5x1oBbDq5skxCbWD4SByJpNmq63fvg9Aw==",
};
/** The packages with koffi's binaries, by platform and processor. */
const koffiBinaries: Readonly<Record<string, string>> = {
  "linux-x64": "sha512-xi47MKuoQ9fA2SsrH6wljl9t9120hO66qEmb1le6q636q55J974cZfcwDrK5nW1GalJ+0NLXoH2T3/NGQBzPNw==",
  "linux-arm64": "sha512-k6FPjEYDioyVihUqvRFX4QZK0RL/Rrn4xPEzrKxODxgLAUXlhBTut391zPzgsMcArXgN4YTuS11M/kxmA5s+Fg==",
  "darwin-arm64": "sha512-KWc1kRttFZrFWo3bJKsmiQd/wLIaxs2eIFY10US0PcC93nBfvKOqhGrYK6DNprRMoGwSN99wxIFBJrHDAqw5ew==",
  "darwin-x64": "sha512-QYRCBepdGNL5Nj8UH+mzd4sTuNGtkmYCUBTyOmoksDMXGfM03MMdZg49c42mQE7blYh28H9qeeB0NHU/acN0ng==",
  "win32-x64": "sha512-/SpehfYrO9DtkoB0ZOgGyco4GH4zwhEyFqgCm0x8lbzXnrKiwnHXWmPpfuXhFYohFvoSO5jlLQz/hc1fJ5G0AQ==",
};

/** Returns the packages of koffi for a machine, or undefined if it has no binaries for it. */
export function koffiFor(platform: string, arch: string): readonly PinnedPackage[] | undefined {
  const integrity = koffiBinaries[`${platform}-${arch}`];
  if (integrity === undefined) return undefined;
  return [koffi, { name: `@koromix/koffi-${platform}-${arch}`, version: koffiVersion, integrity }];
}

/** Returns the wheel for a machine, or undefined if there is none. It needs GNU's C library. */
export function wheelFor(platform: string, arch: string, glibc: string | undefined): PinnedWheel | undefined {
  return platform === "linux" && arch === "x64" && glibc !== undefined ? wheelX64 : undefined;
}
