import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.reflect.Constructor;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.Type;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import org.apache.jute.BinaryInputArchive;
import org.apache.jute.BinaryOutputArchive;
import org.apache.jute.Record;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.DeleteContainerRequest;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.MultiOperationRecord;
import org.apache.zookeeper.MultiResponse;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.OpResult;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.common.PathUtils;
import org.apache.zookeeper.compat.ProtocolManager;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.ClientInfo;
import org.apache.zookeeper.data.Id;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.data.StatPersisted;
import org.apache.zookeeper.proto.*;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.TxnLogEntry;
import org.apache.zookeeper.server.persistence.FileHeader;
import org.apache.zookeeper.server.persistence.Util;
import org.apache.zookeeper.server.quorum.LearnerInfo;
import org.apache.zookeeper.server.quorum.QuorumAuthPacket;
import org.apache.zookeeper.server.quorum.QuorumPacket;
import org.apache.zookeeper.server.util.SerializeUtils;
import org.apache.zookeeper.txn.*;

/**
 * Writes bytes that Apache ZooKeeper's own classes make of known values, and what they make of
 * bytes. README.md describes the files.
 */
public class WireFixtures {
    /** Records whose fields are filled by rules; Jute's name is the first column of the file. */
    static final List<Class<? extends Record>> RECORDS = List.of(
        Id.class, ACL.class, Stat.class, StatPersisted.class, ClientInfo.class,
        ConnectRequest.class, ConnectResponse.class, SetWatches.class, SetWatches2.class,
        RequestHeader.class, MultiHeader.class, AuthPacket.class, ReplyHeader.class,
        GetDataRequest.class, SetDataRequest.class, ReconfigRequest.class, SetDataResponse.class,
        GetSASLRequest.class, SetSASLRequest.class, SetSASLResponse.class, CreateRequest.class,
        CreateTTLRequest.class, DeleteRequest.class, GetChildrenRequest.class,
        GetAllChildrenNumberRequest.class, GetChildren2Request.class, CheckVersionRequest.class,
        SyncRequest.class, SyncResponse.class, GetACLRequest.class, SetACLRequest.class,
        SetACLResponse.class, AddWatchRequest.class, WatcherEvent.class, ErrorResponse.class,
        CreateResponse.class, Create2Response.class, ExistsRequest.class, ExistsResponse.class,
        GetDataResponse.class, GetChildrenResponse.class, GetAllChildrenNumberResponse.class,
        GetChildren2Response.class, GetACLResponse.class, CheckWatchesRequest.class,
        RemoveWatchesRequest.class, GetEphemeralsRequest.class, GetEphemeralsResponse.class,
        WhoAmIResponse.class, LearnerInfo.class, QuorumPacket.class, QuorumAuthPacket.class,
        FileHeader.class, TxnDigest.class, TxnHeader.class, CreateTxnV0.class, CreateTxn.class,
        CreateTTLTxn.class, CreateContainerTxn.class, DeleteTxn.class, SetDataTxn.class,
        CheckVersionTxn.class, SetACLTxn.class, CreateSessionTxn.class, CloseSessionTxn.class,
        ErrorTxn.class, Txn.class, MultiTxn.class);

    static final String[] STYLES = {"numbered", "nulls", "empty", "extreme"};

    /** Mutated inputs for each record and style in decodes.txt. */
    static final int MUTATIONS = 12;

    final Path folder;
    final Random random = new Random(20260101);

    WireFixtures(Path folder) {
        this.folder = folder;
    }

    public static void main(String[] arguments) throws Exception {
        WireFixtures fixtures = new WireFixtures(Path.of(arguments[0]));
        fixtures.records();
        fixtures.decodes();
        fixtures.multis();
        fixtures.txns();
        fixtures.connects();
        fixtures.texts();
        fixtures.paths();
        fixtures.codes();
        fixtures.notifications();
    }

    void write(String name, List<String> lines) throws IOException {
        Files.write(folder.resolve(name), lines);
    }

    // Filling

    /** Fills fields one after the other, and counts them; crates/zk-wire has the same rules. */
    static class Filler {
        final String style;
        int count = 0;

        Filler(String style) {
            this.style = style;
        }

        Object value(Type type) throws Exception {
            if (type instanceof ParameterizedType) {
                return list(((ParameterizedType) type).getActualTypeArguments()[0]);
            }
            Class<?> plain = (Class<?>) type;
            if (Record.class.isAssignableFrom(plain)) {
                return record(plain);
            }
            count++;
            if (plain == int.class) {
                return integer();
            } else if (plain == long.class) {
                return longInteger();
            } else if (plain == boolean.class) {
                return style.equals("numbered") ? count % 2 == 1 : !style.equals("nulls");
            } else if (plain == String.class) {
                return text();
            } else if (plain == byte[].class) {
                return buffer();
            }
            throw new IllegalArgumentException(type.toString());
        }

        Record record(Class<?> plain) throws Exception {
            Constructor<?> constructor = null;
            for (Constructor<?> other : plain.getConstructors()) {
                if (constructor == null
                    || other.getParameterCount() > constructor.getParameterCount()) {
                    constructor = other;
                }
            }
            Type[] types = constructor.getGenericParameterTypes();
            Object[] values = new Object[types.length];
            for (int i = 0; i < types.length; i++) {
                values[i] = value(types[i]);
            }
            return (Record) constructor.newInstance(values);
        }

        List<Object> list(Type element) throws Exception {
            int length = switch (style) {
                case "numbered" -> 2;
                case "empty" -> 0;
                case "extreme" -> 3;
                default -> -1;
            };
            if (length < 0) {
                return null;
            }
            List<Object> elements = new ArrayList<>();
            for (int i = 0; i < length; i++) {
                elements.add(value(element));
            }
            return elements;
        }

        int integer() {
            return switch (style) {
                case "numbered" -> 1000 + count;
                case "nulls" -> 0;
                case "empty" -> -1;
                default -> count % 2 == 1 ? Integer.MAX_VALUE : Integer.MIN_VALUE;
            };
        }

        long longInteger() {
            return switch (style) {
                case "numbered" -> 0x0102030405060700L + count;
                case "nulls" -> 0;
                case "empty" -> -1;
                default -> count % 2 == 1 ? Long.MAX_VALUE : Long.MIN_VALUE;
            };
        }

        String text() {
            return switch (style) {
                case "numbered" -> "/s" + count;
                case "nulls" -> null;
                case "empty" -> "";
                default -> "/\u0001\u00e9\u6f22\uffff ~\0" + count;
            };
        }

        byte[] buffer() {
            switch (style) {
                case "numbered":
                    return new byte[] {(byte) count, (byte) (count + 1), (byte) (count + 2)};
                case "nulls":
                    return null;
                case "empty":
                    return new byte[0];
                default:
                    byte[] all = new byte[256];
                    for (int i = 0; i < 256; i++) {
                        all[i] = (byte) i;
                    }
                    return all;
            }
        }
    }

    // Bytes

    static byte[] bytes(Record record) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        record.serialize(BinaryOutputArchive.getArchive(out), "");
        return out.toByteArray();
    }

    static <R extends Record> R read(R record, byte[] bytes) throws IOException {
        record.deserialize(BinaryInputArchive.getArchive(new ByteArrayInputStream(bytes)), "");
        return record;
    }

    static String hex(byte[] bytes) {
        if (bytes.length == 0) {
            return "-";
        }
        StringBuilder text = new StringBuilder();
        for (byte b : bytes) {
            text.append(String.format("%02x", b));
        }
        return text.toString();
    }

    static byte[] unhex(String text) {
        byte[] bytes = new byte[text.length() / 2];
        for (int i = 0; i < bytes.length; i++) {
            bytes[i] = (byte) Integer.parseInt(text.substring(2 * i, 2 * i + 2), 16);
        }
        return bytes;
    }

    /** Changes a few bytes, mostly to values that lengths and counts turn on. */
    byte[] mutate(byte[] bytes) {
        byte[] changed = bytes.clone();
        int[] odd = {0, 1, 2, 4, 8, 0x7f, 0x80, 0xff, 0xfe, 0xed, 0xa0, 0xf0, 0x9f};
        for (int i = random.nextInt(3); i >= 0 && changed.length > 0; i--) {
            int at = random.nextInt(changed.length);
            boolean word = random.nextInt(3) == 0 && at + 4 <= changed.length;
            if (word) {
                int value = new int[] {-1, -2, 0, 1, Integer.MAX_VALUE, Integer.MIN_VALUE}
                    [random.nextInt(6)];
                ByteBuffer.wrap(changed).putInt(at, value);
            } else {
                changed[at] = (byte) (random.nextInt(4) == 0
                    ? random.nextInt(256)
                    : odd[random.nextInt(odd.length)]);
            }
        }
        return switch (random.nextInt(4)) {
            case 0 -> Arrays.copyOf(changed, random.nextInt(changed.length + 1));
            case 1 -> Arrays.copyOf(changed, changed.length + random.nextInt(5));
            default -> changed;
        };
    }

    /** What Java makes of bytes: them written again, or that they are refused. */
    static String outcome(Callable<byte[]> again) {
        try {
            return "ok " + hex(again.call());
        } catch (Exception e) {
            return "refused";
        }
    }

    /** Strings beyond U+FFFF, which Java writes in its own way, are left out. */
    static boolean hasSurrogate(String hex) {
        for (int i = 0; i + 4 <= hex.length(); i += 2) {
            if (hex.startsWith("ed", i) && "ab".indexOf(hex.charAt(i + 2)) >= 0) {
                return true;
            }
        }
        return false;
    }

    /** Whether a vector of strings has a null in it. */
    static boolean hasNullElement(Record record) throws Exception {
        for (Field field : record.getClass().getDeclaredFields()) {
            if (field.getType() == List.class && !Modifier.isStatic(field.getModifiers())) {
                field.setAccessible(true);
                List<?> list = (List<?>) field.get(record);
                if (list != null && list.contains(null)) {
                    return true;
                }
            }
        }
        return false;
    }

    // Files

    void records() throws Exception {
        List<String> lines = new ArrayList<>();
        for (Class<? extends Record> type : RECORDS) {
            for (String style : STYLES) {
                byte[] bytes = bytes(new Filler(style).record(type));
                lines.add(type.getSimpleName() + " " + style + " " + hex(bytes));
            }
        }
        write("records.txt", lines);
    }

    void decodes() throws Exception {
        List<String> lines = new ArrayList<>();
        for (Class<? extends Record> type : RECORDS) {
            if (type == ConnectRequest.class || type == ConnectResponse.class
                || type == LearnerInfo.class) {
                continue;
            }
            Constructor<? extends Record> empty = type.getConstructor();
            for (String style : new String[] {"numbered", "nulls", "empty"}) {
                byte[] bytes = bytes(new Filler(style).record(type));
                for (int i = 0; i < MUTATIONS; i++) {
                    byte[] input = mutate(bytes);
                    Record[] record = {empty.newInstance()};
                    String outcome = outcome(() -> bytes(read(record[0], input)));
                    if (!hasSurrogate(outcome) && !hasNullElement(record[0])) {
                        lines.add(type.getSimpleName() + " " + hex(input) + " " + outcome);
                    }
                }
            }
        }
        write("decodes.txt", lines);
    }

    static final List<ACL> OPEN = ZooDefs.Ids.OPEN_ACL_UNSAFE;

    static Stat stat() {
        return new Stat(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
    }

    void multis() throws Exception {
        byte[] data = "data".getBytes(StandardCharsets.UTF_8);
        List<String> lines = new ArrayList<>();
        List<byte[]> requests = new ArrayList<>();
        requests.add(bytes(new MultiOperationRecord()));
        requests.add(bytes(new MultiOperationRecord(List.of(
            Op.check("/a", 3),
            Op.create("/a/b", data, OPEN, CreateMode.PERSISTENT),
            Op.create("/a/c", null, OPEN, CreateMode.EPHEMERAL_SEQUENTIAL),
            Op.create("/a/d", data, OPEN, CreateMode.CONTAINER),
            Op.create("/a/e", data, OPEN, CreateMode.PERSISTENT_WITH_TTL, 1000),
            Op.setData("/a", new byte[0], -1),
            Op.delete("/a/b", 0)))));
        requests.add(bytes(new MultiOperationRecord(List.of(
            Op.getChildren("/a"), Op.getData("/a/b")))));
        for (byte[] request : requests) {
            lines.add("request " + hex(request));
        }
        List<byte[]> responses = new ArrayList<>();
        for (List<OpResult> results : List.of(
            List.<OpResult>of(),
            List.of(
                new OpResult.CheckResult(), new OpResult.CreateResult("/a/b"),
                new OpResult.CreateResult("/a/c0000000001", stat()),
                new OpResult.SetDataResult(stat()), new OpResult.DeleteResult()),
            List.of(
                new OpResult.GetChildrenResult(List.of("b", "c")),
                new OpResult.GetDataResult(data, stat()),
                new OpResult.ErrorResult(KeeperException.Code.NONODE.intValue())),
            List.<OpResult>of(
                new OpResult.ErrorResult(0), new OpResult.ErrorResult(-110),
                new OpResult.ErrorResult(-2)))) {
            MultiResponse response = new MultiResponse();
            results.forEach(response::add);
            responses.add(bytes(response));
            lines.add("response " + hex(bytes(response)));
        }
        write("multis.txt", lines);

        List<String> decodes = new ArrayList<>();
        for (int op : new int[] {1, 15, 19, 21}) {
            for (int flags = -1; flags <= 7; flags++) {
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                out.write(bytes(new MultiHeader(op, false, -1)));
                Record create = op == 21
                    ? new CreateTTLRequest("/x", data, OPEN, flags, 7)
                    : new CreateRequest("/x", data, OPEN, flags);
                out.write(bytes(create));
                out.write(bytes(new MultiHeader(-1, true, -1)));
                requests.add(out.toByteArray());
                decodes.add(multiRequest(out.toByteArray()));
            }
        }
        for (boolean watch : new boolean[] {false, true}) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(bytes(new MultiHeader(8, false, 17)));
            out.write(bytes(new GetChildrenRequest("/x", watch)));
            out.write(bytes(new MultiHeader(4, false, 0)));
            out.write(bytes(new GetDataRequest("/x", watch)));
            out.write(bytes(new MultiHeader(14, true, 5)));
            decodes.add(multiRequest(out.toByteArray()));
            out = new ByteArrayOutputStream();
            out.write(bytes(new MultiHeader(8, false, -1)));
            out.write(bytes(new GetChildrenRequest("/x", watch)));
            out.write(bytes(new MultiHeader(2, false, -1)));
            out.write(bytes(new DeleteRequest("/x", 3)));
            out.write(bytes(new MultiHeader(-1, true, -1)));
            decodes.add(multiRequest(out.toByteArray()));
        }
        for (int op = -12; op <= 110; op++) {
            ByteArrayOutputStream out = new ByteArrayOutputStream();
            out.write(bytes(new MultiHeader(op, false, -1)));
            out.write(bytes(new CreateTTLRequest("/x", data, OPEN, 5, 7)));
            byte[] input = out.toByteArray();
            decodes.add(multiRequest(input));
            decodes.add(multiResponse(input));
        }
        for (int i = 0; i < 400; i++) {
            decodes.add(multiRequest(mutate(requests.get(random.nextInt(requests.size())))));
            decodes.add(multiResponse(mutate(responses.get(random.nextInt(responses.size())))));
        }
        decodes.removeIf(line -> line.isEmpty() || hasSurrogate(line));
        write("multi-decodes.txt", decodes);
    }

    static String multiRequest(byte[] input) {
        return "request " + hex(input) + " "
            + outcome(() -> bytes(read(new MultiOperationRecord(), input)));
    }

    static String multiResponse(byte[] input) {
        MultiResponse response = new MultiResponse();
        String outcome = outcome(() -> bytes(read(response, input)));
        for (OpResult result : response) {
            if (result instanceof OpResult.GetChildrenResult) {
                List<String> children = ((OpResult.GetChildrenResult) result).getChildren();
                if (children != null && children.contains(null)) {
                    return "";
                }
            }
        }
        return "response " + hex(input) + " " + outcome;
    }

    void txns() throws Exception {
        byte[] data = "data".getBytes(StandardCharsets.UTF_8);
        List<Txn> parts = new ArrayList<>();
        parts.add(new Txn(1, bytes(new CreateTxn("/a", data, OPEN, false, 1))));
        parts.add(new Txn(13, bytes(new CheckVersionTxn("/a", 0))));
        parts.add(new Txn(2, bytes(new DeleteTxn("/a"))));
        parts.add(new Txn(-1, bytes(new ErrorTxn(-101))));
        Object[][] rows = {
            {1, new CreateTxn("/a", data, OPEN, false, 1)},
            {1, new CreateTxnV0("/a", data, OPEN, true)},
            {15, new CreateTxn("/a", null, OPEN, true, 1)},
            {19, new CreateContainerTxn("/a", data, OPEN, 2)},
            {21, new CreateTTLTxn("/a", data, OPEN, 3, 1000)},
            {2, new DeleteTxn("/a")},
            {20, new DeleteTxn("/a")},
            {5, new SetDataTxn("/a", data, 4)},
            {16, new SetDataTxn("/zookeeper/config", data, -1)},
            {7, new SetACLTxn("/a", OPEN, 5)},
            {14, new MultiTxn(parts)},
            {-10, new CreateSessionTxn(30000)},
            {-11, new CloseSessionTxn(List.of("/a", "/b"))},
            {-11, new CloseSessionTxn(List.of())},
            {-11, null},
            {-1, new ErrorTxn(-110)},
        };
        List<String> lines = new ArrayList<>();
        List<String> decodes = new ArrayList<>();
        for (Object[] row : rows) {
            TxnHeader header = new TxnHeader(0x100000000000001L, 7, 0x200000003L, 1234, (int) row[0]);
            for (TxnDigest digest : new TxnDigest[] {null, new TxnDigest(2, 1371985504L)}) {
                if (digest != null && (row[1] == null || row[1] instanceof CreateTxnV0)) {
                    continue;
                }
                byte[] entry = Util.marshallTxnEntry(header, (Record) row[1], digest);
                lines.add(hex(entry));
                for (int i = 0; i < 40; i++) {
                    byte[] input = mutate(entry);
                    boolean[] odd = {false};
                    String outcome = outcome(() -> {
                        TxnLogEntry again = SerializeUtils.deserializeTxn(input);
                        odd[0] = again.getTxn() != null && hasNullElement(again.getTxn());
                        return Util.marshallTxnEntry(
                            again.getHeader(), again.getTxn(), again.getDigest());
                    });
                    if (!hasSurrogate(outcome) && !odd[0] && !isDigestOnly(input)) {
                        decodes.add(hex(input) + " " + outcome);
                    }
                }
            }
        }
        write("txns.txt", lines);
        write("txn-decodes.txt", decodes);
    }

    /** Whether bytes look like the end of a session and a digest: Apache takes these for paths. */
    static boolean isDigestOnly(byte[] entry) {
        ByteBuffer buffer = ByteBuffer.wrap(entry);
        return entry.length == 44 && buffer.getInt(28) == -11 && buffer.getInt(32) == 2;
    }

    void connects() throws Exception {
        byte[] password = new byte[16];
        Arrays.fill(password, (byte) 9);
        byte[] request = bytes(new ConnectRequest(0, 5, 30000, 0x100000000000001L, password, true));
        byte[] response = bytes(new ConnectResponse(0, 30000, 0x100000000000001L, password, true));
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < 60; i++) {
            byte[] input = switch (i) {
                case 0 -> request;
                case 1 -> Arrays.copyOf(request, request.length - 1);
                default -> mutate(request);
            };
            lines.add("request " + hex(input) + " " + outcome(() -> {
                ProtocolManager manager = new ProtocolManager();
                ConnectRequest again = manager.deserializeConnectRequest(
                    BinaryInputArchive.getArchive(new ByteArrayInputStream(input)));
                byte[] written = bytes(again);
                return manager.isReadonlyAvailable()
                    ? written : Arrays.copyOf(written, written.length - 1);
            }));
        }
        for (int i = 0; i < 60; i++) {
            byte[] input = switch (i) {
                case 0 -> response;
                case 1 -> Arrays.copyOf(response, response.length - 1);
                default -> mutate(response);
            };
            lines.add("response " + hex(input) + " " + outcome(() -> {
                ProtocolManager manager = new ProtocolManager();
                ConnectResponse again = manager.deserializeConnectResponse(
                    BinaryInputArchive.getArchive(new ByteArrayInputStream(input)));
                ByteArrayOutputStream out = new ByteArrayOutputStream();
                manager.serializeConnectResponse(again, BinaryOutputArchive.getArchive(out));
                return out.toByteArray();
            }));
        }
        write("connects.txt", lines);
    }

    /** Bytes of a string, and the UTF-8 of the characters that Java reads. */
    void texts() throws Exception {
        List<byte[]> inputs = new ArrayList<>();
        int[] leads = {0x41, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xed, 0xef, 0xf0, 0xf1,
            0xf4, 0xf5, 0xf7, 0xf8, 0xff};
        int[] seconds = {0x41, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xed, 0xf0};
        for (int lead : leads) {
            inputs.add(new byte[] {(byte) lead});
            for (int second : seconds) {
                inputs.add(new byte[] {(byte) lead, (byte) second});
                for (int third : new int[] {0x41, 0x80, 0xed}) {
                    inputs.add(new byte[] {(byte) lead, (byte) second, (byte) third});
                    for (int fourth : new int[] {0x41, 0x80}) {
                        inputs.add(new byte[] {
                            (byte) lead, (byte) second, (byte) third, (byte) fourth});
                    }
                }
            }
        }
        for (int i = 0; i < 600; i++) {
            byte[] input = new byte[5 + random.nextInt(12)];
            for (int j = 0; j < input.length; j++) {
                input[j] = (byte) (random.nextBoolean()
                    ? leads[random.nextInt(leads.length)]
                    : seconds[random.nextInt(seconds.length)]);
            }
            inputs.add(input);
        }
        List<String> lines = new ArrayList<>();
        for (byte[] input : inputs) {
            ByteBuffer buffer = ByteBuffer.allocate(4 + input.length);
            buffer.putInt(input.length).put(input);
            String text = BinaryInputArchive
                .getArchive(new ByteArrayInputStream(buffer.array())).readString("");
            lines.add(hex(input) + " " + hex(text.getBytes(StandardCharsets.UTF_8)));
        }
        write("texts.txt", lines);
    }

    void paths() throws Exception {
        List<String> paths = new ArrayList<>(List.of(
            "", "/", "//", "a", "a/b", "/a", "/a/", "/a//b", "//a", "/a//", "/.", "/..", "/a/.",
            "/a/..", "/./a", "/../a", "/a/./b", "/a/../b", "/...", "/.a", "/..a", "/a.", "/a..",
            "/a./b", "/a../b", "/a/.../b", "/\0", "/a\0b", "/a/\u0001", "/a\u001fb", "/a b",
            "/a\u007f", "/\u009f", "/\u00a0", "/\u00e9/\u6f22", "/\ud7ff", "/\ue000", "/\uf8ff",
            "/\uf900", "/\uffef", "/\ufff0", "/\ufffd", "/\uffff", "/a\ud83d\ude00b",
            "/zookeeper/config", "/a/b/c/d/e", "/a/./\0", "/a/\0/.", "/a..b/.", "/a/..\0"));
        List<String> lines = new ArrayList<>();
        for (String path : paths) {
            String outcome = "ok";
            try {
                PathUtils.validatePath(path);
            } catch (IllegalArgumentException e) {
                String message = e.getMessage();
                int cause = message.indexOf("\" caused by ");
                outcome = cause < 0 ? message : message.substring(cause + 12);
            }
            lines.add(hex(path.getBytes(StandardCharsets.UTF_8)) + " " + outcome);
        }
        write("paths.txt", lines);
    }

    /** Every number with a name. */
    void codes() throws Exception {
        List<String> lines = new ArrayList<>();
        for (KeeperException.Code code : KeeperException.Code.values()) {
            KeeperException exception = code == KeeperException.Code.OK
                ? null : create(code);
            String message = exception == null
                ? "ok" : exception.getMessage().replace("KeeperErrorCode = ", "");
            lines.add("error " + code.intValue() + " " + code.name() + " " + message);
        }
        for (Field field : ZooDefs.OpCode.class.getDeclaredFields()) {
            int op = field.getInt(null);
            lines.add("op " + op + " " + Request.op2String(op));
        }
        for (CreateMode mode : CreateMode.values()) {
            lines.add("mode " + mode.toFlag() + " " + mode.isEphemeral() + " " + mode.isSequential()
                + " " + mode.isContainer() + " " + mode.isTTL());
        }
        for (org.apache.zookeeper.Watcher.Event.EventType type
            : org.apache.zookeeper.Watcher.Event.EventType.values()) {
            lines.add("event " + type.getIntValue() + " " + type.name());
        }
        Class<?> leader = Class.forName("org.apache.zookeeper.server.quorum.Leader");
        Method name = leader.getMethod("getPacketType", int.class);
        for (int type = 0; type <= 30; type++) {
            lines.add("packet " + type + " " + name.invoke(null, type));
        }
        write("codes.txt", lines);
    }

    static KeeperException create(KeeperException.Code code) {
        try {
            return KeeperException.create(code);
        } catch (IllegalArgumentException e) {
            return new KeeperException(code) { };
        }
    }

    void notifications() throws Exception {
        Class<?> election = Class.forName("org.apache.zookeeper.server.quorum.FastLeaderElection");
        Method old = election.getDeclaredMethod(
            "buildMsg", int.class, long.class, long.class, long.class, long.class);
        Method today = election.getDeclaredMethod(
            "buildMsg", int.class, long.class, long.class, long.class, long.class, byte[].class);
        old.setAccessible(true);
        today.setAccessible(true);
        byte[] config = "server.1=a:2888:3888:participant\nversion=0".getBytes();
        List<String> lines = new ArrayList<>();
        ByteBuffer built = (ByteBuffer) old.invoke(null, 2, 3L, 0x500000007L, 8L, 5L);
        lines.add("3.4 " + hex(built.array()));
        built = (ByteBuffer) today.invoke(null, 0, 3L, 0x500000007L, 8L, 5L, config);
        lines.add("today " + hex(built.array()));
        write("notifications.txt", lines);
    }
}
