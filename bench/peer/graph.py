"""TensorFlow's side of the benchmark: a training step as one graph of its Python. It answers lines as serve.py does."""

import json
import os
import resource
import sys
import time

THREADS = int(sys.argv[1]) if len(sys.argv) > 1 else 2
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")

import tensorflow as tf  # noqa: E402

tf.config.threading.set_intra_op_parallelism_threads(THREADS)
tf.config.threading.set_inter_op_parallelism_threads(1)


class ProtoStep:
    """Makes a step: forward, backward and Adam's update of one ProtoNet episode on Conv64F."""

    def __init__(self, way, shot, query, size, channels):
        self.way, self.shot, self.query = way, shot, query
        widths = [channels, 64, 64, 64, 64]
        initial = tf.keras.initializers.HeNormal()
        self.blocks = [
            tuple(map(tf.Variable, (initial((3, 3, a, b)), tf.zeros(b), tf.ones(b), tf.zeros(b))))
            for a, b in zip(widths, widths[1:])
        ]
        self.running = [(tf.Variable(tf.zeros(64)), tf.Variable(tf.ones(64))) for _ in self.blocks]
        self.weights = [weight for block in self.blocks for weight in block]
        self.moments = [(tf.Variable(tf.zeros_like(w)), tf.Variable(tf.zeros_like(w))) for w in self.weights]
        self.steps = tf.Variable(0.0)
        self.images = tf.constant(tf.cast(tf.random.uniform((way * (shot + query), size, size, channels), 0, 256, tf.int32), tf.uint8))
        self.labels = tf.repeat(tf.range(way), query)
        self.run = tf.function(self.step)

    def features(self, x):
        for (filters, bias, gamma, beta), (mean, variance) in zip(self.blocks, self.running):
            x = tf.nn.bias_add(tf.nn.conv2d(x, filters, 1, "SAME"), bias)
            x, m, v = tf.compat.v1.nn.fused_batch_norm(x, gamma, beta, epsilon=1e-5)
            mean.assign(0.9 * mean + 0.1 * m)
            variance.assign(0.9 * variance + 0.1 * v)
            x = tf.nn.max_pool2d(tf.nn.relu(x), 2, 2, "VALID")
        return tf.reshape(x, (x.shape[0], -1))

    def step(self, images):
        with tf.GradientTape() as tape:
            features = self.features(tf.cast(images, tf.float32) / 255 - 0.5)
            support = features[: self.way * self.shot]
            prototypes = tf.reduce_mean(tf.reshape(support, (self.way, self.shot, -1)), 1)
            queries = features[self.way * self.shot :]
            distance = tf.reduce_sum((queries[:, None] - prototypes[None]) ** 2, 2)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(self.labels, -distance))
        self.steps.assign_add(1.0)
        rate = 1e-3 * tf.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for weight, (m, v), slope in zip(self.weights, self.moments, tape.gradient(loss, self.weights)):
            m.assign(0.9 * m + 0.1 * slope)
            v.assign(0.999 * v + 0.001 * slope**2)
            weight.assign_sub(rate * m / (tf.sqrt(v) + 1e-8))
        return loss

    def __call__(self):
        self.run(self.images).numpy()


CASES = {
    "conv64": lambda: ProtoStep(5, 5, 15, 84, 3),
    "omniglot": lambda: ProtoStep(20, 1, 5, 28, 1),
    "small": lambda: ProtoStep(5, 1, 5, 28, 3),
}


def main():
    made = {}
    for line in sys.stdin:
        request = json.loads(line)
        name = request["case"]
        if name not in made:
            made[name] = CASES[name]()
        start = time.perf_counter()
        made[name]()
        seconds = time.perf_counter() - start
        usage = resource.getrusage(resource.RUSAGE_SELF)
        cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024
        print(json.dumps({"seconds": seconds, "version": tf.__version__, "cpu": cpu, "peak": peak}), flush=True)


if __name__ == "__main__":
    main()
