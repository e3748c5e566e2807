package riverkeeper.bench;

/**
 * Random numbers by position: draw {@code slot} of event {@code n} is element {@code 16 n + slot}
 * of a seed's SplitMix64 sequence. The draws of river's own generator (module {@code
 * nexmark::random}), so that both engines read the same events.
 */
final class Draws {
    private static final long SLOTS = 16;
    private static final long GAMMA = 0x9E3779B97F4A7C15L;

    private final long seed;

    Draws(long seed) {
        this.seed = mix(seed);
    }

    /** Draw {@code slot} of an event. */
    long at(long event, long slot) {
        return mix(seed + (event * SLOTS + slot + 1) * GAMMA);
    }

    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    /** A number in {@code 0..n} from the upper half of a draw; {@code n} below 2^32. */
    static long upper(long draw, long n) {
        return ((draw >>> 32) * n) >>> 32;
    }

    /** A number in {@code 0..n} from the lower half of a draw; {@code n} below 2^32. */
    static long lower(long draw, long n) {
        return ((draw & 0xFFFFFFFFL) * n) >>> 32;
    }

    /** A number in {@code 0..n} from a whole draw. */
    static long below(long draw, long n) {
        return n >>> 32 == 0 ? upper(draw, n) : Long.remainderUnsigned(draw, n);
    }

    /** An ordinary sequential SplitMix64, for texts whose length is itself random. */
    static final class Sequence {
        private long state;

        Sequence(long seed) {
            state = seed;
        }

        long next() {
            state += GAMMA;
            return mix(state);
        }
    }
}
