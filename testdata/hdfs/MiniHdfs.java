// A Hadoop cluster for the storage tests: two NameNodes of the name service "ns" (one active, one
// standby, sharing their edits through a folder) and one DataNode, all Hadoop's own, on free ports
// of the loopback interface.
//
//   java -cp 'jars/*' MiniHdfs.java FOLDER
//
// writes FOLDER/conf/core-site.xml and hdfs-site.xml for clients, then FOLDER/ready with the
// address of the active NameNode. Lines of standard input: "failover" makes the other NameNode
// active, "stop-datanode" leaves none; a file of that name in FOLDER says that it is done. The end
// of input ends the process.

import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.hdfs.MiniDFSCluster;
import org.apache.hadoop.hdfs.MiniDFSNNTopology;

public class MiniHdfs {
    public static void main(String[] args) throws Exception {
        Path folder = Path.of(args[0]).toAbsolutePath();
        Configuration conf = new Configuration();
        conf.set("hdfs.minidfs.basedir", folder.resolve("data").toString());
        // Several blocks to an object of the tests.
        conf.set("dfs.blocksize", "8388608");
        conf.set("dfs.permissions.enabled", "true");
        // A standby follows soon.
        conf.set("dfs.ha.tail-edits.period", "1");
        conf.set("dfs.ha.log-roll.period", "1");
        MiniDFSNNTopology topology = new MiniDFSNNTopology().addNameservice(
            new MiniDFSNNTopology.NSConf("ns")
                .addNN(new MiniDFSNNTopology.NNConf("nn1"))
                .addNN(new MiniDFSNNTopology.NNConf("nn2")));
        MiniDFSCluster cluster = new MiniDFSCluster.Builder(conf)
            .nnTopology(topology)
            .numDataNodes(1)
            .build();
        cluster.transitionToActive(0);
        cluster.waitActive();
        cluster.getFileSystem(0).setPermission(
            new org.apache.hadoop.fs.Path("/"), new org.apache.hadoop.fs.permission.FsPermission("777"));
        writeClientFiles(folder.resolve("conf"), cluster);
        publish(folder.resolve("ready"), "127.0.0.1:" + cluster.getNameNodePort(0) + "\n");

        BufferedReader input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            if (line.equals("failover")) {
                cluster.transitionToStandby(0);
                cluster.transitionToActive(1);
            } else if (line.equals("stop-datanode")) {
                cluster.stopDataNode(0);
            }
            publish(folder.resolve(line), "");
        }
        cluster.shutdown();
        System.exit(0);
    }

    private static void writeClientFiles(Path conf, MiniDFSCluster cluster) throws Exception {
        Files.createDirectories(conf);
        write(conf.resolve("core-site.xml"), Map.of("fs.defaultFS", "hdfs://ns"));
        Map<String, String> hdfs = new TreeMap<>();
        hdfs.put("dfs.nameservices", "ns");
        hdfs.put("dfs.ha.namenodes.ns", "nn1,nn2");
        // The standby first: clients must find the active one.
        hdfs.put("dfs.namenode.rpc-address.ns.nn1", "127.0.0.1:" + cluster.getNameNodePort(1));
        hdfs.put("dfs.namenode.rpc-address.ns.nn2", "127.0.0.1:" + cluster.getNameNodePort(0));
        hdfs.put("dfs.client.failover.proxy.provider.ns",
            "org.apache.hadoop.hdfs.server.namenode.ha.ConfiguredFailoverProxyProvider");
        write(conf.resolve("hdfs-site.xml"), hdfs);
    }

    private static void write(Path file, Map<String, String> properties) throws Exception {
        StringBuilder text = new StringBuilder("<?xml version=\"1.0\"?>\n<configuration>\n");
        for (Map.Entry<String, String> property : properties.entrySet()) {
            text.append("<property><name>").append(property.getKey()).append("</name><value>")
                .append(property.getValue()).append("</value></property>\n");
        }
        Files.writeString(file, text.append("</configuration>\n"));
    }

    /** Written under another name first: a reader sees all of it. */
    private static void publish(Path file, String text) throws Exception {
        Path temporary = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(temporary, text);
        Files.move(temporary, file);
    }
}
