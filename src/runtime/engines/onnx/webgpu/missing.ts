/** Explains why a machine has no GPU for the WebGPU provider, and how to fix it. */
import type { Unavailability } from "../../engine.js";

const loader: Unavailability = {
  why: "Vulkan's loader (libvulkan.so.1) is missing",
  fix: "install it and the GPU's driver: `apt install libvulkan1 mesa-vulkan-drivers` (Fedora: `dnf install vulkan-loader mesa-vulkan-drivers`; Arch: `pacman -S vulkan-icd-loader`); NVIDIA's driver brings its own part",
};
const driver: Readonly<Record<string, Unavailability>> = {
  linux: {
    why: "no Vulkan driver on this machine has a GPU that WebGPU supports",
    fix: "install Vulkan's loader and the GPU's driver: `apt install libvulkan1 mesa-vulkan-drivers` for AMD and Intel, NVIDIA's own driver for NVIDIA (in a container also its `graphics` capability); `vulkaninfo --summary` lists the GPUs that Vulkan finds",
  },
  darwin: {
    why: "Metal has no GPU on this machine",
    fix: "run on a physical Mac: a virtual machine has no GPU for Metal",
  },
  win32: { why: "Direct3D 12 has no GPU on this machine", fix: "install the GPU's driver from its vendor" },
};

/** Returns what an error message of ONNX Runtime says about a missing GPU, or undefined if it is about something else. */
export function missingGpu(message: string, platform: string = process.platform): Unavailability | undefined {
  if (/couldn't load vulkan/i.test(message)) return loader;
  if (/failed to get a webgpu adapter|no supported adapters/i.test(message)) return driver[platform] ?? driver["linux"];
  return undefined;
}
