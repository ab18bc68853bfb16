/** What an installation of TensorFlow takes from its caller. */
import type { PinnedWheel } from "./pins.js";

/** What happens, for whoever watches. Bytes of the step that was said last. */
export interface InstallObserver {
  step(text: string): void;
  bytes(done: number, total: number): void;
}

export interface InstallOptions {
  readonly gpu: boolean;
  /** Whose npm configuration holds. */
  readonly projectDir: string;
  readonly env: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly watch: InstallObserver;
  /** What is had for this machine; the tests have other wheels. */
  readonly wheels?: readonly PinnedWheel[];
}
