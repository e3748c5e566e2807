package riverkeeper.bench;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.flink.core.memory.MemorySegment;
import org.apache.flink.core.memory.MemorySegmentFactory;
import org.apache.flink.table.data.StringData;
import org.apache.flink.table.data.binary.BinaryStringData;

/**
 * The texts all events share: channels, urls, names, and the text that {@code extra} is cut from.
 * All are made once; a value is a reference or a slice, never a copy, so that the source costs
 * Flink as little as possible.
 */
final class Texts {
    static final int CHANNELS = 10_000;
    static final int HOT_CHANNELS = 4;

    private static final int EXTRA_BYTES = 1024 * 1024;
    private static final long SEED = 0x6E65786D61726B21L;
    private static final String[] FIRST_NAMES =
            "Peter,Paul,Luke,John,Saul,Vicky,Kate,Julie,Sarah,Deiter,Walter".split(",");
    private static final String[] LAST_NAMES =
            "Shultz,Abrams,Spencer,White,Bartels,Walton,Smith,Jones,Noris".split(",");
    private static final String[] HOT_NAMES = "Google,Facebook,Baidu,Apple".split(",");

    static final StringData[] CITIES = all(
            "Phoenix,Los Angeles,San Francisco,Boise,Portland,Bend,Redmond,Seattle,Kent,Cheyenne");
    static final StringData[] STATES = all("AZ,CA,ID,OR,WA,WY");
    static final StringData[] NAMES = names();
    /** Hot channels first, then the cached ones. */
    static final StringData[] CHANNEL_NAMES = new StringData[HOT_CHANNELS + CHANNELS];
    /** The url of each channel. */
    static final StringData[] URLS = new StringData[HOT_CHANNELS + CHANNELS];

    private static final MemorySegment[] EXTRA;

    static {
        Draws.Sequence random = new Draws.Sequence(SEED);
        EXTRA = new MemorySegment[] {MemorySegmentFactory.wrap(extraText(random))};
        for (int i = 0; i < HOT_CHANNELS; i++) {
            CHANNEL_NAMES[i] = text(HOT_NAMES[i]);
            URLS[i] = text(baseUrl(random));
        }
        for (int i = 0; i < CHANNELS; i++) {
            String url = baseUrl(random);
            if (Draws.upper(random.next(), 10) > 0) {
                url += "&channel_id=" + Math.abs((long) Integer.reverse(i));
            }
            CHANNEL_NAMES[HOT_CHANNELS + i] = text("channel-" + i);
            URLS[HOT_CHANNELS + i] = text(url);
        }
    }

    private Texts() {}

    /** A text, encoded once. */
    static StringData text(String text) {
        return StringData.fromBytes(text.getBytes(StandardCharsets.UTF_8));
    }

    static int size(StringData text) {
        return ((BinaryStringData) text).getSizeInBytes();
    }

    /** A slice such that it and {@code currentBytes} make {@code averageBytes} on average. */
    static StringData extra(long draw, int currentBytes, int averageBytes) {
        if (currentBytes > averageBytes) {
            return BinaryStringData.EMPTY_UTF8;
        }
        int wanted = averageBytes - currentBytes;
        int delta = (int) Math.round(wanted * 0.2);
        int bytes = wanted - delta + (int) Draws.upper(draw, 2L * delta);
        return new BinaryStringData(EXTRA, (int) Draws.lower(draw, EXTRA_BYTES - bytes), bytes);
    }

    /** Appends a text of 3 to {@code max - 1} characters, one in 13 of them special, trimmed. */
    static void append(StringBuilder text, Draws.Sequence random, int max, char special) {
        int start = text.length();
        int wanted = 3 + (int) Draws.upper(random.next(), max - 3);
        for (int i = 0; i < wanted; i += 2) {
            long draw = random.next();
            text.append(character(Draws.upper(draw, 13 * 26), special));
            text.append(character(Draws.lower(draw, 13 * 26), special));
        }
        int end = start + wanted;
        while (end > start && text.charAt(end - 1) == ' ') {
            end--;
        }
        text.setLength(end);
        int blanks = start;
        while (blanks < end && text.charAt(blanks) == ' ') {
            blanks++;
        }
        text.delete(start, blanks);
    }

    private static char character(long choice, char special) {
        return choice % 13 == 0 ? special : (char) ('a' + choice / 13);
    }

    private static byte[] extraText(Draws.Sequence random) {
        byte[] text = new byte[EXTRA_BYTES];
        int rest = 0;
        for (int i = 0; i < EXTRA_BYTES; i++) {
            rest = i % 6 == 0 ? (int) (random.next() >>> 32) : rest / 26;
            text[i] = (byte) ('a' + rest % 26);
        }
        return text;
    }

    private static String baseUrl(Draws.Sequence random) {
        StringBuilder url = new StringBuilder("https://www.nexmark.com/");
        for (int i = 0; i < 3; i++) {
            append(url, random, 5, '_');
            url.append('/');
        }
        return url.append("item.htm?query=1").toString();
    }

    private static StringData[] all(String texts) {
        return List.of(texts.split(",")).stream().map(Texts::text).toArray(StringData[]::new);
    }

    private static StringData[] names() {
        List<StringData> names = new ArrayList<>();
        for (String first : FIRST_NAMES) {
            for (String last : LAST_NAMES) {
                names.add(text(first + " " + last));
            }
        }
        return names.toArray(new StringData[0]);
    }
}
