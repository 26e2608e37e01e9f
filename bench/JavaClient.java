import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import javax.management.MBeanServerConnection;
import javax.management.ObjectName;
import javax.management.remote.JMXConnectorFactory;
import javax.management.remote.JMXServiceURL;

/**
 * Java's own JMX client, kept open, with its names known: the best a poller in Java can be.
 *
 * Arguments: service URL, pattern, attributes. Prints "ready"; then for each line of standard input
 * polls once and prints the number of values and the CPU seconds this process has taken so far.
 */
public final class JavaClient {
    public static void main(String[] args) throws Exception {
        MBeanServerConnection server =
            JMXConnectorFactory.connect(new JMXServiceURL(args[0])).getMBeanServerConnection();
        List<ObjectName> names = new ArrayList<>(server.queryNames(new ObjectName(args[1]), null));
        String[] attributes = args[2].split(",");
        var system =
            (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        System.out.println("ready");
        while (System.in.read() >= 0) {
            while (System.in.available() > 0) System.in.read();
            int values = 0;
            for (ObjectName name : names) values += server.getAttributes(name, attributes).size();
            System.out.println(values + " " + system.getProcessCpuTime() / 1e9);
        }
    }
}
