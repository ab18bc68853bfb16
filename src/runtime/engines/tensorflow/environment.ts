/** The environment variables of a process that loads TensorFlow. They are the only way, because the addon passes on no settings. */

/** A size larger than every tensor. */
const beyondEveryTensor = String(2 ** 33);
const topPad = String(2 ** 26);

/** Returns all variables for a process that runs the engine, except for the visible GPU. */
export function tensorflowEnvironment(threads: number): Readonly<Record<string, string>> {
  return {
    TF_CPP_MIN_LOG_LEVEL: "2",
    TF_NUM_INTRAOP_THREADS: String(threads),
    TF_NUM_INTEROP_THREADS: "1",
    // oneDNN has the faster kernels for CPUs, and the only ones for gradients of convolutions in groups. By default TensorFlow uses
    // them on the newest CPUs only.
    TF_ENABLE_ONEDNN_OPTS: "1",
    // These keep TensorFlow from taking all memory of the GPU at once and from rounding products and convolutions to 19 bits.
    TF_FORCE_GPU_ALLOW_GROWTH: "true",
    NVIDIA_TF32_OVERRIDE: "0",
    // Otherwise glibc returns large tensors to the system after each op and takes them again page by page: a third of the time of
    // a step.
    MALLOC_MMAP_THRESHOLD_: beyondEveryTensor,
    MALLOC_TRIM_THRESHOLD_: beyondEveryTensor,
    MALLOC_TOP_PAD_: topPad,
  };
}
