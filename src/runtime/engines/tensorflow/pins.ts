/**
 * The downloads of `fslc engines install tensorflow`, each pinned by its digest. The wheels are for one version of Python, which does
 * not matter, because only TensorFlow's C library is taken out of them.
 */
import type { PinnedPackage } from "../../system/npm-packages.js";
import type { PinnedWheel } from "../installing/wheel.js";

export const tensorflowVersion = "2.21.0";

/** The npm package with the sources of the addon. On platforms without a wheel its script downloads TensorFlow itself. */
export const addonSources: PinnedPackage = {
  name: "@tensorflow/tfjs-node",
  version: "4.22.0",
  integrity: "sha512-uHrXeUlfgkMxTZqHkESSV7zSdKdV0LlsBeblqkuKU9nnfxB1pC6DtoyYVaLxznzZy7WQSegjcohxxCjAf6Dc7w==",
};
/** The headers of Node-API. They, and the addon built with them, are the same for every version of Node. */
export const nodeApiHeaders: PinnedPackage = {
  name: "node-api-headers",
  version: "1.9.0",
  integrity: "sha512-2oNILP4jXwRB4ywnYKjVk1YyJ96n2D4EOVJO6S3oYZ5PtbJrw3Yt9TpAuX3nBLMuzn74rnfGQrv13pS9vC+YiA==",
};

const Mb = 1e6;

const cpuX64: readonly PinnedWheel[] = [
  {
    project: "tensorflow-cpu",
    version: tensorflowVersion,
    file: "tensorflow_cpu-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    bytes: 273829956,
    unpacked: 855 * Mb,
    sha256: "2b847d217b02ee7731ed91431daf3250daa0196c3c94614d23be27232e6e5b6c",
  },
];
const cpuArm64: readonly PinnedWheel[] = [
  {
    project: "tensorflow",
    version: tensorflowVersion,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_aarch64.whl",
    bytes: 281828020,
    unpacked: 885 * Mb,
    sha256: "4b24aca16d527a3cf1c37f720c04c484c3d20f4d0fdfa98632ac8b9f3be6eb5c",
  },
];

/** TensorFlow for CUDA 12 and the packages of its extra `and-cuda`: CUDA 12.8 and cuDNN 9.10, for GPUs from Maxwell to Blackwell. */
const gpuX64: readonly PinnedWheel[] = [
  {
    project: "tensorflow",
    version: tensorflowVersion,
    file: "tensorflow-2.21.0-cp311-cp311-manylinux_2_27_x86_64.whl",
    bytes: 572440367,
    unpacked: 1262 * Mb,
    sha256: "9056fbc9ba04235810b71ae6cbd958a196e8804fb53bbcffbf3e23b56155f124",
  },
  nvidia(
    "cublas-cu12",
    "12.8.4.1",
    "manylinux_2_27_x86_64",
    594346921,
    869 * Mb,
    "8ac4e771d5a348c551b2a426eda6193c19aa630236b418086020df5ba9667142",
  ),
  nvidia(
    "cuda-cupti-cu12",
    "12.8.90",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    10248621,
    42 * Mb,
    "ea0cb07ebda26bb9b29ba82cda34849e73c166c18162d3913575b0c9db9a6182",
  ),
  nvidia(
    "cuda-nvcc-cu12",
    "12.8.93",
    "manylinux2010_x86_64.manylinux_2_12_x86_64",
    40128098,
    33 * Mb,
    "2d6dc36fb7cb5ac9c0b8825bc13d193c35487a315664007287d0126531238011",
  ),
  nvidia(
    "cuda-nvrtc-cu12",
    "12.8.93",
    "manylinux2010_x86_64.manylinux_2_12_x86_64",
    88040029,
    223 * Mb,
    "a7756528852ef889772a84c6cd89d41dfa74667e24cca16bb31f8f061e3e9994",
  ),
  nvidia(
    "cuda-runtime-cu12",
    "12.8.90",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    954765,
    1 * Mb,
    "adade8dcbd0edf427b7204d480d6066d33902cab2a4707dcfc48a2d0fd44ab90",
  ),
  nvidia(
    "cudnn-cu12",
    "9.10.2.21",
    "manylinux_2_27_x86_64",
    706758467,
    1054 * Mb,
    "949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8",
  ),
  nvidia(
    "cufft-cu12",
    "11.3.3.83",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    193118695,
    282 * Mb,
    "4d2dd21ec0b88cf61b62e6b43564355e5222e4a3fb394cac0db101f2dd0d4f74",
  ),
  nvidia(
    "curand-cu12",
    "10.3.9.90",
    "manylinux_2_27_x86_64",
    63619976,
    137 * Mb,
    "b32331d4f4df5d6eefa0554c565b626c7216f87a06a4f56fab27c3b68a830ec9",
  ),
  nvidia(
    "cusolver-cu12",
    "11.7.3.90",
    "manylinux_2_27_x86_64",
    267506905,
    405 * Mb,
    "4376c11ad263152bd50ea295c05370360776f8c3427b30991df774f9fb26c450",
  ),
  nvidia(
    "cusparse-cu12",
    "12.5.8.93",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    288216466,
    388 * Mb,
    "1ec05d76bbbd8b61b06a80e1eaf8cf4959c3d4ce8e711b65ebd0443bb0ebb13b",
  ),
  nvidia(
    "nccl-cu12",
    "2.27.7",
    "manylinux2014_x86_64.manylinux_2_17_x86_64",
    322546339,
    431 * Mb,
    "de5ba5562f08029a19cb1cd659404b18411ed0d6c90ac5f52f30bf99ad5809aa",
  ),
  nvidia(
    "nvjitlink-cu12",
    "12.8.93",
    "manylinux2010_x86_64.manylinux_2_12_x86_64",
    39254836,
    95 * Mb,
    "81ff63371a7ebd6e6451970684f916be2eab07321b73c9d244dc2b4da7f73b88",
  ),
];

function nvidia(
  part: string,
  version: string,
  platform: string,
  bytes: number,
  unpacked: number,
  sha256: string,
): PinnedWheel {
  const project = `nvidia-${part}`;
  const file = `${project.replaceAll("-", "_")}-${version}-py3-none-${platform}.whl`;
  return { project, version, file, bytes, unpacked, sha256 };
}

/** The machine that an installation is for. */
export interface Machine {
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** The version of GNU's C library, or undefined on a system without it. */
  readonly glibc: string | undefined;
}

/** Returns the wheels for a machine, or undefined if TensorFlow publishes none that it can use. */
export function wheelsFor(machine: Machine, { gpu }: { readonly gpu: boolean }): readonly PinnedWheel[] | undefined {
  if (machine.platform !== "linux" || machine.glibc === undefined) return undefined;
  const [major = 0, minor = 0] = machine.glibc.split(".").map(Number);
  if (major !== 2 || minor < 27) return undefined;
  if (machine.arch === "x64") return gpu ? gpuX64 : cpuX64;
  if (machine.arch === "arm64") return gpu ? undefined : cpuArm64;
  return undefined;
}
