/**
 * The variable that stops ONNX Runtime from reporting to its maker. Its library has the address of a collector, and keeps an id of the
 * machine and a queue of reports under `~/.cache/Microsoft`. It reads the variable when it is loaded, from the environment of the process:
 * a thread that sets it afterwards changes nothing.
 */
export const withoutTelemetry = { ORT_DISABLE_TELEMETRY: "1" } as const;
