/** A place for files: they are dropped on it, pasted into it, or chosen with a button, so that a keyboard is enough. */
import { element } from "../elements.js";

export interface DropZoneOptions {
  readonly id: string;
  readonly label: string;
  readonly onFiles: (files: readonly File[]) => void;
}

export function dropZone({ id, label, onFiles }: DropZoneOptions): HTMLElement {
  const take = (list: FileList | null | undefined): void => {
    const files = [...(list ?? [])];
    if (files.length > 0) onFiles(files);
  };
  const input = element("input", {
    id,
    type: "file",
    multiple: true,
    accept: "image/*",
    change: () => take(input.files),
  });
  const zone = element("div", { class: "drop" }, element("label", { for: id }, label), input);
  zone.addEventListener("dragover", (event) => {
    event.preventDefault();
    zone.classList.add("over");
  });
  zone.addEventListener("dragleave", () => zone.classList.remove("over"));
  zone.addEventListener("drop", (event) => {
    event.preventDefault();
    zone.classList.remove("over");
    take(event.dataTransfer?.files);
  });
  return zone;
}
