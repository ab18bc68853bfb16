/** The options of an installation of TensorFlow. */
import type { PlaceOptions } from "../installing/place.js";
import type { PinnedWheel } from "../installing/wheel.js";

export interface InstallOptions extends PlaceOptions {
  readonly gpu: boolean;
  /** The project whose npm configuration is used. */
  readonly projectDir: string;
  /** The wheels to install. Tests pass others than those for this machine. */
  readonly wheels?: readonly PinnedWheel[];
}
