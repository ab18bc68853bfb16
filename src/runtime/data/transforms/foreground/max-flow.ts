/**
 * Finds the minimum cut of a graph whose nodes hang between a source and a sink, as Boykov & Kolmogorov 2004 do: two trees grow from the two
 * ends, a path where they touch is filled, and nodes that lose their parent look for another one.
 */

const [free, fromSource, fromSink] = [0, 1, 2];
/** Parents that are no edges: the end of the tree itself, and one that was lost. */
const [terminal, none] = [-1, -2];

export class FlowGraph {
  private edges = 0;
  private readonly first: Int32Array;
  private readonly next: Int32Array;
  private readonly to: Int32Array;
  /** The weight that an edge can still carry. The edge in the other direction is `edge ^ 1`. */
  private readonly rest: Float64Array;
  /** The weight that the source can still give to a node (positive), or a node to the sink (negative). */
  private readonly ends: Float64Array;
  private readonly tree: Uint8Array;
  /** The edge from a node to its parent. */
  private readonly parent: Int32Array;
  private readonly distance: Int32Array;
  /** The time at which the distance of a node was right. */
  private readonly time: Int32Array;
  private now = 0;
  private active: number[] = [];
  private readonly isActive: Uint8Array;
  private orphans: number[] = [];

  constructor(
    private readonly nodes: number,
    mostPairs: number,
  ) {
    this.first = new Int32Array(nodes).fill(-1);
    this.next = new Int32Array(2 * mostPairs);
    this.to = new Int32Array(2 * mostPairs);
    this.rest = new Float64Array(2 * mostPairs);
    this.ends = new Float64Array(nodes);
    this.tree = new Uint8Array(nodes);
    this.parent = new Int32Array(nodes).fill(none);
    this.distance = new Int32Array(nodes);
    this.time = new Int32Array(nodes);
    this.isActive = new Uint8Array(nodes);
  }

  /** Joins a node to both ends. */
  hang(node: number, source: number, sink: number): void {
    this.ends[node] = source - sink;
  }

  /** Joins two nodes in both directions. */
  join(a: number, b: number, weight: number): void {
    this.edge(a, b, weight);
    this.edge(b, a, weight);
  }

  /** Cuts the graph. Returns 1 for each node on the side of the source. */
  cut(): Uint8Array {
    for (let node = 0; node < this.nodes; node++) {
      const end = this.ends[node] as number;
      if (end === 0) continue;
      this.tree[node] = end > 0 ? fromSource : fromSink;
      this.parent[node] = terminal;
      this.distance[node] = 1;
      this.activate(node);
    }
    for (let at = 0; at < this.active.length; at++) {
      // The queue is shortened now and then, because nodes enter it again and again.
      if (at > 65_536) {
        this.active = this.active.slice(at);
        at = 0;
      }
      const node = this.active[at] as number;
      this.isActive[node] = 0;
      if (this.tree[node] === free) continue;
      const bridge = this.grow(node);
      if (bridge === undefined) continue;
      this.now++;
      this.fill(bridge);
      this.adopt();
      this.activate(node);
    }
    return this.tree.map((tree) => (tree === fromSource ? 1 : 0));
  }

  private edge(from: number, to: number, weight: number): void {
    const edge = this.edges++;
    this.to[edge] = to;
    this.rest[edge] = weight;
    this.next[edge] = this.first[from] as number;
    this.first[from] = edge;
  }

  private activate(node: number): void {
    if (this.isActive[node] === 1) return;
    this.isActive[node] = 1;
    this.active.push(node);
  }

  /** Returns true if the tree of a node can carry more along an edge that leaves the node. */
  private carries(edge: number, tree: number): boolean {
    return (this.rest[tree === fromSource ? edge : edge ^ 1] as number) > 0;
  }

  /** Takes free neighbors into the tree of a node. Returns the edge from the source's tree to the sink's if they touch. */
  private grow(node: number): number | undefined {
    const { tree, parent, distance, time } = this;
    const own = tree[node] as number;
    for (let edge = this.first[node] as number; edge >= 0; edge = this.next[edge] as number) {
      if (!this.carries(edge, own)) continue;
      const other = this.to[edge] as number;
      if (tree[other] === free) {
        tree[other] = own;
        this.activate(other);
      } else if (tree[other] !== own) return own === fromSource ? edge : edge ^ 1;
      else if (
        !(
          (time[other] as number) <= (time[node] as number) &&
          (distance[other] as number) > (distance[node] as number) + 1
        )
      )
        continue;
      parent[other] = edge ^ 1;
      time[other] = time[node] as number;
      distance[other] = (distance[node] as number) + 1;
    }
    return undefined;
  }

  /** Sends as much as possible along the path through an edge. Nodes whose edge to the parent is full become orphans. */
  private fill(bridge: number): void {
    const { parent, rest, ends, to } = this;
    const source = to[bridge ^ 1] as number;
    const sink = to[bridge] as number;
    let flow = rest[bridge] as number;
    let node = source;
    for (; (parent[node] as number) >= 0; node = to[parent[node] as number] as number)
      flow = Math.min(flow, rest[(parent[node] as number) ^ 1] as number);
    flow = Math.min(flow, ends[node] as number);
    for (node = sink; (parent[node] as number) >= 0; node = to[parent[node] as number] as number)
      flow = Math.min(flow, rest[parent[node] as number] as number);
    flow = Math.min(flow, -(ends[node] as number));
    this.push(bridge, flow);
    for (node = source; (parent[node] as number) >= 0; ) node = this.pass(node, (parent[node] as number) ^ 1, flow);
    ends[node] = (ends[node] as number) - flow;
    if ((ends[node] as number) <= 0) this.lose(node);
    for (node = sink; (parent[node] as number) >= 0; ) node = this.pass(node, parent[node] as number, flow);
    ends[node] = (ends[node] as number) + flow;
    if ((ends[node] as number) >= 0) this.lose(node);
  }

  /** Sends along the edge between a node and its parent, and returns the parent. */
  private pass(node: number, edge: number, flow: number): number {
    const above = this.to[this.parent[node] as number] as number;
    this.push(edge, flow);
    if ((this.rest[edge] as number) <= 0) this.lose(node);
    return above;
  }

  private push(edge: number, flow: number): void {
    this.rest[edge] = (this.rest[edge] as number) - flow;
    this.rest[edge ^ 1] = (this.rest[edge ^ 1] as number) + flow;
  }

  private lose(node: number): void {
    this.parent[node] = none;
    this.orphans.push(node);
  }

  /** Gives each orphan the nearest parent whose tree still reaches its end, or sets it free. */
  private adopt(): void {
    for (let orphan = this.orphans.pop(); orphan !== undefined; orphan = this.orphans.pop()) {
      const { tree, parent, to } = this;
      const own = tree[orphan] as number;
      let [best, nearest] = [none, Number.POSITIVE_INFINITY];
      for (let edge = this.first[orphan] as number; edge >= 0; edge = this.next[edge] as number) {
        const other = to[edge] as number;
        if (tree[other] !== own || parent[other] === none || !this.carries(edge ^ 1, own)) continue;
        const distance = this.distanceToEnd(other);
        if (distance < nearest) [best, nearest] = [edge, distance];
      }
      parent[orphan] = best;
      if (best !== none) {
        this.time[orphan] = this.now;
        this.distance[orphan] = nearest + 1;
        continue;
      }
      tree[orphan] = free;
      for (let edge = this.first[orphan] as number; edge >= 0; edge = this.next[edge] as number) {
        const other = to[edge] as number;
        if (tree[other] !== own) continue;
        if (this.carries(edge ^ 1, own)) this.activate(other);
        const above = parent[other] as number;
        if (above >= 0 && to[above] === orphan) this.lose(other);
      }
    }
  }

  /** Returns the number of edges from a node to the end of its tree, or infinity if the way there is broken. Keeps it at all nodes of the way. */
  private distanceToEnd(node: number): number {
    const { parent, time, distance, to, now } = this;
    let steps = 0;
    let at = node;
    while (time[at] !== now && (parent[at] as number) >= 0) {
      steps++;
      at = to[parent[at] as number] as number;
    }
    if (time[at] === now) steps += distance[at] as number;
    else if (parent[at] === terminal) steps += 1;
    else return Number.POSITIVE_INFINITY;
    let left = steps;
    for (let on = node; on !== at; on = to[parent[on] as number] as number) {
      time[on] = now;
      distance[on] = left--;
    }
    time[at] = now;
    distance[at] = left;
    return steps;
  }
}
