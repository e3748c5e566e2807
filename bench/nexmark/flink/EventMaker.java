package riverkeeper.bench;

import java.io.Serializable;
import java.nio.charset.StandardCharsets;
import org.apache.flink.table.data.GenericRowData;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.TimestampData;

/** Makes the event of an index: the Nexmark suite's mix and fields, from river's draws. */
final class EventMaker implements Serializable {
    private static final long serialVersionUID = 1L;

    private static final int FIRST_EVENT_ID = 2;
    private static final long FIRST_ID = 1000;
    private static final long ID_LEAD = 10;
    private static final long HOT_EVERY = 100;
    private static final long IN_FLIGHT_AUCTIONS = 100;
    private static final long ACTIVE_PERSONS = 1000;
    private static final int PRICE_ENTRIES = 1 << 10;
    private static final long PRICE_REST = 1L << 44;
    private static final double PRICE_SCALE =
            6.0 * 2.302585092994045684 / ((double) (1L << 54));
    private static final double[] PRICES = new double[PRICE_ENTRIES];

    static {
        for (int i = 0; i < PRICE_ENTRIES; i++) {
            PRICES[i] = 100.0 * Math.pow(10.0, 6.0 / PRICE_ENTRIES * i);
        }
    }

    private final NexmarkOptions options;
    private transient Draws draws;

    EventMaker(NexmarkOptions options) {
        this.options = options;
    }

    /** The row of the event at {@code index}, from 0. */
    GenericRowData event(long index) {
        if (draws == null) {
            draws = new Draws(options.seed);
        }
        long id = index + FIRST_EVENT_ID;
        long round = id / options.round();
        long offset = id % options.round();
        GenericRowData row = new GenericRowData(4);
        if (offset < options.persons) {
            row.setField(0, 0);
            row.setField(1, person(index, round * options.persons + offset));
            return row;
        }
        long lastPerson = round * options.persons + options.persons - 1;
        long lastAuction = round * options.auctions + options.auctions - 1;
        if (offset < options.persons + options.auctions) {
            row.setField(0, 1);
            long auction = round * options.auctions + offset - options.persons;
            row.setField(2, auction(index, auction, lastPerson));
        } else {
            row.setField(0, 2);
            row.setField(3, bid(index, lastAuction, lastPerson));
        }
        return row;
    }

    private GenericRowData person(long event, long number) {
        StringData name = pick(Texts.NAMES, draws.at(event, 0));
        Draws.Sequence random = new Draws.Sequence(draws.at(event, 1));
        StringBuilder email = new StringBuilder(16);
        Texts.append(email, random, 7, ' ');
        email.append('@');
        Texts.append(email, random, 5, ' ');
        email.append(".com");
        long card = draws.at(event, 2);
        long left = Draws.upper(card, 100_000_000);
        long right = Draws.lower(card, 100_000_000);
        byte[] digits = new byte[19];
        group(digits, 0, left / 10_000);
        group(digits, 5, left % 10_000);
        group(digits, 10, right / 10_000);
        group(digits, 15, right % 10_000);
        StringData city = pick(Texts.CITIES, draws.at(event, 3));
        StringData state = pick(Texts.STATES, draws.at(event, 4));
        int bytes = 8 + 19 + email.length()
                + Texts.size(name) + Texts.size(city) + Texts.size(state);
        return GenericRowData.of(
                number + FIRST_ID,
                name,
                encoded(email),
                StringData.fromBytes(digits),
                city,
                state,
                time(event),
                Texts.extra(draws.at(event, 5), bytes, options.personBytes));
    }

    private GenericRowData auction(long event, long number, long lastPerson) {
        long sellerDraw = draws.at(event, 0);
        long seller = Draws.upper(sellerDraw, options.hotSellers) > 0
                ? lastPerson / HOT_EVERY * HOT_EVERY
                : activePerson(lastPerson, sellerDraw);
        long initialBid = price(draws.at(event, 2));
        long opened = options.timeMs(event);
        long ahead = IN_FLIGHT_AUCTIONS * options.round() / Math.max(options.auctions, 1);
        long horizon = options.timeMs(event + ahead) - opened;
        long length = 1 + Draws.below(draws.at(event, 3), Math.max(horizon * 2, 1));
        StringBuilder name = new StringBuilder(20);
        Texts.append(name, new Draws.Sequence(draws.at(event, 4)), 20, ' ');
        StringBuilder description = new StringBuilder(100);
        Texts.append(description, new Draws.Sequence(draws.at(event, 5)), 100, ' ');
        int bytes = 48 + name.length() + description.length();
        return GenericRowData.of(
                number + FIRST_ID,
                encoded(name),
                encoded(description),
                initialBid,
                initialBid + price(draws.at(event, 6)),
                TimestampData.fromEpochMillis(opened),
                TimestampData.fromEpochMillis(opened + length),
                seller + FIRST_ID,
                10 + Draws.upper(draws.at(event, 1), 5),
                Texts.extra(draws.at(event, 7), bytes, options.auctionBytes));
    }

    private GenericRowData bid(long event, long lastAuction, long lastPerson) {
        long auctionDraw = draws.at(event, 0);
        long oldest = Math.max(lastAuction - IN_FLIGHT_AUCTIONS, 0);
        long auction = Draws.upper(auctionDraw, options.hotAuctions) > 0
                ? lastAuction / HOT_EVERY * HOT_EVERY
                : oldest + Draws.lower(auctionDraw, lastAuction - oldest + 1 + ID_LEAD);
        long bidderDraw = draws.at(event, 1);
        long bidder = Draws.upper(bidderDraw, options.hotBidders) > 0
                ? lastPerson / HOT_EVERY * HOT_EVERY + 1
                : activePerson(lastPerson, bidderDraw);
        long channelDraw = draws.at(event, 3);
        int channel = (int) (Draws.upper(channelDraw, 2) > 0
                ? Draws.lower(channelDraw, Texts.HOT_CHANNELS)
                : Texts.HOT_CHANNELS + Draws.lower(channelDraw, Texts.CHANNELS));
        return GenericRowData.of(
                auction + FIRST_ID,
                // The suite adds the first id twice.
                bidder + 2 * FIRST_ID,
                price(draws.at(event, 2)),
                Texts.CHANNEL_NAMES[channel],
                Texts.URLS[channel],
                time(event),
                Texts.extra(draws.at(event, 4), 32, options.bidBytes));
    }

    private static long activePerson(long lastPerson, long draw) {
        long persons = lastPerson + 1;
        long active = Math.min(persons, ACTIVE_PERSONS);
        return persons - active + Draws.lower(draw, active + ID_LEAD);
    }

    /** 100 times ten to a power that is uniform in 0 to 6. */
    private static long price(long draw) {
        double x = ((draw >>> 10) & (PRICE_REST - 1)) * PRICE_SCALE;
        double series = 1.0 + x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0))));
        return (long) (PRICES[(int) (draw >>> 54)] * series + 0.5);
    }

    private TimestampData time(long event) {
        return TimestampData.fromEpochMillis(options.timeMs(event));
    }

    private static StringData pick(StringData[] texts, long draw) {
        return texts[(int) Draws.upper(draw, texts.length)];
    }

    private static StringData encoded(StringBuilder text) {
        return StringData.fromBytes(text.toString().getBytes(StandardCharsets.ISO_8859_1));
    }

    private static void group(byte[] digits, int at, long number) {
        for (int i = at + 3; i >= at; i--) {
            digits[i] = (byte) ('0' + number % 10);
            number /= 10;
        }
        if (at + 4 < digits.length) {
            digits[at + 4] = ' ';
        }
    }
}
