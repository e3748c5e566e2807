package riverkeeper.bench;

import com.sun.management.OperatingSystemMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.core.execution.JobClient;
import org.apache.flink.table.api.EnvironmentSettings;
import org.apache.flink.table.api.TableEnvironment;

/**
 * Runs SQL scripts to their end in a local cluster inside this process and prints what the last one
 * took. The scripts before it warm up the JVM.
 *
 * <p>Arguments: {@code -D key=value} options of the session, then script files.
 */
public final class RunScript {
    private RunScript() {}

    public static void main(String[] arguments) throws Exception {
        Configuration configuration = new Configuration();
        List<Path> scripts = new ArrayList<>();
        for (int i = 0; i < arguments.length; i++) {
            if (arguments[i].equals("-D")) {
                String[] pair = arguments[++i].split("=", 2);
                configuration.setString(pair[0], pair[1]);
            } else {
                scripts.add(Path.of(arguments[i]));
            }
        }
        for (Path script : scripts) {
            long startCpu = cpuNanos();
            double jobSeconds = run(configuration, Files.readString(script));
            System.out.printf(
                    Locale.ROOT,
                    "script=%s job_seconds=%.3f cpu_seconds=%.3f peak_rss_kib=%d%n",
                    script.getFileName(),
                    jobSeconds,
                    (cpuNanos() - startCpu) / 1e9,
                    peakResidentKib());
        }
        System.exit(0);
    }

    /** Runs a script; the seconds its jobs ran, without planning and submission. */
    private static double run(Configuration configuration, String script) throws Exception {
        TableEnvironment tables = TableEnvironment.create(
                EnvironmentSettings.newInstance()
                        .inStreamingMode()
                        .withConfiguration(configuration)
                        .build());
        double seconds = 0;
        for (String statement : statements(script)) {
            Optional<JobClient> job = tables.executeSql(statement).getJobClient();
            if (job.isPresent()) {
                seconds += job.get().getJobExecutionResult().get().getNetRuntime() / 1e3;
            }
        }
        return seconds;
    }

    /** Splits a script at the semicolons outside of quotes; drops {@code --} comments. */
    static List<String> statements(String script) {
        List<String> statements = new ArrayList<>();
        StringBuilder statement = new StringBuilder();
        char quote = 0;
        for (int i = 0; i < script.length(); i++) {
            char c = script.charAt(i);
            if (quote == 0 && c == '-' && script.startsWith("--", i)) {
                int end = script.indexOf('\n', i);
                i = end < 0 ? script.length() : end - 1;
                continue;
            }
            if (quote != 0) {
                quote = c == quote ? 0 : quote;
            } else if (c == '\'' || c == '`' || c == '"') {
                quote = c;
            } else if (c == ';') {
                statements.add(statement.toString().strip());
                statement.setLength(0);
                continue;
            }
            statement.append(c);
        }
        statements.add(statement.toString().strip());
        statements.removeIf(String::isEmpty);
        return statements;
    }

    private static long cpuNanos() {
        return ((OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean())
                .getProcessCpuTime();
    }

    private static long peakResidentKib() throws Exception {
        for (String line : Files.readAllLines(Path.of("/proc/self/status"))) {
            if (line.startsWith("VmHWM:")) {
                return Long.parseLong(line.replaceAll("[^0-9]", ""));
            }
        }
        return 0;
    }
}
