import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * Java's own JMX client, kept open, with its names known: the best a poller in Java can be.
 *
 * Arguments: service URL, and a file with a line for each MBean: its name, a tab, attributes. Prints
 * "ready"; then for each line of standard input polls once and prints the number of values and the
 * CPU seconds this process has taken so far.
 */
public final class JavaClient {
    public static void main(String[] args) throws Exception {
        MBeanServerConnection server =
            JMXConnectorFactory.connect(new JMXServiceURL(args[0])).getMBeanServerConnection();
        List<ObjectName> names = new ArrayList<>();
        List<String[]> attributes = new ArrayList<>();
        for (String line : Files.readAllLines(Path.of(args[1]))) {
            String[] parts = line.split("\t");
            names.add(new ObjectName(parts[0]));
            attributes.add(parts[1].split(","));
        }
        var system =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            while (System.in.available() > 0) System.in.read();
            int values = 0;
            for (int i = 0; i < names.size(); i++)
                values += server.getAttributes(names.get(i), attributes.get(i)).size();
            System.out.println(values + " " + system.getProcessCpuTime() / 1e9);
        }
    }
}
