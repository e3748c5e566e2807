package riverkeeper.bench;

import java.io.Serializable;
import java.util.Set;
import org.apache.flink.configuration.ConfigOption;
import org.apache.flink.configuration.ConfigOptions;
import org.apache.flink.configuration.MemorySize;
import org.apache.flink.configuration.ReadableConfig;

/** Options of a bounded {@code nexmark} table, the suite's keys and defaults. */
final class NexmarkOptions implements Serializable {
    private static final long serialVersionUID = 1L;

    private static final ConfigOption<Long> EVENTS =
            ConfigOptions.key("events.num").longType().noDefaultValue();
    private static final ConfigOption<Long> SEED =
            ConfigOptions.key("seed").longType().defaultValue(0L);
    private static final ConfigOption<Long> BASE_TIME =
            ConfigOptions.key("base-time").longType().defaultValue(1_700_000_000_000L);
    private static final ConfigOption<Integer> RATE = number("first-event.rate", 10_000);
    private static final ConfigOption<Integer> NEXT_RATE = number("next-event.rate", 10_000);
    private static final ConfigOption<Integer> PERSONS = number("person.proportion", 1);
    private static final ConfigOption<Integer> AUCTIONS = number("auction.proportion", 3);
    private static final ConfigOption<Integer> BIDS = number("bid.proportion", 46);
    private static final ConfigOption<Integer> HOT_AUCTIONS = number("bid.hot-ratio.auctions", 2);
    private static final ConfigOption<Integer> HOT_BIDDERS = number("bid.hot-ratio.bidders", 4);
    private static final ConfigOption<Integer> HOT_SELLERS = number("auction.hot-ratio.sellers", 4);
    private static final ConfigOption<MemorySize> PERSON_BYTES = size("person.avg-size", 200);
    private static final ConfigOption<MemorySize> AUCTION_BYTES = size("auction.avg-size", 500);
    private static final ConfigOption<MemorySize> BID_BYTES = size("bid.avg-size", 100);

    static final Set<ConfigOption<?>> REQUIRED = Set.of(EVENTS);
    static final Set<ConfigOption<?>> OPTIONAL = Set.of(
            SEED, BASE_TIME, RATE, NEXT_RATE, PERSONS, AUCTIONS, BIDS, HOT_AUCTIONS, HOT_BIDDERS,
            HOT_SELLERS, PERSON_BYTES, AUCTION_BYTES, BID_BYTES);

    final long events;
    final long seed;
    final long persons;
    final long auctions;
    final long bids;
    final long hotAuctions;
    final long hotBidders;
    final long hotSellers;
    final int personBytes;
    final int auctionBytes;
    final int bidBytes;
    private final long baseTimeMs;
    private final double eventGapUs;

    NexmarkOptions(ReadableConfig config) {
        events = config.get(EVENTS);
        seed = config.get(SEED);
        persons = config.get(PERSONS);
        auctions = config.get(AUCTIONS);
        bids = config.get(BIDS);
        hotAuctions = config.get(HOT_AUCTIONS);
        hotBidders = config.get(HOT_BIDDERS);
        hotSellers = config.get(HOT_SELLERS);
        personBytes = (int) config.get(PERSON_BYTES).getBytes();
        auctionBytes = (int) config.get(AUCTION_BYTES).getBytes();
        bidBytes = (int) config.get(BID_BYTES).getBytes();
        baseTimeMs = config.get(BASE_TIME);
        eventGapUs = 1_000_000.0 / config.get(RATE);
    }

    /** Events in one round of the mix. */
    long round() {
        return persons + auctions + bids;
    }

    /** Event time of the event at an index, milliseconds since the epoch. */
    long timeMs(long index) {
        return baseTimeMs + (long) ((index + 1) * eventGapUs) / 1000;
    }

    private static ConfigOption<Integer> number(String key, int value) {
        return ConfigOptions.key(key).intType().defaultValue(value);
    }

    private static ConfigOption<MemorySize> size(String key, int bytes) {
        return ConfigOptions.key(key).memoryType().defaultValue(new MemorySize(bytes));
    }
}
