/** Why a machine has no GPU for the WebGPU provider, and what fixes it. */

export interface Missing {
  readonly why: string;
  readonly fix: string;
}

const loader: Missing = {
  why: "Vulkan's loader (libvulkan.so.1) is missing",
  fix: "install it and the card's driver: `apt install libvulkan1 mesa-vulkan-drivers` (Fedora: `dnf install vulkan-loader mesa-vulkan-drivers`; Arch: `pacman -S vulkan-icd-loader`); NVIDIA's driver brings its own part",
};
const driver: Readonly<Record<string, Missing>> = {
  linux: {
    why: "no Vulkan driver here has a GPU that WebGPU supports",
    fix: "install Vulkan's loader and the card's driver: `apt install libvulkan1 mesa-vulkan-drivers` for AMD and Intel, NVIDIA's own for NVIDIA (in a container its `graphics` capability too); `vulkaninfo --summary` lists what there is",
  },
  darwin: {
    why: "Metal has no GPU here",
    fix: "WebGPU needs a Mac's own screen hardware; a virtual machine has none",
  },
  win32: { why: "Direct3D 12 has no GPU here", fix: "install the card's driver from its vendor" },
};

/** What an error of ONNX Runtime's says about it; undefined where it is about something else. */
export function missingGpu(message: string, platform: string = process.platform): Missing | undefined {
  if (/couldn't load vulkan/i.test(message)) return loader;
  if (/failed to get a webgpu adapter|no supported adapters/i.test(message)) return driver[platform] ?? driver["linux"];
  return undefined;
}
