import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.File;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.apache.zookeeper.AddWatchMode;
import org.apache.zookeeper.CreateMode;
import org.apache.zookeeper.KeeperException;
import org.apache.zookeeper.Op;
import org.apache.zookeeper.WatchedEvent;
import org.apache.zookeeper.Watcher;
import org.apache.zookeeper.ZooDefs;
import org.apache.zookeeper.ZooKeeper;
import org.apache.zookeeper.admin.ZooKeeperAdmin;
import org.apache.zookeeper.data.ACL;
import org.apache.zookeeper.data.Stat;
import org.apache.zookeeper.server.NIOServerCnxnFactory;
import org.apache.zookeeper.server.ZooKeeperServer;

/**
 * Runs Apache's server and client, with a relay between them that writes down every frame.
 * README.md describes the file. Times, session ids and passwords differ from run to run.
 */
public class Conversation {
    static final List<ACL> OPEN = ZooDefs.Ids.OPEN_ACL_UNSAFE;

    final List<String> lines = new ArrayList<>();
    final List<Socket> sockets = new ArrayList<>();
    int connections = 0;

    public static void main(String[] arguments) throws Exception {
        System.setProperty("zookeeper.extendedTypesEnabled", "true");
        File data = Files.createTempDirectory("conversation").toFile();
        ZooKeeperServer server = new ZooKeeperServer(data, data, 2000);
        InetAddress here = InetAddress.getLoopbackAddress();
        NIOServerCnxnFactory factory = new NIOServerCnxnFactory();
        factory.configure(new InetSocketAddress(here, 0), 10);
        factory.startup(server);
        Conversation conversation = new Conversation();
        ServerSocket relay = new ServerSocket(0, 10, here);
        daemon(() -> conversation.accept(relay, factory.getLocalPort()));
        String address = here.getHostAddress() + ":" + relay.getLocalPort();
        conversation.talk(address);
        factory.shutdown();
        synchronized (conversation.lines) {
            Files.write(Path.of(arguments[0]).resolve("conversation.txt"), conversation.lines);
        }
        System.exit(0);
    }

    interface Task {
        void run() throws Exception;
    }

    static void daemon(Task task) {
        Thread thread = new Thread(() -> {
            try {
                task.run();
            } catch (Exception e) {
                // The connection has ended.
            }
        });
        thread.setDaemon(true);
        thread.start();
    }

    void accept(ServerSocket relay, int port) throws IOException {
        while (true) {
            Socket client = relay.accept();
            Socket server = new Socket(relay.getInetAddress(), port);
            int number;
            synchronized (lines) {
                number = ++connections;
                sockets.add(client);
                sockets.add(server);
            }
            daemon(() -> pass(client, server, number + " client "));
            daemon(() -> pass(server, client, number + " server "));
        }
    }

    /** Writes each frame down before it is passed on, so that no answer comes before its question. */
    void pass(Socket from, Socket to, String who) throws IOException {
        DataInputStream in = new DataInputStream(from.getInputStream());
        DataOutputStream out = new DataOutputStream(to.getOutputStream());
        try {
            while (true) {
                byte[] frame = new byte[in.readInt()];
                in.readFully(frame);
                synchronized (lines) {
                    lines.add(who + WireFixtures.hex(frame));
                }
                out.writeInt(frame.length);
                out.write(frame);
                out.flush();
            }
        } finally {
            from.close();
            to.close();
        }
    }

    void cut() throws IOException {
        synchronized (lines) {
            for (Socket socket : sockets) {
                socket.close();
            }
            sockets.clear();
        }
    }

    static class Events implements Watcher {
        final BlockingQueue<WatchedEvent> queue = new LinkedBlockingQueue<>();

        @Override
        public void process(WatchedEvent event) {
            queue.add(event);
        }

        void await(Event.KeeperState state) throws InterruptedException {
            while (true) {
                WatchedEvent event = queue.take();
                if (event.getType() == Event.EventType.None && event.getState() == state) {
                    return;
                }
            }
        }
    }

    /** Expects a failure. */
    static void fails(Task task) throws Exception {
        try {
            task.run();
        } catch (KeeperException e) {
            return;
        }
        throw new IllegalStateException("no error");
    }

    void talk(String address) throws Exception {
        Events events = new Events();
        ZooKeeperAdmin client = new ZooKeeperAdmin(address, 30000, events);
        events.await(Watcher.Event.KeeperState.SyncConnected);
        client.addAuthInfo("digest", "user:password".getBytes(StandardCharsets.UTF_8));
        write(client);
        read(client);
        multi(client);
        watch(client);
        fails(() -> client.reconfigure((String) null, "3", null, -1, new Stat()));
        // Watches and identities come back after a broken connection.
        cut();
        events.await(Watcher.Event.KeeperState.Disconnected);
        events.await(Watcher.Event.KeeperState.SyncConnected);
        client.setData("/a", bytes("after"), -1);
        client.getData("/a", false, null);
        client.delete("/a/ephemeral", -1);
        client.close();
    }

    static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    void write(ZooKeeper client) throws Exception {
        client.create("/a", bytes("data"), OPEN, CreateMode.PERSISTENT);
        client.create("/a/null", null, OPEN, CreateMode.PERSISTENT, new Stat());
        client.create("/a/empty", new byte[0], ZooDefs.Ids.CREATOR_ALL_ACL, CreateMode.PERSISTENT);
        client.create("/a/ephemeral", bytes("e"), OPEN, CreateMode.EPHEMERAL);
        client.create("/a/sequential-", bytes("s"), OPEN, CreateMode.PERSISTENT_SEQUENTIAL);
        client.create("/a/container", bytes("c"), OPEN, CreateMode.CONTAINER);
        client.create("/a/ttl", bytes("t"), OPEN, CreateMode.PERSISTENT_WITH_TTL, new Stat(), 60000);
        client.setData("/a", bytes("more"), 0);
        client.setACL("/a/null", ZooDefs.Ids.READ_ACL_UNSAFE, 0);
        client.delete("/a/empty", -1);
        fails(() -> client.create("/a", null, OPEN, CreateMode.PERSISTENT));
        fails(() -> client.create("/none/b", null, OPEN, CreateMode.PERSISTENT));
        fails(() -> client.setData("/a", null, 7));
        fails(() -> client.delete("/a", -1));
        fails(() -> client.create("/a/ephemeral/b", null, OPEN, CreateMode.PERSISTENT));
    }

    void read(ZooKeeper client) throws Exception {
        client.exists("/a", false);
        client.exists("/none", false);
        client.getData("/a", false, new Stat());
        client.getData("/a/null", false, new Stat());
        client.getACL("/a/null", new Stat());
        client.getChildren("/a", false);
        client.getChildren("/a", false, new Stat());
        client.getEphemerals();
        client.getEphemerals("/a");
        client.getAllChildrenNumber("/a");
        client.whoAmI();
        BlockingQueue<String> synced = new LinkedBlockingQueue<>();
        client.sync("/a", (code, path, context) -> synced.add(path), null);
        synced.take();
        fails(() -> client.getData("/none", false, null));
    }

    void multi(ZooKeeper client) throws Exception {
        client.multi(List.of(
            Op.check("/a", 1),
            Op.create("/a/m1", bytes("1"), OPEN, CreateMode.PERSISTENT),
            Op.create("/a/m2", bytes("2"), OPEN, CreateMode.CONTAINER),
            Op.create("/a/m3", bytes("3"), OPEN, CreateMode.PERSISTENT_WITH_TTL, 60000),
            Op.setData("/a/m1", bytes("one"), 0),
            Op.delete("/a/m1", 1)));
        fails(() -> client.multi(List.of(
            Op.create("/a/m4", null, OPEN, CreateMode.PERSISTENT),
            Op.check("/a", 99),
            Op.delete("/a/m4", -1))));
        client.multi(List.of(
            Op.getChildren("/a"), Op.getData("/a"), Op.getData("/none"), Op.getChildren("/none")));
    }

    void watch(ZooKeeper client) throws Exception {
        Events events = new Events();
        client.exists("/a/w", events);
        client.getChildren("/a", events);
        client.create("/a/w", bytes("w"), OPEN, CreateMode.PERSISTENT);
        events.queue.take();
        events.queue.take();
        client.addWatch("/a", events, AddWatchMode.PERSISTENT_RECURSIVE);
        client.setData("/a/w", bytes("x"), -1);
        client.delete("/a/w", -1);
        events.queue.take();
        events.queue.take();
        client.getData("/a", events, null);
        client.removeWatches("/a", events, Watcher.WatcherType.Data, false);
        fails(() -> client.removeAllWatches("/a/null", Watcher.WatcherType.Any, false));
        client.addWatch("/a/null", events, AddWatchMode.PERSISTENT);
        client.getData("/a/ttl", events, null);
        client.exists("/none", events);
        client.getChildren("/a/container", events);
    }
}
