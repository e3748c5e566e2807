import java.io.DataInputStream;
import java.io.File;
import java.io.FileInputStream;
import java.util.Objects;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.TxnLogEntry;
import org.apache.zookeeper.server.util.SerializeUtils;

/**
 * Applies transactions to Apache's tree and compares what it makes of them with what `keeper-core`
 * made of them: error and digest of each, and every node afterwards. The test that writes the file
 * says how it is laid out: `crates/keeper-core/src/prep/tests/apache.rs`.
 */
public class ApacheTree {
    public static void main(String[] args) throws Exception {
        for (String file : args) {
            try (DataInputStream in = new DataInputStream(new FileInputStream(file))) {
                System.out.println(new File(file).getName() + ": " + compare(in));
            }
        }
        System.exit(0);
    }

    private static String compare(DataInputStream in) throws Exception {
        DataTree tree = new DataTree();
        int txns = in.readInt();
        for (int i = 0; i < txns; i++) {
            byte[] bytes = new byte[in.readInt()];
            in.readFully(bytes);
            TxnLogEntry entry = SerializeUtils.deserializeTxn(bytes);
            int err = tree.processTxn(entry.getHeader(), entry.getTxn()).err;
            String theirs = err + " " + tree.getTreeDigest();
            String ours = in.readInt() + " " + in.readLong();
            if (!theirs.equals(ours)) {
                return "transaction " + i + " is " + theirs + " there, " + ours + " here";
            }
        }
        int nodes = in.readInt();
        // The root has two keys.
        if (nodes != tree.getNodeCount() - 1) {
            return (tree.getNodeCount() - 1) + " nodes there, " + nodes + " here";
        }
        for (int i = 0; i < nodes; i++) {
            String path = in.readUTF();
            String ours = in.readUTF();
            Stat stat = new Stat();
            byte[] data = tree.getData(path, stat, null);
            String theirs = text(stat) + " " + (data == null ? "null" : new String(data, "UTF-8"));
            if (!Objects.equals(theirs, ours)) {
                return path + " is " + theirs + " there, " + ours + " here";
            }
        }
        return "same";
    }

    private static String text(Stat s) {
        return s.getCzxid() + " " + s.getMzxid() + " " + s.getCtime() + " " + s.getMtime() + " "
            + s.getVersion() + " " + s.getCversion() + " " + s.getAversion() + " "
            + s.getEphemeralOwner() + " " + s.getDataLength() + " " + s.getNumChildren() + " "
            + s.getPzxid();
    }
}
