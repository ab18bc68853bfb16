/** The options of an installation of TensorFlow. */
import type { PinnedWheel } from "./pins.js";

/** Is told about the progress of an installation. `bytes` is about the step that was announced last. */
export interface InstallObserver {
  step(text: string): void;
  bytes(done: number, total: number): void;
}

export interface InstallOptions {
  readonly gpu: boolean;
  /** The project whose npm configuration is used. */
  readonly projectDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly watch: InstallObserver;
  /** The wheels to install. Tests pass others than those for this machine. */
  readonly wheels?: readonly PinnedWheel[];
}
