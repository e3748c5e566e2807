// Apache ZooKeeper's own classes on its files, for tests: run by `java -cp <jars> ApacheFiles.java`.
//
//   write FOLDER   in each folder below, which is named by a method of compression or "none": 500
//                  creates in logs, with a snapshot after the first 200
//   read FOLDER    what a server finds at its start in each folder below
//
// Both print a line for each folder.

import java.io.File;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import org.apache.jute.Record;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.server.DataTree;
import org.apache.zookeeper.server.Request;
import org.apache.zookeeper.server.persistence.FileTxnSnapLog;
import org.apache.zookeeper.server.persistence.SnapStream;
import org.apache.zookeeper.txn.CreateSessionTxn;
import org.apache.zookeeper.txn.CreateTxn;
import org.apache.zookeeper.txn.TxnHeader;

public class ApacheFiles {
    public static void main(String[] args) throws Exception {
        File[] folders = new File(args[1]).listFiles();
        Arrays.sort(folders);
        for (File folder : folders) {
            SnapStream.setStreamMode(SnapStream.StreamMode.fromString(folder.getName()));
            FileTxnSnapLog files = new FileTxnSnapLog(folder, folder);
            System.out.print(folder.getName() + " ");
            if (args[0].equals("write")) {
                write(files);
            } else {
                read(files);
            }
        }
    }

    static void write(FileTxnSnapLog files) throws Exception {
        DataTree tree = new DataTree();
        ConcurrentHashMap<Long, Integer> sessions = new ConcurrentHashMap<>();
        files.save(tree, sessions, true);
        append(files, tree, 1, -10, new CreateSessionTxn(30000));
        sessions.put(7L, 30000);
        for (int zxid = 2; zxid <= 500; zxid++) {
            byte[] data = new byte[zxid * 37 % 2000];
            String path = "/n" + zxid;
            Record txn = new CreateTxn(path, data, ZooDefs.Ids.CREATOR_ALL_ACL, zxid % 5 == 0, zxid);
            append(files, tree, zxid, 1, txn);
            if (zxid == 200) {
                files.commit();
                files.rollLog();
                files.save(tree, sessions, true);
            }
        }
        files.commit();
        files.close();
        System.out.println(line(tree, sessions.size()));
    }

    static void append(FileTxnSnapLog files, DataTree tree, long zxid, int type, Record txn)
            throws Exception {
        TxnHeader header = new TxnHeader(7, (int) zxid, zxid, 1700000000000L + zxid, type);
        tree.processTxn(header, txn);
        Request request = new Request(7, (int) zxid, type, header, txn, zxid);
        request.setTxnDigest(new org.apache.zookeeper.txn.TxnDigest(2, tree.getTreeDigest()));
        files.append(request);
    }

    static void read(FileTxnSnapLog files) throws Exception {
        DataTree tree = new DataTree();
        ConcurrentHashMap<Long, Integer> sessions = new ConcurrentHashMap<>();
        files.restore(tree, sessions, (header, txn, digest) -> { });
        System.out.println(line(tree, sessions.size()));
    }

    static String line(DataTree tree, int sessions) {
        return "zxid=" + tree.lastProcessedZxid + " nodes=" + tree.getNodeCount()
            + " digest=" + tree.getTreeDigest() + " sessions=" + sessions;
    }
}
