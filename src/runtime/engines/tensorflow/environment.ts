/** What the environment of a process has to say before TensorFlow is loaded in it: the addon passes on no settings. */

/** Beyond every tensor. */
const beyondEveryTensor = String(2 ** 33);
const topPad = String(2 ** 26);

/** For a process that runs the engine: all but which card it sees. */
export function tensorflowEnvironment(threads: number): Readonly<Record<string, string>> {
  return {
    TF_CPP_MIN_LOG_LEVEL: "2",
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    // Its faster kernels for CPUs, and the only ones that differentiate convolutions in groups: TensorFlow takes them by
    // itself on the newest processors alone.
    TF_ENABLE_ONEDNN_OPTS: "1",
    // Not all of the card's memory at once, and full f32 in products and convolutions.
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    NVIDIA_TF32_OVERRIDE: "0",
    // glibc would give large tensors back to the system after each op and take them again, page by page: a third of a step.
    MALLOC_MMAP_THRESHOLD_: beyondEveryTensor,
    MALLOC_TRIM_THRESHOLD_: beyondEveryTensor,
    MALLOC_TOP_PAD_: topPad,
  };
}
