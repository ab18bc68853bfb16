/** A binary heap. The item with the lowest keys, compared in turn, comes first. */
export class Heap<T> {
  private readonly items: T[] = [];
  private readonly keys: readonly ((item: T) => number)[];

  constructor(...keys: readonly ((item: T) => number)[]) {
    this.keys = keys;
  }

  push(item: T): void {
    this.items.push(item);
    let place = this.items.length - 1;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (!this.swapIfBelow(place, parent)) break;
      place = parent;
    }
  }

  pop(): T | undefined {
    const [top] = this.items;
    const last = this.items.pop();
    if (last === undefined || this.items.length === 0) return top;
    this.items[0] = last;
    for (let place = 0; ; ) {
      const [left, right] = [2 * place + 1, 2 * place + 2];
      if (left >= this.items.length) return top;
      const lower = right < this.items.length && this.below(right, left) ? right : left;
      if (!this.swapIfBelow(lower, place)) return top;
      place = lower;
    }
  }

  private below(a: number, b: number): boolean {
    const [x, y] = [this.items[a] as T, this.items[b] as T];
    for (const key of this.keys) if (key(x) !== key(y)) return key(x) < key(y);
    return false;
  }

  /** Swaps the items at `place` and `above` if they are in the wrong order. Returns true if it has swapped them. */
  private swapIfBelow(place: number, above: number): boolean {
    if (!this.below(place, above)) return false;
    const [x, y] = [this.items[place] as T, this.items[above] as T];
    this.items[place] = y;
    this.items[above] = x;
    return true;
  }
}
