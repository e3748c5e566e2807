// Stands in the place of Curator's own class of this name, for its tests: the server is a process,
// started by the command in the system property `suites.server` as
//
//     COMMAND -Dname=value.. org.apache.zookeeper.server.quorum.QuorumPeerMain zoo.cfg
//
// which is how Apache's start script does it.

package org.apache.curator.test;

import java.io.Closeable;
import java.io.File;
import java.io.IOException;
import java.net.BindException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

public class TestingServer implements Closeable {
    private static final String MAIN = "org.apache.zookeeper.server.quorum.QuorumPeerMain";

    private final InstanceSpec spec;
    private Process process;
    private boolean closed;

    public TestingServer() throws Exception {
        this(true);
    }

    public TestingServer(boolean start) throws Exception {
        this(InstanceSpec.newInstanceSpec(), start);
    }

    public TestingServer(int port) throws Exception {
        this(port, true);
    }

    public TestingServer(int port, boolean start) throws Exception {
        this(new InstanceSpec(null, port, -1, -1, true, -1), start);
    }

    public TestingServer(int port, File tempDirectory) throws Exception {
        this(port, tempDirectory, true);
    }

    public TestingServer(int port, File tempDirectory, boolean start) throws Exception {
        this(new InstanceSpec(tempDirectory, Math.max(0, port), -1, -1, true, -1), start);
    }

    public TestingServer(InstanceSpec spec, boolean start) throws Exception {
        this.spec = spec;
        if (start) {
            start();
        }
    }

    public int getPort() {
        return spec.getPort();
    }

    public File getTempDirectory() {
        return spec.getDataDirectory();
    }

    public String getConnectString() {
        return spec.getConnectString();
    }

    public synchronized void start() throws Exception {
        if (closed) {
            throw new IllegalStateException("closed");
        }
        if (process != null) {
            return;
        }
        try (ServerSocket free = new ServerSocket()) {
            free.setReuseAddress(true);
            free.bind(new InetSocketAddress(spec.getHostname(), getPort()));
        } catch (IOException error) {
            throw new BindException("port " + getPort() + ": " + error.getMessage());
        }
        List<String> command = new ArrayList<>();
        command.add(System.getProperty("suites.server"));
        for (String name : System.getProperties().stringPropertyNames()) {
            // Apache's own server, of which some tests start several here, leaves its keys behind.
            if (name.startsWith("zookeeper.") && !name.startsWith("zookeeper.server.")
                    || name.startsWith("znode.") || name.equals("readonlymode.enabled")) {
                command.add("-D" + name + "=" + System.getProperty(name));
            }
        }
        command.add(MAIN);
        command.add(configuration().toString());
        File log = new File(System.getProperty("suites.log"));
        process = new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(ProcessBuilder.Redirect.appendTo(log))
            .start();
        awaitPort();
    }

    private Path configuration() throws IOException {
        List<String> lines = new ArrayList<>();
        Files.createDirectories(getTempDirectory().toPath());
        lines.add("dataDir=" + getTempDirectory());
        lines.add("clientPort=" + getPort());
        lines.add("admin.enableServer=false");
        lines.add("4lw.commands.whitelist=*");
        if (spec.getTickTime() >= 0) {
            lines.add("tickTime=" + spec.getTickTime());
        }
        if (spec.getMaxClientCnxns() >= 0) {
            lines.add("maxClientCnxns=" + spec.getMaxClientCnxns());
        }
        for (Map.Entry<String, Object> property : spec.getCustomProperties().entrySet()) {
            lines.add(property.getKey() + "=" + property.getValue());
        }
        Path file = getTempDirectory().toPath().resolve("zoo.cfg");
        return Files.write(file, lines);
    }

    private void awaitPort() throws Exception {
        long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(30);
        while (true) {
            try (Socket socket = new Socket()) {
                socket.connect(new InetSocketAddress("127.0.0.1", getPort()), 1000);
                socket.getOutputStream().write("srvr".getBytes());
                socket.setSoTimeout(2000);
                if (new String(socket.getInputStream().readAllBytes()).contains("Mode: ")) {
                    return;
                }
            } catch (IOException notYet) {
                if (!process.isAlive()) {
                    throw new IOException("the server has ended with " + process.exitValue());
                }
            }
            if (System.nanoTime() > until) {
                throw new IOException("the server does not serve");
            }
            Thread.sleep(20);
        }
    }

    public synchronized void stop() throws IOException {
        if (process == null) {
            return;
        }
        process.destroy();
        try {
            if (!process.waitFor(20, TimeUnit.SECONDS)) {
                process.destroyForcibly().waitFor();
            }
        } catch (InterruptedException interrupted) {
            process.destroyForcibly();
            Thread.currentThread().interrupt();
        }
        process = null;
    }

    public synchronized void restart() throws Exception {
        stop();
        start();
    }

    @Override
    public synchronized void close() throws IOException {
        stop();
        closed = true;
        if (spec.deleteDataDirectoryOnClose()) {
            try (Stream<Path> below = Files.walk(getTempDirectory().toPath())) {
                below.sorted(Comparator.reverseOrder()).map(Path::toFile).forEach(File::delete);
            } catch (IOException gone) {
                // Removed by the test.
            }
        }
    }

    TestingZooKeeperServer getTestingZooKeeperServer() {
        throw new UnsupportedOperationException("the server is a process of its own");
    }
}
